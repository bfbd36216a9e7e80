/**
 * The step between two commits: take a batch in, let time pass, commit.
 *
 * Everything here is synchronous, so a batch is matched and applied whole and a unit is committed whole. Order, never
 * another: memory, transaction, settle, deliver. When the transaction fails, nothing was settled and the error goes up:
 * the caller stops for good, since memory is then ahead of the store.
 */
import type {
  AlertDraft,
  Batch,
  CommitUnit,
  Deltas,
  Detector,
  Matcher,
  RoutedAlert,
  Source,
  Store,
  WatermarkEntry,
  Watermarks,
} from "../contracts.ts";
import type { Clock } from "../lib/clock.ts";
import { SagewatchError, toMessage } from "../model/errors.ts";
import type { Logsource } from "../model/event.ts";
import type { StatePressure } from "../model/pressure.ts";
import type { Emit } from "../model/signal.ts";
import { type OperationalName, toOperationalAlert } from "./operational.ts";
import { createSelfWatch, type SelfWatch } from "./self-watch.ts";
import { createGathered, gather, type Gathered, toCountDeltas } from "./unit.ts";

/** When a unit is committed: whichever comes first. */
export type CommitLimits = { readonly intervalMs: number; readonly records: number; readonly bytes: number };

export type LoopOptions = {
  readonly sources: readonly Source[];
  readonly matcher: Matcher;
  readonly detector: Detector;
  readonly watermarks: Watermarks;
  readonly store: Store;
  /** Names of the sinks that want an alert. Pure. */
  readonly route: (alert: AlertDraft["content"]) => readonly string[];
  /** False: no operational alerts (replays). */
  readonly operational: boolean;
  /** Called after a commit that may have made something due. */
  readonly wake: () => void;
  /** Name of a sink for which no more alerts may wait; null when there is none. */
  readonly fullSink: () => string | null;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly commit: CommitLimits;
  /** Time spent by stage, ms, added to as the loop runs. */
  readonly stageMs: Record<"match" | "detect" | "commit", number>;
};

export type Loop = {
  /** Matches and applies a batch and those that come with it; they are settled by one later commit. */
  intake(batch: Batch, mode: Source["timing"]["mode"]): void;
  /** A historic source gave its last batch. */
  finish(source: string): void;
  /** Wall time went on. */
  tick(): void;
  /** Tells how far the input is complete and what is held in memory. */
  report(): void;
  /** True when the gathered unit is big or old enough. */
  due(): boolean;
  /** Commits what is gathered. Throws what the store throws; from then on it does nothing. */
  commit(): void;
  /** True while the quarantine or a sink's outbox is at its cap: read the source on only when none is. Says so, once an hour. */
  blocked(source: string): boolean;
  /** Raises an operational alert with the next commit. `key` and `why` as toOperationalAlert has them. */
  tell(name: OperationalName, about: { key: string; why: string }): void;
  /** Settles what was gathered with the error. Nothing may be committed after. */
  giveUp(error: unknown): void;
};

type State = {
  gathered: Gathered;
  finished: string[];
  committedAtMs: number;
  readonly self: SelfWatch;
  /** A commit failed, or the loop was given up: memory is ahead of the store, so nothing may be committed any more. */
  isOver: boolean;
};

export function createLoop(options: LoopOptions): Loop {
  const { detector, watermarks, clock, commit } = options;
  const logsources = [...new Set(options.sources.flatMap((source) => source.logsources))];
  const self = createSelfWatch(options.operational ? options.route : null);
  const state: State = {
    gathered: createGathered(),
    finished: [],
    committedAtMs: clock.monotonicMs(),
    self,
    isOver: false,
  };
  const advance = (): void => {
    for (const logsource of logsources) detector.advance(logsource, watermarks.value(logsource));
  };
  return {
    intake: (batch, mode) => {
      for (const one of [batch, ...(batch.also ?? [])]) takeIn(one, mode, { options, state, advance });
    },
    finish: (source) => {
      watermarks.finish(source);
      advance();
      state.finished.push(source);
    },
    tick: () => {
      watermarks.tick(clock.nowMs());
      advance();
    },
    report: () => {
      const nowMs = clock.nowMs();
      for (const logsource of logsources) {
        const watermarkMs = watermarks.value(logsource);
        if (Number.isFinite(watermarkMs))
          options.emit({ type: "watermark", logsource, watermarkMs, lagMs: nowMs - watermarkMs });
      }
      options.emit({ type: "state", ...detector.size() });
    },
    due: () =>
      state.gathered.records >= commit.records ||
      state.gathered.bytes >= commit.bytes ||
      clock.monotonicMs() - state.committedAtMs >= commit.intervalMs,
    commit: () => {
      if (!state.isOver) commitState(state, options);
    },
    blocked: (source) => {
      const full = whatIsFull(options);
      if (full === null) return false;
      // What waits in the source meanwhile must not be late afterwards.
      watermarks.stall(source);
      self.tell(full.name, { key: full.key, why: full.why, nowMs: clock.nowMs() });
      return true;
    },
    tell: (name, about) => self.tell(name, { ...about, nowMs: clock.nowMs() }),
    giveUp: (error) => {
      state.isOver = true;
      for (const batch of state.gathered.batches) batch.settle(error);
      state.gathered = createGathered();
      tellFailure(error, options);
    },
  };
}

