/**
 * One life of a consumer: it connects, looks where the logs begin and end, joins the group, and hands out what it fetches,
 * until something breaks or it is stopped.
 *
 * kafkajs keeps no place for us: at each join it is told where to go on (`seek`), what comes again all the same is dropped,
 * and nothing is committed to the group. A group of messages that nobody takes holds kafkajs up, while heartbeats go on, so
 * that a slow pipeline neither loses its place in the group nor fills memory.
 */
import { randomUUID } from "node:crypto";
import type { Admin, Consumer, EachBatchPayload } from "kafkajs";
import type { Position } from "../../contracts.ts";
import type { createConnection, KafkaConnection } from "../../kafka/connection.ts";
import { readTopicIds } from "../../kafka/topic-id.ts";
import type { Clock } from "../../lib/clock.ts";
import { toFencedError, toTopicError } from "./faults.ts";
import type { createAssigner } from "./member.ts";
import { type Group, toGroups } from "./pack.ts";
import type { Bounds, Partition, Partitions } from "./partitions.ts";
import { groupOf, type KafkaSourceConfig } from "./settings.ts";

/** What loads kafkajs, loaded with the first life. */
export type Client = {
  readonly createConnection: typeof createConnection;
  readonly createAssigner: typeof createAssigner;
};

export type Life = {
  readonly config: KafkaSourceConfig;
  readonly clock: Clock;
  readonly client: Client;
  readonly partitions: Partitions;
  /** Places that are to be committed although nothing was read there. */
  onPlaces(places: readonly Position[]): void;
  /** It is the one reader of the group. */
  onJoined(): void;
  /** A broker answered a fetch. */
  onAnswer(): void;
  /** A partition moved without a message: what is there is not for readers. */
  onPassed(): void;
  /** Takes a group of messages: true, or false when there is no room yet. */
  offer(partition: Partition, group: Group): boolean;
  /** Resolves when there may be room. */
  room(signal: AbortSignal): Promise<void>;
};

/** How long a fetch waits for records, ms: so long a stop may take, and so often an idle broker is asked. */
const WAIT_MS = 500;
/** Bytes of a partition, and of a broker, in one fetch; a record batch that is larger comes alone. */
const PARTITION_BYTES = 1024 * 1024;
const FETCH_BYTES = 4 * 1024 * 1024;
/** A member that says nothing for so long is dead, ms: so long a restart after a crash waits. Brokers allow no less than 6 s. */
const SESSION_MS = 10_000;
const HEARTBEAT_MS = 2_000;
/** How long members may take to join again, ms. */
const REBALANCE_MS = 30_000;
/** So soon partitions that were added are found, ms. */
const METADATA_MS = 30_000;
/** So often it is asked whether the topics are still those that are read, ms. */
const RENEWED_MS = 30_000;
/** How long leaving the group may take, ms. */
const LEAVE_MS = 2_000;
const HELD_MS = 1_000;

/** Lives until `signal` aborts, or throws what ended it: what kafkajs throws, or kafka_fenced. */
export async function live(life: Life, signal: AbortSignal): Promise<void> {
  const { config, clock, client } = life;
  const connection = client.createConnection(config, clock);
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => undefined);
  const stop = new AbortController();
  const over = AbortSignal.any([signal, stop.signal]);
  let consumer: Consumer | null = null;
  try {
    const learning = learn(life, connection);
    await first([learning, broken.promise], signal);
    if (signal.aborted) return;
    consumer = openConsumer(life, connection);
    watch(consumer, life, { connection, fail: broken.reject });
    const running = run(consumer, life, { connection, signal: over });
    await first([running, broken.promise], signal);
    await first([broken.promise, watchTopics(life, connection, over)], signal);
  } finally {
    stop.abort();
    await leave(consumer, clock);
    connection.destroy();
  }
}

/** The first of these to end, or an abort. */
async function first(ends: readonly Promise<unknown>[], signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const aborted = Promise.withResolvers<void>();
  if (signal.aborted) return;
  signal.addEventListener("abort", () => aborted.resolve(), { once: true, signal: over.signal });
  for (const end of ends) end.catch(() => undefined);
  try {
    await Promise.race([...ends, aborted.promise]);
  } finally {
    over.abort();
  }
}

async function leave(consumer: Consumer | null, clock: Clock): Promise<void> {
  if (consumer === null) return;
  const done = new AbortController();
  const left = consumer.disconnect().catch(() => undefined);
  await Promise.race([left, clock.sleep(LEAVE_MS, done.signal)]);
  done.abort();
}

/** Asks where the logs begin and end. */
async function learn(life: Life, connection: KafkaConnection): Promise<void> {
  const places = await withAdmin(connection, async (admin) => {
    // Before the bounds: those of a topic that is made anew in between are noticed later.
    const ids = await readTopicIds(connection, life.config.topics);
    const bounds: Bounds[] = [];
    for (const topic of life.config.topics)
      for (const place of await readBounds(admin, topic)) bounds.push({ ...place, topicId: ids.get(topic) ?? null });
    return life.partitions.learn(bounds);
  });
  life.onPlaces(places);
}

/**
 * Fails once a topic is not the one that is read: brokers answer by name, and a log that has grown beyond our place again
 * looks as it did. Whoever comes after begins with `learn`.
 */
async function watchTopics(
  { config, clock, partitions }: Life,
  connection: KafkaConnection,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(RENEWED_MS, signal);
    if (signal.aborted) return;
    // What keeps the answer away breaks the reading, too, and is told there.
    const ids = await readTopicIds(connection, config.topics).catch(() => new Map<string, string>());
    const renewed = partitions.findRenewed(ids);
    if (renewed !== null) throw new Error(`the topic ${renewed} was deleted and made anew: its log is looked at again`);
  }
}

