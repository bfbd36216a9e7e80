/**
 * An AWS for the behaviours to run in: our own emulators and fakes, or a peer of theirs. Each is made here to the same form,
 * and what AWS itself would bring about (calls to look up, findings, bills) is planted in the way that each has for it.
 */
import * as eventBridge from "@aws-sdk/client-eventbridge";
import * as guardDuty from "@aws-sdk/client-guardduty";
import * as securityHub from "@aws-sdk/client-securityhub";
import * as sts from "@aws-sdk/client-sts";
import { CreateQueueCommand } from "@aws-sdk/client-sqs";
import { systemClock } from "../../src/lib/clock.ts";
import { serveCloudTrail } from "../fakes/cloudtrail.ts";
import { type Charge, serveCostExplorer } from "../fakes/cost/cost-explorer.ts";
import { EMULATOR_CREDENTIALS, openThings, startEmulator, type Things } from "../fakes/emulator.ts";
import { serveGuardDuty, type WireFinding } from "../fakes/guardduty.ts";
import { openStreams, startKinesis, type Streams } from "../fakes/kinesis.ts";
import { serve, startFake } from "../fakes/service.ts";
import { startBus, startHub } from "../sinks/aws/receivers.ts";
import { call } from "../sources/records.ts";
import type { PeerName } from "../support/peers/install.ts";
import { PEER_ACCOUNT, startPeer } from "../support/peers/start.ts";

export type WorldName = "own" | PeerName;
export type ServiceName =
  | "sqs" | "sns" | "s3" | "kinesis" | "events" | "securityhub" | "sts" | "cloudtrail" | "guardduty" | "ce"; // prettier-ignore

export type World = {
  readonly name: WorldName;
  readonly account: string;
  /** Where each service is. */
  readonly at: Readonly<Record<ServiceName, string>>;
  readonly things: Things;
  readonly streams: Streams;
  /** How long something may take to come, ms. */
  readonly patienceMs: number;
  /** So many calls that LookupEvents then knows; a word that is in the record of each, and of no other. */
  recordCalls(count: number): Promise<readonly string[]>;
  /** A finding of GuardDuty; its id. */
  plantFinding(): Promise<string>;
  /** A day's costs by service; what a record says of them. */
  plantCosts(): Promise<readonly { readonly service: string; readonly usd: string }[]>;
  /** A bus of EventBridge; its name. */
  makeBus(name: string): Promise<string>;
  /** What Security Hub holds: revisions by the Id of the finding. */
  findings(): Promise<ReadonlyMap<string, string>>;
  close(): Promise<void>;
};

const COSTS = [
  { service: "Amazon Bedrock", usd: "5.25" },
  { service: "Amazon SageMaker", usd: "12.5" },
];
const REGION = "eu-west-1";
const DAY_MS = 86_400_000;
/** Of what is expected to come. */
const PATIENCE_MS = 20_000;

/** Starts one. */
export function openWorld(name: WorldName): Promise<World> {
  return name === "own" ? openOwn() : openPeer(name);
}

async function openOwn(): Promise<World> {
  const emulator = await startEmulator();
  const kinesis = await startKinesis();
  const [bus, hub] = [await startBus(), await startHub()];
  const kept: { timeMs: number; text: string }[] = [];
  const findings: WireFinding[] = [];
  const charges: Charge[] = [];
  const fake = await startFake([
    serveSts(),
    serveCloudTrail(() => kept),
    serveGuardDuty({ id: "d1" }, () => findings),
    serveCostExplorer({ nowMs: () => systemClock.nowMs(), charges: () => charges }),
  ]);
  const { endpoint: queues } = emulator;
  emulator.proxy.target(fake.url, "sts");
  const others = { sts: fake.url, cloudtrail: fake.url, guardduty: fake.url, ce: fake.url };
  return {
    name: "own",
    account: PEER_ACCOUNT,
    at: { sqs: queues, sns: queues, s3: queues, kinesis: kinesis.endpoint, events: bus.url, securityhub: hub.url, ...others }, // prettier-ignore
    things: emulator,
    streams: kinesis,
    patienceMs: PATIENCE_MS,
    recordCalls: async (count) => {
      const names = Array.from({ length: count }, (_, n) => `looked-up-${n}-of-${count}`);
      for (const name of names) kept.push({ timeMs: systemClock.nowMs() - 1000, text: call(name) });
      return names;
    },
    plantFinding: async () => {
      findings.push(toFinding(systemClock.nowMs()));
      return "planted";
    },
    plantCosts: async () => {
      const start = new Date(systemClock.nowMs() - DAY_MS).toISOString().slice(0, 10);
      for (const { service, usd } of COSTS) charges.push({ start, usd, of: { SERVICE: service } });
      return COSTS;
    },
    makeBus: async () => "security",
    findings: async () => toRevisions([...hub.findings.values()]),
    close: async () => {
      for (const one of [fake, bus, hub, kinesis, emulator]) await one.close();
    },
  };
}

