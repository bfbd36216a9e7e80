/**
 * The benign stream: exactly N records in event-time steps of five minutes.
 *
 * Each actor earns budget by its share and its curve and spends it on activities. Every actor draws from a generator of
 * its own, so that planting an attack, or adding an actor, leaves the records of all others as they were.
 */
import type { Random } from "../lib/random.ts";
import type { Scene } from "./calls.ts";
import { createActors, type Actor, type Session } from "./actors.ts";
import { buildRecord, type Call, type Caller, type SimulatedRecord } from "./record.ts";

/** Length of a step and of a delivery slot, ms: CloudTrail names its files after five-minute slots. */
export const SLOT_MS = 300_000;

/** What the stream is asked for. `random` also gives the unique ids; `endMs - startMs` is a multiple of SLOT_MS. */
export type StreamOptions = {
  readonly random: Random;
  readonly startMs: number;
  readonly endMs: number;
  readonly records: number;
};

type ActorState = {
  readonly actor: Actor;
  readonly random: Random;
  budget: number;
  session: Session | undefined;
  openedMs: number;
  lastMs: number;
};

/** Turns calls into records, each after the one before it; nothing is later than the end of the run. */
function recordsOf(pairs: readonly (readonly [Caller, Call])[], scene: Scene, endMs: number): SimulatedRecord[] {
  let timeMs = scene.timeMs;
  return pairs.map(([caller, call]) => {
    timeMs = Math.min(timeMs + (call.afterSeconds ?? 0) * 1000, endMs - 1000);
    return buildRecord(caller, call, { region: scene.region, timeMs, random: scene.random });
  });
}

/** One activity of an actor at a random second of the step. */
function act(state: ActorState, slotMs: number, options: StreamOptions): readonly SimulatedRecord[] {
  const { actor, random } = state;
  const timeMs = slotMs + random.int(0, SLOT_MS / 1000 - 1) * 1000;
  const scene: Scene = {
    random,
    ids: options.random,
    account: actor.account,
    region: random.weighted(actor.regions),
    timeMs,
  };
  if (actor.raw !== undefined) return actor.raw(scene).filter((record) => record.timeMs < options.endMs);
  const opening: (readonly [Caller, Call])[] = [];
  if (state.session === undefined || timeMs >= state.openedMs + actor.sessionMs || timeMs < state.openedMs) {
    state.session = actor.openSession(scene);
    state.openedMs = timeMs;
    opening.push(...state.session.opening);
  }
  const { caller } = state.session;
  const calls = random.weighted(actor.activities)(scene);
  return recordsOf([...opening, ...calls.map((call) => [caller, call] as const)], scene, options.endMs);
}

/** Spends an actor's budget of one step. */
function spend(state: ActorState, slotMs: number, options: StreamOptions): SimulatedRecord[] {
  const found: SimulatedRecord[] = [];
  const gapMs = state.actor.minGapMs ?? 0;
  while (state.budget >= 1 && slotMs - state.lastMs >= gapMs) {
    const records = act(state, slotMs, options);
    state.budget -= Math.max(1, records.length);
    if (gapMs > 0) state.lastMs = slotMs + SLOT_MS;
    found.push(...records);
  }
  return found;
}

/** Fills the last step up to the number that was asked for. */
function topUp(states: readonly ActorState[], missing: number, options: StreamOptions): SimulatedRecord[] {
  const slotMs = options.endMs - SLOT_MS;
  const found: SimulatedRecord[] = [];
  const steady = states.filter(({ actor }) => ["agents", "controllers", "workloads"].includes(actor.name));
  for (let turn = 0; found.length < missing; turn += 1) {
    found.push(...act(steady[turn % steady.length] as ActorState, slotMs, options));
  }
  return found;
}

/**
 * The benign records, one array for each five-minute step, in order of the steps. Records of a step may lie some minutes
 * after it, never before. The sum of all arrays is exactly `options.records`.
 */
export function* createStream(options: StreamOptions): Generator<readonly SimulatedRecord[]> {
  const { startMs, endMs, records } = options;
  const states: ActorState[] = createActors().map((actor) => ({
    actor,
    random: options.random.fork(`actor/${actor.account.id}/${actor.name}`),
    budget: actor.raw === undefined ? 0 : 1,
    session: undefined,
    openedMs: startMs,
    lastMs: Number.NEGATIVE_INFINITY,
  }));
  const busyness = (slotMs: number): number =>
    states.reduce((sum, { actor }) => sum + actor.share * actor.curve(slotMs), 0);
  let total = 0;
  for (let slotMs = startMs; slotMs < endMs; slotMs += SLOT_MS) total += busyness(slotMs);
  let left = records;
  for (let slotMs = startMs; slotMs < endMs; slotMs += SLOT_MS) {
    const step: SimulatedRecord[] = [];
    for (const state of states) {
      state.budget += (records * state.actor.share * state.actor.curve(slotMs)) / total;
      for (const record of spend(state, slotMs, options)) step.push(record);
    }
    if (slotMs + SLOT_MS >= endMs) step.push(...topUp(states, left - step.length, options));
    const kept = step.length > left ? step.slice(0, left) : step;
    left -= kept.length;
    yield kept;
  }
}