async function readBounds(admin: Admin, topic: string): Promise<Omit<Bounds, "topicId">[]> {
  try {
    const offsets = await admin.fetchTopicOffsets(topic);
    return offsets.map(({ partition, low, high }) => ({ topic, id: partition, low: Number(low), high: Number(high) }));
  } catch (error) {
    throw toTopicError(error, topic);
  }
}

async function withAdmin<T>({ kafka, cut }: KafkaConnection, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  admin.on(admin.events.REQUEST_TIMEOUT, ({ payload }) => cut(payload.broker));
  try {
    await admin.connect();
    return await work(admin);
  } finally {
    void admin.disconnect().catch(() => undefined);
  }
}

function openConsumer({ config, client }: Life, { kafka }: KafkaConnection): Consumer {
  return kafka.consumer({
    groupId: groupOf(config),
    partitionAssigners: [client.createAssigner(randomUUID())],
    allowAutoTopicCreation: false,
    metadataMaxAge: METADATA_MS,
    sessionTimeout: SESSION_MS,
    heartbeatInterval: HEARTBEAT_MS,
    rebalanceTimeout: REBALANCE_MS,
    maxWaitTimeInMs: WAIT_MS,
    maxBytesPerPartition: PARTITION_BYTES,
    maxBytes: FETCH_BYTES,
    // A life that breaks is followed by a new one, which looks at the logs again.
    retry: { retries: 2, initialRetryTime: 100, maxRetryTime: 1_000, restartOnFailure: async () => false },
  });
}

type Watching = { readonly connection: KafkaConnection; readonly fail: (error: unknown) => void };

function watch(consumer: Consumer, life: Life, { connection, fail }: Watching): void {
  const { config, partitions } = life;
  const { events } = consumer;
  consumer.on(events.CRASH, ({ payload }) => fail(payload.error));
  consumer.on(events.REQUEST_TIMEOUT, ({ payload }) => connection.cut(payload.broker));
  consumer.on(events.REQUEST, ({ payload }) => {
    if (payload.apiName === "Fetch") life.onAnswer();
  });
  consumer.on(events.GROUP_JOIN, ({ payload }) => {
    if (!payload.isLeader) return fail(toFencedError(config));
    for (const [topic, ids] of Object.entries(payload.memberAssignment))
      for (const id of ids) {
        const { next } = partitions.get(topic, id);
        if (next !== null) consumer.seek({ topic, partition: id, offset: String(next) });
      }
    life.onJoined();
  });
  // Control records and aborted messages are not handed to `eachBatch`.
  consumer.on(events.END_BATCH_PROCESS, ({ payload }) => {
    if (payload.batchSize > 0) return;
    const partition = partitions.get(payload.topic, payload.partition);
    const end = Number(payload.lastOffset) + 1;
    if (partition.next !== null && end <= partition.next) return;
    partition.next = end;
    partition.high = Number(payload.highWatermark);
    partition.movedMs = life.clock.monotonicMs();
    life.onPassed();
  });
}

type Running = { readonly connection: KafkaConnection; readonly signal: AbortSignal };

async function run(consumer: Consumer, life: Life, running: Running): Promise<void> {
  await consumer.connect();
  await consumer.subscribe({ topics: [...life.config.topics], fromBeginning: true });
  await consumer.run({ autoCommit: false, eachBatch: (payload) => take(payload, life, running) });
}

/** Hands out what was fetched of a partition. Throws what the heartbeat throws: kafkajs then joins again. */
async function take(payload: EachBatchPayload, life: Life, running: Running): Promise<void> {
  const { batch } = payload;
  if (running.signal.aborted) return;
  const partition = life.partitions.get(batch.topic, batch.partition);
  const begin = Number(batch.firstOffset() ?? 0);
  const end = Number(batch.lastOffset()) + 1;
  partition.high = Number(batch.highWatermark);
  if (partition.next !== null && begin > partition.next) await judgeHole(partition, life, running);
  // Broken off after it was found: the same is fetched again.
  if (running.signal.aborted) return;
  if (partition.next !== null && begin < partition.next && partition.high < partition.next)
    life.partitions.restart(partition, partition.high);
  const next = partition.next ?? 0;
  const messages = batch.messages.filter(({ offset }) => Number(offset) >= next);
  for (const group of toGroups(messages, end)) {
    while (!life.offer(partition, group)) {
      await held(life, running.signal);
      if (running.signal.aborted) return;
      await payload.heartbeat();
    }
    partition.next = group.end;
    partition.given = group.end;
  }
  partition.next = Math.max(partition.next ?? 0, end);
  partition.movedMs = life.clock.monotonicMs();
}

/** What is fetched begins behind what was asked for: was it deleted, or is there nothing for readers? */
async function judgeHole(partition: Partition, life: Life, { connection }: Running): Promise<void> {
  const bounds = await withAdmin(connection, (admin) => readBounds(admin, partition.topic));
  const low = bounds.find(({ id }) => id === partition.id)?.low ?? 0;
  if (partition.next !== null && low > partition.next) life.partitions.lose(partition, low);
}

async function held(life: Life, signal: AbortSignal): Promise<void> {
  const done = new AbortController();
  const until = AbortSignal.any([signal, done.signal]);
  await Promise.race([life.room(until), life.clock.sleep(HELD_MS, until)]);
  done.abort();
}
