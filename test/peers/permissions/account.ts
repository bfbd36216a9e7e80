/**
 * An account whose IAM others wrote: MiniStack with authentication on, and for the services that it lacks our fakes, which
 * refuse each action that no policy allows. A daemon of every AWS source and sink runs in it as a user with a key.
 */
import * as securityHub from "@aws-sdk/client-securityhub";
import { CreateEventBusCommand, EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { gzipSync } from "node:zlib";
import type { Policies, Policy } from "../../../src/aws/policy.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { actionOf, refuseAllBut } from "../../fakes/actions.ts";
import { serveCostExplorer } from "../../fakes/cost/cost-explorer.ts";
import { makeTrail } from "../../fakes/digests.ts";
import { openThings, type Queue } from "../../fakes/emulator.ts";
import { startFaultProxy } from "../../fakes/fault-proxy.ts";
import { serveGuardDuty } from "../../fakes/guardduty.ts";
import { openStreams } from "../../fakes/kinesis.ts";
import { toNotice } from "../../fakes/s3-notices.ts";
import { serve, startFake } from "../../fakes/service.ts";
import { call, delivery, deliveryName } from "../../sources/records.ts";
import { envelope } from "../../sources/sqs/envelope.ts";
import { PEER_ACCOUNT as ACCOUNT, startPeer } from "../../support/peers/start.ts";
import { openClient } from "../world.ts";
import { openIam } from "./iam.ts";

const REGION = "eu-west-1";
const [BUCKET, LOGS, USER, ROLE, EXTERNAL] = ["trail-logs", "model-logs", "sagewatch", "reader", "chosen"];
export const PRINCIPAL: string = `arn:aws:iam::${ACCOUNT}:user/${USER}`;
const READER = `arn:aws:iam::${ACCOUNT}:role/${ROLE}`;
const TOPIC = `arn:aws:sns:${REGION}:${ACCOUNT}:alerts`;
const FINDING = {
  id: "f1",
  createdAt: "2026-01-02T03:05:00.000Z",
  accountId: ACCOUNT,
  arn: `arn:aws:guardduty:${REGION}:${ACCOUNT}:detector/d1/finding/f1`,
  region: REGION,
  schemaVersion: "2.0",
  severity: 5,
  type: "Recon:IAMUser/MaliciousIPCaller",
};
/** Of these services MiniStack has nothing, so it checks nothing of them. */
export const FAKED: readonly string[] = ["guardduty", "ce", "securityhub"];
/**
 * What MiniStack asks for in the place of what IAM has. Of a batch AWS asks for the single action
 * (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html, read 2026-11), MiniStack for
 * one of the batch's own name. And it does not see of which topic, bus or stream three calls are, so that these must be allowed on all.
 */
const ASKED_AS: Readonly<Record<string, { readonly actions: readonly string[]; readonly onAll: boolean }>> = {
  "sqs:DeleteMessage": { actions: ["sqs:DeleteMessage", "sqs:DeleteMessageBatch"], onAll: false },
  "sqs:ChangeMessageVisibility": {
    actions: ["sqs:ChangeMessageVisibility", "sqs:ChangeMessageVisibilityBatch"],
    onAll: false,
  },
  "sqs:SendMessage": { actions: ["sqs:SendMessage", "sqs:SendMessageBatch"], onAll: false },
  "sns:Publish": { actions: ["sns:PublishBatch"], onAll: true },
  "events:DescribeEventBus": { actions: ["events:DescribeEventBus"], onAll: true },
  "kinesis:GetRecords": { actions: ["kinesis:GetRecords"], onAll: true },
};

/** Sources and sinks of the daemon; the policy does not depend on where the endpoint is. */
export function toAdapters(endpoint: string): {
  readonly sources: readonly object[];
  readonly sinks: readonly object[];
} {
  const shared = { region: REGION, endpoint };
  const queue = (name: string): string => `${endpoint}/${ACCOUNT}/${name}`;
  const wait = { wait: "1s", visibility: "6s" };
  const trails = [{ bucket: BUCKET }];
  const asRole = { role: READER, externalId: EXTERNAL };
  const asked = { endpoint, regions: [REGION] };
  return {
    sources: [
      { type: "sqs-eventbridge", queue: queue("events"), ...shared, ...wait, canary: "10s", canaryWithin: "10s" },
      { type: "sqs-s3", queue: queue("files"), ...shared, ...wait, trails, sweepEvery: "1m", digestWait: "1s" },
      { type: "bedrock-log", queue: queue("log"), ...shared, ...wait, logs: [{ bucket: LOGS }], sweepEvery: "1m" },
      { type: "cloudtrail-lookup", ...asked, accounts: [ACCOUNT], role: ROLE, externalId: EXTERNAL },
      { type: "guardduty", ...asked, ...asRole },
      { type: "kinesis", ...shared, stream: "events" },
      { type: "cost", endpoint, ...asRole },
    ],
    sinks: [
      { type: "eventbridge", ...shared, bus: "security" },
      { type: "security-hub", ...shared, account: ACCOUNT },
      { type: "sns", ...shared, topic: TOPIC },
      { type: "sqs", ...shared, queue: queue("alerts") },
    ],
  };
}

export type Account = {
  readonly endpoint: string;
  /** Of the user. */
  readonly key: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Gives user and role these policies. Objects of the bucket come after `slowMs`. */
  allow(policies: Policies, slowMs?: number): Promise<void>;
  /** A call by EventBridge, a file of a trail and its digest file, a log file of Bedrock, a record of the stream. */
  deliver(name: string): Promise<void>;
  /** Actions that the daemon asked for. */
  seen(): ReadonlySet<string>;
  /** Alerts that wait in the queue of the sink. */
  alerts(): Promise<number>;
  close(): Promise<void>;
};

/** Starts it, with a user that may do nothing. */
export async function openAccount(): Promise<Account> {
  const peer = await startPeer("ministack", { AUTH: "true" });
  const [things, streams, iam] = [openThings(peer.url), openStreams(peer.url), openIam(peer.url)];
  const fake = await startFake([
    serveHub(),
    serveGuardDuty({ id: "d1" }, () => [{ ...FINDING, updatedAt: new Date(systemClock.nowMs()).toISOString() }]),
    serveCostExplorer({ nowMs: () => systemClock.nowMs(), charges: () => [] }),
  ]);
  const proxy = await startFaultProxy(peer.url);
  for (const service of FAKED) proxy.target(fake.url, service);
  const queues = await makeThings(things, streams, peer.url);
  const key = await iam.createUser(USER);
  let isRole = false;
  const trail = makeTrail({ bucket: BUCKET, account: ACCOUNT });
  let hours = 0;
  return {
    endpoint: proxy.url,
    key,
    allow: async ({ policy, roles }, slowMs = 0) => {
      const [role] = roles;
      if (role === undefined) throw new Error("the configuration assumes a role");
      if (!isRole) await iam.createRole(ROLE, role.trust);
      isRole = true;
      await iam.setUserPolicy(USER, toAsked(policy));
      await iam.setRolePolicy(ROLE, toAsked(role.policy));
      const actions = [policy, role.policy].flatMap(({ Statement }) => Statement.flatMap(({ Action }) => Action));
      const refuse = refuseAllBut(new Set(actions));
      const isFaked = (service: string): boolean => FAKED.includes(service);
      proxy.set(
        { ...refuse, when: (about) => isFaked(about.service) && refuse.when?.(about) === true },
        ...(slowMs === 0 ? [] : [{ operation: "GetObject", fault: { kind: "delay", ms: slowMs } } as const]),
      );
    },
    deliver: async (name) => {
      const put = async (bucket: string, key: string, body: Uint8Array): Promise<string> =>
        toNotice({ bucket, key, size: body.length, etag: await things.put(bucket, key, body) });
      const file = deliveryName("20260102T0305Z", name);
      const own = `AWSLogs/${ACCOUNT}/CloudTrail/${REGION}/2026/01/02/${file}`;
      const digest = trail.digest(Date.parse("2026-01-02T03:00:00Z") + 3_600_000 * hours++, []);
      const etag = await things.deliver(digest);
      await things.send(queues.files, [
        await put(BUCKET, own, gzipSync(delivery(call(`${name}-1`)))),
        toNotice({ bucket: BUCKET, key: digest.key, size: digest.body.length, etag }),
      ]);
      const log = `AWSLogs/${ACCOUNT}/BedrockModelInvocationLogs/${REGION}/2026/01/02/03/${file}`;
      await things.send(queues.log, [await put(LOGS, log, gzipSync("{}"))]);
      await things.send(queues.events, [envelope("AWS API Call via CloudTrail", call(`${name}-2`), "aws.s3")]);
      await streams.put("events", [call(`${name}-3`)]);
    },
    seen: () => new Set(proxy.log.map(actionOf)),
    alerts: async () => (await things.counts(queues.alerts)).waiting,
    close: async () => {
      await things.close();
      await streams.close();
      await proxy.close();
      await fake.close();
      await peer.close();
    },
  };
}

type Made = Readonly<Record<"events" | "files" | "log" | "alerts", Queue>>;

async function makeThings(
  things: ReturnType<typeof openThings>,
  streams: ReturnType<typeof openStreams>,
  url: string,
): Promise<Made> {
  await things.createBucket(BUCKET);
  await things.createBucket(LOGS);
  await streams.createStream("events");
  const mail = await things.createQueue("mail");
  await things.createTopic("alerts", mail, true);
  await openClient(EventBridgeClient, url).send(new CreateEventBusCommand({ Name: "security" }));
  const events = await things.createQueue("events");
  const files = await things.createQueue("files");
  const log = await things.createQueue("log");
  return { events, files, log, alerts: await things.createQueue("alerts") };
}

/** Statements as MiniStack takes them, one for each action. */
function toAsked({ Version, Statement }: Policy): Policy {
  const asked = Statement.flatMap((one) =>
    one.Action.map((action) => {
      const { actions, onAll } = ASKED_AS[action] ?? { actions: [action], onAll: false };
      return { ...one, Action: actions, ...(onAll ? { Resource: ["*"] } : {}) };
    }),
  );
  return { Version, Statement: asked };
}

function serveHub(): ReturnType<typeof serve> {
  return serve(securityHub, {
    BatchImportFindings: ({ Findings = [] }) => ({ FailedCount: 0, SuccessCount: Findings.length, FailedFindings: [] }),
  });
}
