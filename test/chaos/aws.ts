/**
 * Chaos over what AWS delivers by: one daemon reads an EventBridge queue, a queue of S3 notices with their objects, and a
 * Kafka topic at once, is killed and started again, and is judged as a run over files is (reliability.md T1).
 *
 * Each file of the input goes one of the three ways. A queue delivers at least once: what a kill left undeleted comes again
 * and is counted again, so of the EventBridge queue alone more may be read than was sent; objects and offsets are exact.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import kafkajs from "kafkajs";
import type { CountDelta } from "../../src/contracts.ts";
import { createRandom, type Random } from "../../src/lib/random.ts";
import { startEmulator } from "../fakes/emulator.ts";
import { toNotice } from "../fakes/s3-notices.ts";
import { isDelivered } from "../kafka/chaos-topic.ts";
import type { Kafka } from "../support/kafka/broker.ts";
import { makeTopic } from "../support/kafka/topics.ts";
import { type KnownFile, makeInput, planDrops, toRecordsText } from "./input.ts";
import { judge, readRuleSet } from "./judge.ts";
import { type Item, recordsOf, toTotals } from "./mixture.ts";
import { chooseDeath, count, expectEnd, type Kills, type RunOptions, type RunResult } from "./runs.ts";
import { type Held, isComplete, readHeld, verify } from "./verify.ts";
import { createWorld, runToDeath, type Setup, startDaemon, type World } from "./world.ts";

const WAYS = ["push", "files", "topic"] as const;
type Way = (typeof WAYS)[number];
/** A file of the input as it is sent: its way, and the items of it that this way carries. */
type Parcel = { readonly way: Way; readonly path: string; readonly items: readonly Item[] };

const BUCKET = "trail-logs";
const PARTITIONS = 3;
/** Short, so that what a kill left in flight comes again within a second. */
const VISIBILITY = "2s";
/** How long the last daemon has for all that is left. */
const FINISH_MS = 90_000;
/** Time from a daemon's opening to a kill that chance chooses, at most; Kafka's group is joined in it. */
const LATEST_MS = 3_000;
/** Nothing of a simulated day is late, in whatever order the ways bring it. */
const TIMING = { lateness: "24h", idle: "24h" };

/** Carries out a run over the three ways and judges it. What it made is removed. */
export async function runAws(options: RunOptions): Promise<RunResult> {
  const { kafka = null } = options;
  if (kafka === null) throw new Error("the run has no broker");
  const random = createRandom(`chaos aws ${options.seed}`);
  const { files } = makeInput(random.fork("input"), "delivered", options.records);
  const parcels = toParcels(files, random.fork("ways"));
  const items = parcels.flatMap((parcel) => parcel.items);
  const ways = await openWays(kafka);
  const world = createWorld("watch", null, ways.sources);
  try {
    const expected = judge(readRuleSet([world.rules]), recordsOf(items, "cloudtrail"), recordsOf(items, "guardduty"));
    const sent = parcels.filter(({ way }) => way === "push").reduce((sum, parcel) => sum + parcel.items.length, 0);
    const totals = toTotals(items);
    const read = (): Held => forgive(readHeld(world), sent);
    const isDone = async (): Promise<boolean> =>
      isComplete(read(), totals.read) && isDelivered(world.state) && (await ways.isEmpty());
    const kills = await underFire({ options, random, world }, parcels, ways.send);
    await finish(world, options, isDone);
    return { ...verify(read(), expected, totals), kills };
  } finally {
    world.remove();
    await ways.close();
  }
}

/** Each file on a way of its own. EventBridge carries events alone: neither digest files nor what is no record. */
function toParcels(files: readonly KnownFile[], random: Random): Parcel[] {
  const { before, backlog, after } = planDrops(files, random);
  return [...before, ...backlog, ...after].map(({ path, items }) => {
    const way = random.pick(WAYS);
    const isSent = ({ outcome }: Item): boolean => way === "files" || outcome.is === "evaluated";
    return { way, path, items: items.filter(isSent) };
  });
}

type Ways = {
  /** Sources of the daemon's configuration. */
  readonly sources: readonly object[];
  readonly send: (parcel: Parcel) => Promise<void>;
  /** Whether no message waits or is in flight. */
  readonly isEmpty: () => Promise<boolean>;
  close(): Promise<void>;
};

