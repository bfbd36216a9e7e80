/** Every AWS source and sink over emulators and fakes, behind two fault proxies, and the configuration of all of them. */
import * as sts from "@aws-sdk/client-sts";
import * as eventBridge from "@aws-sdk/client-eventbridge";
import * as securityHub from "@aws-sdk/client-securityhub";
import { gzipSync } from "node:zlib";
import { actionOf, refuseAllBut } from "../../fakes/actions.ts";
import { serveCloudTrail } from "../../fakes/cloudtrail.ts";
import { serveCostExplorer } from "../../fakes/cost/cost-explorer.ts";
import { makeTrail } from "../../fakes/digests.ts";
import { type Emulator, type Queue, startEmulator } from "../../fakes/emulator.ts";
import { type FaultRule, startFaultProxy } from "../../fakes/fault-proxy.ts";
import { serveGuardDuty } from "../../fakes/guardduty.ts";
import { startKinesis } from "../../fakes/kinesis.ts";
import { toNotice } from "../../fakes/s3-notices.ts";
import { serve, startFake } from "../../fakes/service.ts";
import { call, delivery, deliveryName } from "../../sources/records.ts";

const ACCOUNT = "111122223333";
const READER = `arn:aws:iam::${ACCOUNT}:role/reader`;
const BUCKET = "trail-logs";
const FINDING = {
  id: "f1",
  createdAt: "2026-01-02T03:05:00.000Z",
  accountId: "111122223333",
  arn: "arn:aws:guardduty:eu-west-1:111122223333:detector/d1/finding/f1",
  region: "eu-west-1",
  schemaVersion: "2.0",
  severity: 5,
  type: "Recon:IAMUser/MaliciousIPCaller",
};

export const RULE = `title: Bucket ACL read
id: 5b4a6a64-3d0e-4c53-9f5c-0f8f4b7a1c11
logsource: {product: aws, service: cloudtrail}
detection:
  selection: {eventSource: s3.amazonaws.com, eventName: GetBucketAcl}
  condition: selection
level: low
`;

export type World = {
  readonly emulator: Emulator;
  readonly sources: readonly object[];
  readonly sinks: readonly object[];
  readonly files: Queue;
  /** Puts a file with records that match RULE, and a digest file, and their notices. */
  deliver(name: string): Promise<void>;
  /** Refuses all other actions; null: none. Objects come after `slowMs`. */
  allow(actions: ReadonlySet<string> | null, slowMs?: number): void;
  /** Actions that were asked for, by the proxies. */
  seen(): ReadonlySet<string>;
  close(): Promise<void>;
};

