/**
 * What can be read of a running daemon when somebody asks for its metrics: outboxes, memory, quarantine, state file, disk.
 *
 * Each look is bounded: counts of rows that the store keeps or indexes, sizes of two files. What takes longer is looked at
 * once a minute.
 */
import { statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config/schema.ts";
import type { Store } from "../contracts.ts";
import { systemClock } from "../lib/clock.ts";
import { HOUR_STATES, type HourState } from "../model/integrity/hours.ts";
import { HOUR_MS } from "../model/integrity/place.ts";
import type { Answering } from "../ops/http/health.ts";
import { createLabelBounds, type LabelBounds, OTHER } from "../ops/telemetry/labels.ts";
import type { Read, Reading } from "../ops/telemetry/readings.ts";
import { toCap } from "./adapters.ts";
import type { Engine } from "./engine.ts";

/** Who watches a run. `add` takes readings in and returns how to take them out again. */
export type Observe = { add(read: Read): () => void; running(sources: readonly Answering[]): void };

/** Rules with a line of their own: who looks for the one that fills memory finds it among these. */
const RULES_SHOWN = 20;
const LETTERS_MAX = 10_000;
const LOOK_EVERY_MS = 60_000;

export function createReadings(parts: { store: Store; engine: Pick<Engine, "bytesByRule">; config: Config }): Read {
  const { store, engine, config } = parts;
  const letters = everyMinute((bounds) => readLetters(store, bounds));
  const hours = everyMinute((bounds) => readHours(store, bounds));
  return () => [
    ...config.sinks.flatMap(({ name }) => readOutbox(name, parts)),
    ...letters(),
    ...hours(),
    { name: "sagewatch_state_limit_bytes", value: config.state.memoryBytes },
    ...readRules(engine.bytesByRule()),
    ...readQuarantine(store),
    ...readDisk(config.state.dir),
  ];
}

function readOutbox(sink: string, { store, config }: { store: Store; config: Config }): Reading[] {
  const outbox = store.outbox(sink);
  const labels = { sink };
  const nowMs = systemClock.nowMs();
  const dueMs = outbox.nextDueMs(-Infinity);
  const { bytes: limit } = toCap(config, sink);
  return [
    { name: "sagewatch_outbox_bytes", labels, value: outbox.size().bytes },
    ...(Number.isFinite(limit) ? [{ name: "sagewatch_outbox_limit_bytes" as const, labels, value: limit }] : []),
    { name: "sagewatch_outbox_age_seconds", labels, value: Math.max(0, dueMs < nowMs ? nowMs - dueMs : 0) / 1000 },
  ];
}

/** What is asked for more often gives what was found last. */
function everyMinute(look: (bounds: LabelBounds) => readonly Reading[]): Read {
  const bounds = createLabelBounds();
  let lookedMs = -Infinity;
  let found: readonly Reading[] = [];
  return () => {
    const nowMs = systemClock.monotonicMs();
    if (nowMs - lookedMs < LOOK_EVERY_MS) return found;
    lookedMs = nowMs;
    found = look(bounds);
    return found;
  };
}

function readLetters(store: Store, bounds: LabelBounds): Reading[] {
  const counts = new Map<string, { labels: { sink: string; code: string }; value: number }>();
  for (const { sink, code } of store.views.deadLetters({ sink: null, alertId: null, limit: LETTERS_MAX })) {
    const labels = { sink: bounds.admit("sink", sink), code: bounds.admit("code", code) };
    const key = `${labels.sink}\n${labels.code}`;
    const count = counts.get(key) ?? { labels, value: 0 };
    counts.set(key, count);
    count.value += 1;
  }
  return [...counts.values()].map((count) => ({ name: "sagewatch_dead_letters", ...count }));
}

/** Hours of the last day by what is proven of them; accounts and Regions without labels of their own are together `other`. */
function readHours(store: Store, bounds: LabelBounds): Reading[] {
  const nowMs = systemClock.nowMs();
  const places = new Map<string, { account: string; region: string; states: Map<HourState, number>; ageMs: number }>();
  for (const hour of store.views.logHours({ fromMs: nowMs - 24 * HOUR_MS, toMs: nowMs }, nowMs)) {
    const [account, region] = [bounds.admit("accountId", hour.accountId), bounds.admit("region", hour.region)];
    const key = `${account} ${region}`;
    const place = places.get(key) ?? { account, region, states: new Map<HourState, number>(), ageMs: Infinity };
    places.set(key, place);
    place.states.set(hour.state, (place.states.get(hour.state) ?? 0) + 1);
    if (hour.state === "proven") place.ageMs = Math.min(place.ageMs, nowMs - hour.hourMs - HOUR_MS);
  }
  return [...places.values()].flatMap(({ account, region, states, ageMs }): Reading[] => [
    ...HOUR_STATES.map((state) => ({
      name: "sagewatch_log_hours" as const,
      labels: { account, region, state },
      value: states.get(state) ?? 0,
    })),
    ...(ageMs < Infinity
      ? [{ name: "sagewatch_log_proven_age_seconds" as const, labels: { account, region }, value: ageMs / 1000 }]
      : []),
  ]);
}

function readRules(bytes: ReadonlyMap<string, number>): Reading[] {
  const rules = [...bytes].toSorted(([, left], [, right]) => right - left);
  const rest = rules.slice(RULES_SHOWN).reduce((sum, [, size]) => sum + size, 0);
  const shown = rules.slice(0, RULES_SHOWN).filter(([, size]) => size > 0);
  return [...shown, ...(rest > 0 ? [[OTHER, rest] as const] : [])].map(([rule, value]) => ({
    name: "sagewatch_state_rule_bytes",
    labels: { rule },
    value,
  }));
}

function readQuarantine(store: Store): Reading[] {
  const { rows, bytes, maxRows, maxBytes } = store.quarantineUse();
  return [
    { name: "sagewatch_quarantine_rows", value: rows },
    { name: "sagewatch_quarantine_bytes", value: bytes },
    { name: "sagewatch_quarantine_limit_rows", value: maxRows },
    { name: "sagewatch_quarantine_limit_bytes", value: maxBytes },
  ];
}

function readDisk(dir: string): Reading[] {
  const { bsize, bavail, blocks } = statfsSync(dir);
  const sizeOf = (name: string): number => statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0;
  return [
    { name: "sagewatch_store_bytes", value: sizeOf("store.db") },
    { name: "sagewatch_store_wal_bytes", value: sizeOf("store.db-wal") },
    { name: "sagewatch_disk_free_bytes", value: bavail * bsize },
    { name: "sagewatch_disk_size_bytes", value: blocks * bsize },
  ];
}