function whatIsFull({ store, fullSink }: LoopOptions): { name: OperationalName; key: string; why: string } | null {
  if (store.quarantineFull()) {
    const why =
      "Nothing is read until `sagewatch quarantine replay` has made room; what the sources hold is safe there.";
    return { name: "quarantine_full", key: "quarantine", why };
  }
  const sink = fullSink();
  if (sink === null) return null;
  const why = `As many alerts as may wait for the sink ${sink}. Nothing is read until it takes some; what the sources hold is safe there.`;
  return { name: "outbox_full", key: sink, why };
}

function takeIn(
  batch: Batch,
  mode: Source["timing"]["mode"],
  at: { options: LoopOptions; state: State; advance: () => void },
): void {
  const { matcher, detector, watermarks, clock, emit, stageMs } = at.options;
  const begunMs = clock.monotonicMs();
  const logsource: Logsource = `aws/${batch.kind}`;
  const nowMs = mode === "historic" ? null : clock.nowMs();
  const result = matcher.match(batch, { nowMs, watermarkMs: watermarks.value(logsource) });
  const matchedMs = clock.monotonicMs();
  const { repeated } = detector.apply(result.matches);
  watermarks.observe(batch.origin.source, logsource, { floorMs: batch.floorMs, newestMs: result.newestMs });
  at.advance();
  gather(at.state.gathered, batch, { ...result, repeated });
  at.state.self.count(batch.origin.source, { read: result.read, rejected: result.rejected.length }, clock.nowMs());
  const doneMs = clock.monotonicMs();
  stageMs.match += matchedMs - begunMs;
  stageMs.detect += doneMs - matchedMs;
  tellBatch(batch, { ...result, repeated, elapsedMs: doneMs - begunMs }, emit);
}

function commitState(state: State, options: LoopOptions): void {
  const { clock, emit, stageMs } = options;
  const begunMs = clock.monotonicMs();
  state.committedAtMs = begunMs;
  // From here to the end of the transaction what the detector gave stands nowhere else.
  state.isOver = true;
  const deltas = options.detector.deltas();
  const startedMs = clock.monotonicMs();
  stageMs.detect += startedMs - begunMs;
  for (const pressure of deltas.pressure) tellPressure(pressure, state.self, options);
  const unit = toUnit(state, deltas, options);
  // Watermarks that moved by the clock alone are not worth a transaction: an older saved value only holds back longer.
  const isEmpty =
    state.gathered.batches.length + state.finished.length === 0 &&
    unit.alerts.length + unit.prunes.length + unit.evictions.length === 0;
  const written = isEmpty ? [] : options.store.commit(unit).written;
  state.isOver = false;
  if (isEmpty) return;
  const settled = state.gathered;
  state.gathered = createGathered();
  state.finished = [];
  for (const batch of settled.batches) batch.settle();
  const elapsedMs = clock.monotonicMs() - startedMs;
  stageMs.commit += elapsedMs;
  for (const { ruleId, alertId, revision } of written) emit({ type: "alert_written", ruleId, alertId, revision });
  emit({ type: "committed", records: settled.records, alerts: written.length, elapsedMs });
  // An equal content can still make an update due: its alert may have become final.
  if (unit.alerts.length > 0) options.wake();
}