export async function startWorld(): Promise<World> {
  const emulator = await startEmulator();
  await emulator.createBucket(BUCKET);
  const [events, files, alerts, topicQueue] = await Promise.all(
    ["events", "files", "alerts", "mail"].map((name) => emulator.createQueue(name)),
  );
  if (!events || !files || !alerts || !topicQueue) throw new Error("no queue");
  const topic = await emulator.createTopic("topic", topicQueue, true);
  const kept = [{ timeMs: Date.now() - 60_000, text: call("lookup-1") }];
  const trail = makeTrail({ bucket: BUCKET, account: ACCOUNT });
  let hours = 0;
  const kinesis = await startKinesis();
  await kinesis.createStream("events");
  await kinesis.put("events", [call("stream-1")]);
  const fake = await startFake([serveSts(), serveBus(), serveHub(), serveCloudTrail(() => kept, () => [trail.key]),
    serveGuardDuty({ id: "d1" }, () => [{ ...FINDING, updatedAt: new Date().toISOString() }]),
    serveCostExplorer({ nowMs: Date.now, charges: () => [] })]); // prettier-ignore
  const proxy = await startFaultProxy(fake.url);
  emulator.proxy.target(fake.url, "cloudtrail");
  // Streams have no log-in service beside them here.
  kinesis.proxy.target(fake.url, "sts");
  const shared = { region: "eu-west-1", endpoint: emulator.endpoint };
  const asked = { endpoint: proxy.url, regions: ["eu-west-1"] };
  const faked = { region: "eu-west-1", endpoint: proxy.url };
  // Extended at half of it: the other half is for a machine that is busy.
  const wait = { wait: "1s", visibility: "6s" };
  const trails = [{ bucket: BUCKET }];
  return {
    emulator,
    files,
    sources: [
      { type: "sqs-eventbridge", queue: events.url, ...shared, ...wait },
      { type: "sqs-s3", queue: files.url, ...shared, ...wait, trails, sweepEvery: "1m", digestWait: "1s" },
      { type: "cloudtrail-lookup", ...asked, accounts: [ACCOUNT], role: "reader", externalId: "chosen" },
      { type: "guardduty", ...asked, role: READER, externalId: "chosen" },
      { type: "kinesis", region: "eu-west-1", endpoint: kinesis.endpoint, stream: "events" },
      { type: "cost", endpoint: proxy.url, role: READER, externalId: "chosen" },
    ],
    sinks: [
      { type: "eventbridge", ...faked, bus: "security" },
      { type: "security-hub", ...faked, account: ACCOUNT },
      { type: "sns", ...shared, topic },
      { type: "sqs", ...shared, queue: alerts.url },
    ],
    deliver: async (name) => {
      const key = `AWSLogs/${ACCOUNT}/CloudTrail/eu-west-1/2026/01/02/${deliveryName("20260102T0305Z", name)}`;
      const bytes = gzipSync(delivery(call(`${name}-1`)));
      const etag = await emulator.put(BUCKET, key, bytes);
      const digest = trail.digest(Date.parse("2026-01-02T03:00:00Z") + 3_600_000 * hours++, []);
      const signed = await emulator.deliver(digest);
      await emulator.send(files, [
        toNotice({ bucket: BUCKET, key, size: bytes.length, etag }),
        toNotice({ bucket: BUCKET, key: digest.key, size: digest.body.length, etag: signed }),
      ]);
    },
    allow: (actions, slowMs = 0) => {
      // A slow object: its message has to be kept from others.
      const slow: readonly FaultRule[] =
        slowMs === 0 ? [] : [{ operation: "GetObject", fault: { kind: "delay", ms: slowMs } }];
      const rules = actions === null ? [] : [refuseAllBut(actions)];
      emulator.proxy.set(...rules, ...slow);
      kinesis.proxy.set(...rules);
      proxy.set(...rules);
    },
    seen: () => new Set([...emulator.proxy.log, ...kinesis.proxy.log, ...proxy.log].map(actionOf)),
    close: async () => {
      await proxy.close();
      await fake.close();
      await kinesis.close();
      await emulator.close();
    },
  };
}

function serveSts(): ReturnType<typeof serve> {
  return serve(sts, {
    GetCallerIdentity: () => ({ Arn: `arn:aws:iam::${ACCOUNT}:user/sagewatch`, Account: ACCOUNT, UserId: "A" }),
    AssumeRole: ({ RoleArn }) => ({
      AssumedRoleUser: { Arn: RoleArn ?? "", AssumedRoleId: "A:sagewatch" },
      Credentials: {
        AccessKeyId: "ASIAROLE",
        SecretAccessKey: "role",
        SessionToken: "token",
        Expiration: new Date(Date.now() + 3_600_000),
      },
    }),
  });
}

function serveBus(): ReturnType<typeof serve> {
  return serve(eventBridge, {
    DescribeEventBus: ({ Name = "" }) => ({ Name }),
    PutEvents: ({ Entries = [] }) => ({
      FailedEntryCount: 0,
      Entries: Entries.map((_, at) => ({ EventId: String(at) })),
    }),
  });
}

function serveHub(): ReturnType<typeof serve> {
  return serve(securityHub, {
    BatchImportFindings: ({ Findings = [] }) => ({ FailedCount: 0, SuccessCount: Findings.length, FailedFindings: [] }),
  });
}
