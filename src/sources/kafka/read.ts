/**
 * The reading of `kafka`: one life of a consumer after another, and the batches that they hand out.
 *
 * A batch waits in one slot until the pipeline pulls it; the life that made it waits for the slot. Faults are told and tried
 * again with pauses; while no broker answers, an empty batch says now and then that the source is not idle: what it could not
 * read may still come. Only what a person must mend, found at the start, and a second member in the group are errors.
 */
import type { Batch, Position } from "../../contracts.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Scanners } from "../../lib/split/scanners.ts";
import { SagewatchError } from "../../model/errors.ts";
import { toEmptyBatch } from "../records/batch.ts";
import type { SourceDeps } from "../settings.ts";
import { readFault } from "./faults.ts";
import { type Client, type Life, live } from "./life.ts";
import { type Group, packGroup, toUnreadable } from "./pack.ts";
import { createPartitions, type Partition, type Partitions, toPosition } from "./partitions.ts";
import type { KafkaSourceConfig } from "./settings.ts";
import { createSlot, type Slot } from "./slot.ts";

export type KafkaRun = {
  readonly config: KafkaSourceConfig;
  readonly deps: SourceDeps;
  readonly positions: ReadonlyMap<string, string>;
  readonly scanners: Scanners;
};

/** Pause after a failure, ms: doubled each time, until a life lasted so long that the next failure is a new one. */
const PAUSE_MS = { least: 500, most: 30_000 } as const;
const LASTING_MS = 60_000;
/** What comes with the start of a broker is told when it lasts for so many tries. */
const USUAL_TRIES = 4;
/** Without an answer for so long the brokers are away, ms; after an hour of it they hold back nothing. */
const AWAY_MS = 20_000;
const HOLDS_MS = 3_600_000;

type Reading = KafkaRun & {
  readonly partitions: Partitions;
  readonly slot: Slot<Batch>;
  /** Wall and monotonic ms of the last answer of a broker; at the start the wall time is −Infinity. */
  readonly answered: { wallMs: number; monotonicMs: number };
  hasJoined: boolean;
  isScanned: boolean;
};

/** Batches until the signal. Errors by code: kafka_missing, kafka_denied (at the start), kafka_fenced. */
export async function* readTopics(run: KafkaRun, until: AbortSignal): AsyncGenerator<Batch> {
  if (until.aborted) return;
  const stop = new AbortController();
  const signal = AbortSignal.any([until, stop.signal]);
  const reading = createReading(run);
  const { clock } = run.deps;
  let failure: { readonly error: unknown } | null = null;
  const lives = liveOn(reading, signal).catch((error: unknown) => {
    failure = { error };
    stop.abort();
  });
  try {
    while (!signal.aborted) {
      const batch = (await reading.slot.take(signal, (over) => clock.sleep(AWAY_MS, over))) ?? toAway(reading);
      if (signal.aborted) break;
      if (batch !== null) yield batch;
    }
  } finally {
    stop.abort();
    await lives;
  }
  // Set in a callback: the compiler does not see it.
  const ended = failure as { readonly error: unknown } | null;
  if (ended !== null) throw ended.error;
}

function createReading(run: KafkaRun): Reading {
  const { config, deps, positions } = run;
  const { clock } = deps;
  const partitions = createPartitions({
    source: config.name,
    positions,
    start: config.start,
    monotonicMs: () => clock.monotonicMs(),
    onGap: ({ key, why, sinceMs }) => {
      deps.alert?.("source_gap", { key, why });
      if (sinceMs === -Infinity) return;
      const span = { fromMs: sinceMs, toMs: clock.nowMs() };
      deps.gap?.({ account: null, region: null, ...span, reason: "log_start" });
    },
  });
  const answered = { wallMs: -Infinity, monotonicMs: clock.monotonicMs() };
  return { ...run, partitions, slot: createSlot(), answered, hasJoined: false, isScanned: false };
}