/** Groups that had to go are told of where all is told, and by an alert: somebody may have made them go. */
function tellPressure(pressure: StatePressure, self: SelfWatch, { emit, clock }: LoopOptions): void {
  const { ruleId, scope, groups, thinned, accountId, accounts } = pressure;
  emit({ type: "state_pressure", ...pressure });
  const cap = { rule: "of one rule", account: "of one account", whole: "of all rules together" }[scope];
  const whose = accounts === 1 ? `account ${accountId}` : `account ${accountId} and ${accounts - 1} others`;
  const lost = thinned === 0 ? `${groups} groups` : `${groups} groups and events of ${thinned} large ones`;
  const why = `Rule ${ruleId} lost ${lost} of ${whose}, the least advanced first: the memory ${cap} is at its cap (state.memoryBytes). A flood of made-up principals or names may hide an attack: see docs/runbook.md.`;
  self.tell("state_pressure", { key: ruleId, why, nowMs: clock.nowMs() });
}

function toUnit(state: State, { pressure: _told, ...deltas }: Deltas, options: LoopOptions): CommitUnit {
  const watermarks = toSaved(options.watermarks);
  const isSaved = new Set(watermarks.map(({ source }) => source));
  return {
    ...deltas,
    nowMs: options.clock.nowMs(),
    alerts: [
      ...deltas.alerts.map((draft): RoutedAlert => ({ ...draft, sinks: options.route(draft.content) })),
      ...state.self.drain(),
    ],
    rejected: state.gathered.rejected,
    counts: toCountDeltas(state.gathered),
    positions: [...state.gathered.positions.values()],
    watermarks,
    finished: options.sources.map(({ name }) => name).filter((name) => !isSaved.has(name)),
  };
}

/**
 * The watermarks to save. A source that was read to its end stands at +Infinity, and its next run may bring new files: it
 * is saved where the others hold the windows back, so that these neither open again nor make its new records late. Once
 * nothing holds them back all windows are closed, and it is forgotten: its next run begins anew.
 */
function toSaved(watermarks: Watermarks): WatermarkEntry[] {
  const entries = watermarks.entries();
  const least = Math.min(...entries.map(({ watermarkMs }) => watermarkMs));
  return entries.flatMap((entry) => {
    if (entry.watermarkMs < Infinity) return [entry];
    const heldMs = watermarks.value(entry.logsource);
    const watermarkMs = heldMs < Infinity ? heldMs : least;
    return watermarkMs < Infinity ? [{ ...entry, watermarkMs }] : [];
  });
}

/**
 * Says why the store could not be written, wherever that was met: in a commit, or when a deliverer told the outbox. With a
 * full disk the alert that says so goes into the reserve.
 */
function tellFailure(error: unknown, options: LoopOptions): void {
  if (!(error instanceof SagewatchError)) return;
  if (error.code === "store_full") tellFull(error, options.clock.nowMs(), options);
  if (error.code === "store_fenced") options.emit({ type: "fenced", detail: error.message });
}

function tellFull(error: SagewatchError, nowMs: number, options: LoopOptions): void {
  options.emit({ type: "store_full", detail: error.message });
  const draft = toOperationalAlert("store_full", { key: "store", why: error.message, nowMs, sinks: [] });
  const alert = { ...draft, sinks: options.route(draft.content) };
  const empty = {
    members: [],
    evidence: [],
    drops: [],
    prunes: [],
    evictions: [],
    late: [],
    rejected: [],
    counts: [],
    positions: [],
    watermarks: [],
    finished: [],
  };
  try {
    options.store.releaseReserve();
    options.store.commit({ ...empty, nowMs, alerts: [alert] });
  } catch (again) {
    options.emit({ type: "store_failed", detail: toMessage(again) });
  }
}

function tellBatch(
  batch: Batch,
  result: ReturnType<Matcher["match"]> & { repeated: number; elapsedMs: number },
  emit: Emit,
): void {
  const { source } = batch.origin;
  emit({
    type: "batch",
    source,
    read: result.read,
    evaluated: result.evaluated,
    bytes: batch.chunk.byteLength,
    matches: result.matches.length,
    elapsedMs: result.elapsedMs,
  });
  const reasons = new Map<(typeof result.rejected)[number]["reason"], number>();
  for (const { reason } of result.rejected) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  for (const [reason, records] of reasons) emit({ type: "quarantined", source, reason, records });
  for (const [reason, records] of Object.entries(result.skipped) as [keyof typeof result.skipped, number][])
    emit({ type: "skipped", source, reason, records });
  if (result.late > 0) emit({ type: "late", source, records: result.late });
  if (result.repeated > 0) emit({ type: "repeated", source, records: result.repeated });
  for (const [ruleId, records] of result.groupless) emit({ type: "groupless", ruleId, records });
}