async function openWays({ plain, direct }: Pick<Kafka, "plain" | "direct">): Promise<Ways> {
  const emulator = await startEmulator();
  await emulator.createBucket(BUCKET);
  const [push, files] = [await emulator.createQueue("push"), await emulator.createQueue("files")];
  const topic = await makeTopic(direct, { partitions: PARTITIONS });
  const client = new kafkajs.Kafka({ brokers: [...direct], logLevel: kafkajs.logLevel.NOTHING, clientId: "chaos" });
  const producer = client.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  const { endpoint } = emulator;
  const queued = { region: "eu-west-1", endpoint, wait: "1s", visibility: VISIBILITY, ...TIMING };
  const kafka = { brokers: plain, topics: [topic], group: topic, requestTimeout: "1500ms", ...TIMING };
  const send: Record<Way, (parcel: Parcel) => Promise<unknown>> = {
    push: ({ items }) => emulator.send(push, items.map(toMessage)),
    files: async ({ path, items }) => {
      const bytes = gzipSync(toRecordsText(items), { level: 1 });
      const etag = await emulator.put(BUCKET, path, bytes);
      await emulator.send(files, [toNotice({ bucket: BUCKET, key: path, size: bytes.length, etag })]);
    },
    topic: ({ items }) =>
      producer.send({
        topic,
        messages: items.map(({ bytes }, at) => ({ key: `${at % 8}`, value: Buffer.from(bytes) })),
      }),
  };
  return {
    sources: [
      { type: "sqs-eventbridge", name: "push", queue: push.url, ...queued },
      { type: "sqs-s3", name: "files", queue: files.url, ...queued },
      { type: "kafka", name: "topic", ...kafka },
    ],
    send: async (parcel) => void (parcel.items.length > 0 && (await send[parcel.way](parcel))),
    isEmpty: async () => {
      const counts = await Promise.all([push, files].map((queue) => emulator.counts(queue)));
      return counts.every(({ waiting, inFlight }) => waiting + inFlight === 0);
    },
    close: async () => {
      await producer.disconnect();
      await emulator.close();
    },
  };
}

/** An item as EventBridge puts it on a queue. */
function toMessage({ bytes, outcome }: Item): string {
  const text = Buffer.from(bytes).toString();
  if (text.includes('"detail-type"')) return text;
  const kind = outcome.is === "evaluated" ? outcome.kind : null;
  const about =
    kind === "guardduty"
      ? { "detail-type": "GuardDuty Finding", source: "aws.guardduty" }
      : { "detail-type": "AWS API Call via CloudTrail", source: "aws.cloudtrail" };
  const envelope = { version: "0", id: "844e2571", ...about, account: "111122223333", region: "eu-west-1" };
  return `${JSON.stringify(envelope).slice(0, -1)},"time":"2026-03-10T00:00:00Z","resources":[],"detail":${text}}`;
}

/**
 * The counts without what the queues gave again: messages of events, each evaluated once more and nothing else, and notices
 * of objects that are known to be read.
 */
function forgive(held: Held, sent: number): Held {
  const sum = (source: string, pick: (count: CountDelta) => number): number =>
    held.counts.filter((count) => count.source === source).reduce((all, count) => all + pick(count), 0);
  const surplus = Math.max(0, sum("push", ({ read }) => read) - sent);
  const known = sum("files", ({ skipped }) => skipped.repeated_object ?? 0);
  const none = { quarantined: 0, late: 0, repeated: 0 };
  const counts = held.counts.map(({ skipped: { repeated_object: _known, ...skipped }, ...count }) => ({
    ...count,
    skipped,
  }));
  const less: readonly CountDelta[] = [
    { source: "push", read: -surplus, evaluated: -surplus, skipped: {}, ...none },
    { source: "files", read: -known, evaluated: 0, skipped: {}, ...none },
  ];
  return { ...held, counts: [...counts, ...less] };
}

type Fire = { readonly options: RunOptions; readonly random: Random; readonly world: World };

const toSetup = ({ break: broken }: RunOptions): Setup => ({ mode: "watch", afterRead: "keep", break: broken });

/** Sends one parcel after another while daemons are started and killed; at the end all are sent and none runs. */
async function underFire(fire: Fire, parcels: readonly Parcel[], send: Ways["send"]): Promise<Kills> {
  const { options, world } = fire;
  const kills: Kills = new Map();
  // A share of the input before each daemon, so that each has work.
  const share = Math.ceil(parcels.length / options.kills);
  for (let at = 0; at < parcels.length; at += share) {
    const sending = (async () => {
      for (const parcel of parcels.slice(at, at + share)) await send(parcel);
    })();
    const death = chooseDeath(fire, LATEST_MS);
    const { died, code, said } = await runToDeath(startDaemon(world, toSetup(options), death.fail), death);
    await sending;
    if (died === null) throw new Error(`a daemon that reads on ended with ${code}: ${said}`);
    count(kills, died);
  }
  return kills;
}

/** Lets a daemon work until all is read and delivered, or for as long as it may, and ends it. */
async function finish(world: World, options: RunOptions, isDone: () => Promise<boolean>): Promise<void> {
  const daemon = startDaemon(world, toSetup(options));
  await daemon.opened;
  const endMs = performance.now() + (options.break === null ? FINISH_MS : FINISH_MS / 6);
  while (performance.now() < endMs && !(await isDone())) await sleep(100);
  daemon.process.kill("SIGTERM");
  const { code, said } = await daemon.ended;
  expectEnd(code, said);
}