/** Lives until the signal. Throws what ends the source. */
async function liveOn(reading: Reading, signal: AbortSignal): Promise<void> {
  const { config, deps } = reading;
  const { clock, warn } = deps;
  for (let failures = 0; !signal.aborted; failures += 1) {
    const bornMs = clock.monotonicMs();
    try {
      await live(toLife(reading, await loadClient()), signal);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof SagewatchError) throw error;
      const { text, code, isUsual } = readFault(error, config);
      const isFirst = !reading.hasJoined || code === "kafka_fenced";
      if (code !== null && isFirst) throw new SagewatchError(code, `Source ${config.name}: ${text}`, { cause: error });
      if (isUsual !== true || failures >= USUAL_TRIES)
        warn(
          `Source ${config.name} cannot read ${config.topics.join(", ")}, and tries again: ${text}`,
          code ?? "kafka_unreachable",
        );
    }
    if (clock.monotonicMs() - bornMs > LASTING_MS) failures = 0;
    await clock.sleep(toPause(failures, clock), signal);
  }
}

async function loadClient(): Promise<Client> {
  const [{ createConnection }, { createAssigner }] = await Promise.all([
    import("../../kafka/connection.ts"),
    import("./member.ts"),
  ]);
  return { createConnection, createAssigner };
}

function toPause(failures: number, clock: Clock): number {
  const mostMs = Math.min(PAUSE_MS.most, PAUSE_MS.least * 2 ** failures);
  return mostMs * (0.5 + clock.random() / 2);
}

function toLife(reading: Reading, client: Client): Life {
  const { config, deps, partitions, slot, answered } = reading;
  const { clock } = deps;
  return {
    config,
    clock,
    client,
    partitions,
    onPlaces: (places) => {
      if (places.length > 0) slot.putFirst(toPlaces(places, reading));
      tellScanned(reading);
    },
    onJoined: () => void (reading.hasJoined = true),
    onAnswer: () => {
      answered.wallMs = clock.nowMs();
      answered.monotonicMs = clock.monotonicMs();
      deps.onAnswered?.();
    },
    onPassed: () => tellScanned(reading),
    offer: (partition, group) => slot.put(() => toBatch(partition, group, reading)),
    room: (over) => slot.room(over),
  };
}

function toBatch(partition: Partition, group: Group, reading: Reading): Batch {
  const { config, deps, partitions, scanners } = reading;
  const { topic, id } = partition;
  const { end, messages } = group;
  for (const message of messages) tellUnreadable(partition.key, toUnreadable(message), reading);
  // What follows in the partition came later.
  const timeMs = Number(messages.at(-1)?.timestamp);
  partition.timeMs = timeMs > 0 ? timeMs : partition.timeMs;
  partition.next = end;
  const settle = (error?: unknown): void => {
    if (error !== undefined) return;
    partition.settled = Math.max(partition.settled, end);
    tellScanned(reading);
  };
  const position = toPosition(partition, config.name);
  const place = { topic, partition: id, position, floorMs: partitions.floorMs(), settle };
  return packGroup(group, place, { source: config.name, limits: deps.limits, scanners });
}

/** A record batch may hold a thousand records: more than the rate of the quarantine would tell. */
function tellUnreadable(key: string, batch: ReturnType<typeof toUnreadable>, { deps }: Reading): void {
  if (batch === null) return;
  const why = `The record batch of offsets ${batch.span} of ${key} cannot be unpacked and is in the quarantine as it came (batch_bad): ${batch.why}. Reading went on behind it. Read these records where they came from, with \`sagewatch backfill\` or from their producer.`;
  deps.alert?.("source_gap", { key, why });
}

/** A batch without records, for places at which none may ever come. */
function toPlaces(positions: readonly Position[], { config, partitions }: Reading): Batch {
  const path = `kafka://${config.topics[0] ?? ""}`;
  const place = { source: config.name, path, positions, floorMs: partitions.floorMs(), settle: () => undefined };
  return toEmptyBatch("cloudtrail", place);
}

/** While no broker answers: what they have come to since is not read. Null when one does, or none did for an hour. */
function toAway(reading: Reading): Batch | null {
  const { config, deps, partitions, answered } = reading;
  const awayMs = deps.clock.monotonicMs() - answered.monotonicMs;
  if (awayMs < AWAY_MS || awayMs > HOLDS_MS) return null;
  const floorMs = Math.min(partitions.floorMs(), answered.wallMs);
  const place = { source: config.name, path: `kafka://${config.topics[0] ?? ""}`, positions: [], floorMs };
  return toEmptyBatch("cloudtrail", { ...place, settle: () => undefined });
}

function tellScanned(reading: Reading): void {
  if (reading.isScanned || !reading.partitions.isScanned()) return;
  reading.isScanned = true;
  reading.deps.onScanned?.();
}
