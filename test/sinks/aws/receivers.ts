/**
 * What the tests of the AWS sinks send to: fakes that refuse what AWS refuses, and queues that are read empty.
 *
 * EventBridge and Security Hub are served from their client's own schemas, with the limits that schemas do not hold
 * (entries of a call, sizes, the account of a finding, later UpdatedAt); SQS and SNS are fauxqs. All behind the fault proxy.
 */
import * as eventBridge from "@aws-sdk/client-eventbridge";
import * as securityHub from "@aws-sdk/client-securityhub";
import { DeleteMessageCommand, ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import type { AwsSecurityFinding } from "@aws-sdk/client-securityhub";
import type { Sink } from "../../../src/contracts.ts";
import { type Clock, systemClock } from "../../../src/lib/clock.ts";
import { ADAPTERS } from "../../../src/config/registries.ts";
import { sinkRegistry, type SinkConfig } from "../../../src/sinks/registry.ts";
import type { Emulator, Queue } from "../../fakes/emulator.ts";
import { FakeError, type Fake, serve, startFake } from "../../fakes/service.ts";
import { type FaultProxy, startFaultProxy } from "../../fakes/fault-proxy.ts";

/** The account of the fakes. */
export const ACCOUNT = "111122223333";
const REGION = "eu-west-1";
/** Texts with this get the code that stands behind it, from EventBridge and Security Hub alike. */
const FAILS = /fail-with-([A-Za-z]+)/;

export type Head = { readonly id: string; readonly revision: number };

/** A sink of the registry, as the configuration makes it. */
export function createSinkOf(
  type: SinkConfig["type"],
  settings: Readonly<Record<string, unknown>>,
  clock: Clock = systemClock,
): Sink {
  const config = ADAPTERS.sinks[type]?.schema.parse({ type, region: REGION, ...settings }) as never;
  return sinkRegistry[type].create(config, { version: "0.1.0", stdout: process.stdout, clock });
}

export type Bus = Fake & {
  readonly proxy: FaultProxy;
  /** What was put, in order; `calls` tells how many entries each call had. */
  readonly events: readonly {
    readonly detailType: string;
    readonly source: string;
    readonly detail: string;
    readonly time: string;
  }[];
  readonly calls: readonly number[];
  /** Each code is given to the next entry whose detail has the text, once. */
  failOnce(text: string, code: string): void;
};

/** EventBridge: PutEvents on one bus named "security". */
export async function startBus(): Promise<Bus> {
  const events: Bus["events"][number][] = [];
  const calls: number[] = [];
  const once: [string, string][] = [];
  const faultOf = (detail: string): string | null => {
    const at = once.findIndex(([text]) => detail.includes(text));
    if (at >= 0) return once.splice(at, 1)[0]?.[1] ?? null;
    return FAILS.exec(detail)?.[1] ?? null;
  };
  const service = serve(eventBridge, {
    DescribeEventBus: ({ Name = "" }) => {
      if (Name !== "security") throw new FakeError("ResourceNotFoundException", `Event bus ${Name} does not exist.`);
      return { Name, Arn: `arn:aws:events:eu-west-1:111122223333:event-bus/${Name}` };
    },
    PutEvents: ({ Entries = [] }) => {
      calls.push(Entries.length);
      const bytes = Entries.reduce((sum, { Detail = "" }) => sum + Buffer.byteLength(Detail), 0);
      if (Entries.length === 0 || Entries.length > 10 || bytes > 256 * 1024)
        throw new FakeError("ValidationException", "entries or their size exceed what PutEvents takes", 400);
      if (Entries.some(({ Detail = "" }) => Detail.includes("poison")))
        throw new FakeError("ValidationException", "a member must satisfy its constraint", 400);
      const results = Entries.map(({ Detail = "", DetailType = "", Source = "", EventBusName = "", Time }) => {
        // As AWS does, which says nothing of a bus that is not there.
        if (EventBusName !== "security") return { EventId: "lost" };
        const code = faultOf(Detail);
        if (code !== null) return { ErrorCode: code, ErrorMessage: `${code} as asked` };
        events.push({ detailType: DetailType, source: Source, detail: Detail, time: Time?.toISOString() ?? "" });
        return { EventId: String(events.length) };
      });
      return { FailedEntryCount: results.filter((one) => "ErrorCode" in one).length, Entries: results };
    },
  });
  const fake = await startFake([service]);
  const proxy = await startFaultProxy(fake.url);
  const close = async (): Promise<void> => {
    await proxy.close();
    await fake.close();
  };
  return { ...fake, proxy, events, calls, failOnce: (text, code) => void once.push([text, code]), close };
}

export type Hub = Fake & {
  readonly proxy: FaultProxy;
  /** The findings as they stand, by Id. */
  readonly findings: ReadonlyMap<string, AwsSecurityFinding>;
  /** Imports that changed something, in order. */
  readonly imported: readonly AwsSecurityFinding[];
};

/** Security Hub: takes findings of its own account, and an update only with a later UpdatedAt. */
export async function startHub(): Promise<Hub> {
  const findings = new Map<string, AwsSecurityFinding>();
  const imported: AwsSecurityFinding[] = [];
  const faultOf = (finding: AwsSecurityFinding): string | null => {
    const { AwsAccountId, ProductArn, Title = "", Description = "", Resources = [] } = finding;
    if (
      AwsAccountId !== ACCOUNT ||
      ProductArn !== `arn:aws:securityhub:${REGION}:${ACCOUNT}:product/${ACCOUNT}/default`
    )
      return "InvalidInput";
    if (Title.length > 256 || Description.length > 1024 || Resources.length > 32) return "InvalidInput";
    return FAILS.exec(Title)?.[1] ?? null;
  };
  const service = serve(
    securityHub,
    {
      BatchImportFindings: ({ Findings = [] }) => {
        if (Findings.length === 0 || Findings.length > 100)
          throw new FakeError("InvalidInputException", "1 to 100 findings", 400);
        const failed = Findings.flatMap((finding) => {
          const code = faultOf(finding);
          if (code !== null) return [{ Id: finding.Id ?? "", ErrorCode: code, ErrorMessage: `${code} as asked` }];
          const before = findings.get(finding.Id ?? "");
          if (before === undefined || (finding.UpdatedAt ?? "") > (before.UpdatedAt ?? "")) {
            findings.set(finding.Id ?? "", finding);
            imported.push(finding);
          }
          return [];
        });
        return { FailedCount: failed.length, SuccessCount: Findings.length - failed.length, FailedFindings: failed };
      },
    },
    { invalidCode: "InvalidInputException" },
  );
  const fake = await startFake([service]);
  const proxy = await startFaultProxy(fake.url);
  const close = async (): Promise<void> => {
    await proxy.close();
    await fake.close();
  };
  return { ...fake, proxy, findings, imported, close };
}

/** A message as a reader of the queue gets it. */
export type Read = { readonly body: string; readonly attributes: Readonly<Record<string, string>> };

/** Takes everything out of a queue and remembers it: what has come so far, in order. */
export function createReader({ sqs }: Pick<Emulator, "sqs">, queue: Queue): () => Promise<readonly Read[]> {
  const read: Read[] = [];
  const QueueUrl = queue.url;
  return async () => {
    for (;;) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ["All"] }),
      );
      if (Messages.length === 0) return read;
      for (const { Body = "", MessageAttributes = {}, ReceiptHandle } of Messages) {
        const attributes = Object.entries(MessageAttributes).map(([name, { StringValue = "" }]) => [name, StringValue]);
        read.push({ body: Body, attributes: Object.fromEntries(attributes) as Record<string, string> });
        await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      }
    }
  };
}

/** Ids and revisions of alerts in native form. */
export function toHead(text: string): Head {
  const { id, revision } = JSON.parse(text) as Head;
  return { id, revision };
}