async function openPeer(name: PeerName): Promise<World> {
  const peer = await startPeer(name);
  const [things, streams] = [openThings(peer.url), openStreams(peer.url)];
  const names = ["sqs", "sns", "s3", "kinesis", "events", "securityhub", "sts", "cloudtrail", "guardduty", "ce"] as const; // prettier-ignore
  return {
    name,
    account: PEER_ACCOUNT,
    at: Object.fromEntries(names.map((service) => [service, peer.url])) as World["at"],
    things,
    streams,
    patienceMs: PATIENCE_MS,
    recordCalls: async (count) => {
      const queues = Array.from({ length: count }, (_, n) => `looked-up-${n}-of-${count}`);
      for (const QueueName of queues) await things.sqs.send(new CreateQueueCommand({ QueueName }));
      // Spans of time are asked for in whole seconds.
      await systemClock.sleep(1100, new AbortController().signal);
      return queues.map((queue) => `"${queue}"`);
    },
    plantFinding: async () => {
      const client = openClient(guardDuty.GuardDutyClient, peer.url);
      const { DetectorId } = await client.send(new guardDuty.CreateDetectorCommand({ Enable: true }));
      await client.send(new guardDuty.CreateSampleFindingsCommand({ DetectorId }));
      return '"id"';
    },
    plantCosts: async () => {
      await plantCostsInMoto(peer.url);
      return COSTS;
    },
    makeBus: async (Name) => {
      await openClient(eventBridge.EventBridgeClient, peer.url).send(new eventBridge.CreateEventBusCommand({ Name }));
      return Name;
    },
    findings: async () => {
      const hub = openClient(securityHub.SecurityHubClient, peer.url);
      const { Findings = [] } = await hub.send(new securityHub.GetFindingsCommand({}));
      return toRevisions(Findings);
    },
    close: async () => {
      await things.close();
      await streams.close();
      await peer.close();
    },
  };
}

/** moto answers what it was given before, in order. */
async function plantCostsInMoto(url: string): Promise<void> {
  const [Start, End] = [DAY_MS, 0].map((ago) => new Date(systemClock.nowMs() - ago).toISOString().slice(0, 10));
  const Groups = COSTS.map(({ service, usd }) => ({
    Keys: [service],
    Metrics: { UnblendedCost: { Amount: usd, Unit: "USD" }, UsageQuantity: { Amount: "0", Unit: "N/A" } },
  }));
  const result = { ResultsByTime: [{ TimePeriod: { Start, End }, Total: {}, Groups, Estimated: true }] };
  const body = JSON.stringify({ account_id: PEER_ACCOUNT, results: [result] });
  const headers = { "content-type": "application/json" };
  const { status } = await fetch(`${url}/moto-api/static/ce/cost-and-usage-results`, { method: "POST", headers, body });
  if (status !== 201) throw new Error(`costs cannot be planted here: ${status}`);
}

function serveSts(): ReturnType<typeof serve> {
  const Expiration = new Date(Date.now() + 3_600_000);
  return serve(sts, {
    AssumeRole: ({ RoleArn = "" }) => ({
      AssumedRoleUser: { Arn: RoleArn, AssumedRoleId: "A:sagewatch" },
      Credentials: { AccessKeyId: "ASIAROLE", SecretAccessKey: "role", SessionToken: "token", Expiration },
    }),
  });
}

function toFinding(nowMs: number): WireFinding {
  const at = new Date(nowMs - 1000).toISOString();
  const arn = `arn:aws:guardduty:${REGION}:${PEER_ACCOUNT}:detector/d1/finding/planted`;
  return {
    id: "planted", arn, createdAt: at, updatedAt: at, accountId: PEER_ACCOUNT, region: REGION, schemaVersion: "2.0",
    severity: 5, type: "Recon:IAMUser/MaliciousIPCaller",
  }; // prettier-ignore
}

/** A client for the test itself, which tries once. */
export function openClient<Client>(type: new (settings: ClientSettings) => Client, endpoint: string): Client {
  return new type({ region: REGION, endpoint, credentials: EMULATOR_CREDENTIALS, maxAttempts: 1 });
}
type ClientSettings = {
  readonly region: string;
  readonly endpoint: string;
  readonly credentials: typeof EMULATOR_CREDENTIALS;
  readonly maxAttempts: number;
};

function toRevisions(findings: readonly securityHub.AwsSecurityFinding[]): ReadonlyMap<string, string> {
  return new Map(findings.map((one) => [one.Id ?? "", one.ProductFields?.["sagewatch/revision"] ?? ""]));
}
