/**
 * The step between two commits: take a batch in, let time pass, commit.
 *
 * Everything here is synchronous, so a batch is matched and applied whole and a unit is committed whole. Order, never
 * another: memory, transaction, settle, deliver. When the transaction fails, nothing was settled and the error goes up:
 * the caller stops for good, since memory is then ahead of the store.
 */
import type {
  Batch,
  CommitResult,
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
import type { StatePressure } from "../model/watch/pressure.ts";
import type { Sighting } from "../model/watch/sighting.ts";
import type { Emit } from "../model/signal.ts";
import { tellLate, tellLateness } from "./lateness.ts";
import { type OperationalAbout, type OperationalName, toOperationalAlert } from "./operational.ts";
import type { Route } from "./route.ts";
import { tellIntegrity } from "./watch/integrity.ts";
import { type CommitLimits, createGathered, gather, type Gathered, isBig, toCountDeltas } from "./unit.ts";
import { createSelfWatch, type SelfWatch } from "./watch/self-watch.ts";
import { createSightings, type Sightings } from "./watch/sightings.ts";
import { createSilence, type Silence, type SilenceOptions } from "./watch/silence.ts";

export type LoopOptions = {
  readonly sources: readonly Source[];
  readonly matcher: Matcher;
  readonly detector: Detector;
  readonly watermarks: Watermarks;
  readonly store: Store;
  /** What the store knew at the start. Left out: nothing. */
  readonly sightings?: readonly Sighting[];
  /** Names of the sinks that want an alert. Pure. */
  readonly route: Route;
  /** False: no operational alerts (replays). */
  readonly operational: boolean;
  /** How long each source may be silent, and what was heard before. Left out: it is not watched. */
  readonly silence?: Pick<SilenceOptions, "limitOf" | "positions">;
  /** Called after a commit that may have made something due. */
  readonly wake: () => void;
  /** New revisions are handed to it, and their outbox rows wait for it so long. Left out: alerts are not enriched. */
  readonly enrich?: { readonly holdMs: number; add(alertIds: readonly string[]): void } | null;
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
  /** Records read since the start. */
  read(): number;
  /** Raises an operational alert with the next commit. */
  tell(name: OperationalName, about: Omit<OperationalAbout, "nowMs">): void;
  /** Settles what was gathered with the error. Nothing may be committed after. */
  giveUp(error: unknown): void;
};

type State = {
  gathered: Gathered;
  finished: string[];
  committedAtMs: number;
  readonly self: SelfWatch;
  /** Null: not watched. */
  readonly silence: Silence | null;
  readonly sightings: Sightings;
  read: number;
  /** What input waited for when it was last looked at; empty: nothing. */
  blockedBy: string;
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
    silence: createWatch(options, self),
    sightings: createSightings(options.sightings ?? []),
    read: 0,
    blockedBy: "",
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
      state.silence?.look();
    },
    due: () => isBig(state.gathered, commit) || clock.monotonicMs() - state.committedAtMs >= commit.intervalMs,
    commit: () => {
      if (!state.isOver) commitState(state, options);
    },
    blocked: (source) => {
      const full = whatIsFull(options);
      noteBlocked(state, full, options.emit);
      if (full === null) return false;
      // What waits in the source meanwhile must not be late afterwards.
      watermarks.stall(source);
      state.silence?.stall(source);
      self.tell(full.name, { key: full.key, why: full.why, nowMs: clock.nowMs() });
      return true;
    },
    read: () => state.read,
    tell: (name, about) => self.tell(name, { ...about, nowMs: clock.nowMs() }),
    giveUp: (error) => {
      state.isOver = true;
      for (const batch of state.gathered.batches) batch.settle(error);
      state.gathered = createGathered();
      tellFailure(error, options);
    },
  };
}

function createWatch({ silence, ...options }: LoopOptions, self: SelfWatch): Silence | null {
  if (!options.operational || silence === undefined) return null;
  return createSilence({
    ...options,
    ...silence,
    alerts: (filter) => options.store.views.alerts(filter),
    tell: (name, about) => self.tell(name, { ...about, nowMs: options.clock.nowMs() }),
  });
}

type Full = { readonly name: "quarantine_full" | "outbox_full"; readonly key: string; readonly why: string };

function noteBlocked(state: State, full: Full | null, emit: Emit): void {
  const blockedBy = full === null ? "" : `${full.name} ${full.key}`;
  if (blockedBy === state.blockedBy) return;
  state.blockedBy = blockedBy;
  emit(full === null ? { type: "input_unblocked" } : { type: "input_blocked", cause: full.name, key: full.key });
}

function whatIsFull({ store, fullSink }: LoopOptions): Full | null {
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
  const wantsTimes = nowMs !== null;
  const watermarkMs = watermarks.value(logsource);
  const result = matcher.match(batch, { nowMs, watermarkMs, wantsTimes });
  const matchedMs = clock.monotonicMs();
  const { repeated } = detector.apply(result.matches);
  at.state.sightings.note(batch.origin.source, result.matches, nowMs);
  watermarks.observe(batch.origin.source, logsource, { floorMs: batch.floorMs, newestMs: result.newestMs });
  at.advance();
  gather(at.state.gathered, batch, { ...result, repeated });
  at.state.self.count(batch.origin.source, { read: result.read, rejected: result.rejected.length }, clock.nowMs());
  at.state.read += result.read;
  if (result.times !== undefined) at.state.silence?.heard(batch.origin.source, batch.kind, result.times);
  const doneMs = clock.monotonicMs();
  stageMs.match += matchedMs - begunMs;
  stageMs.detect += doneMs - matchedMs;
  tellBatch(batch, { ...result, repeated, elapsedMs: doneMs - begunMs }, emit);
  tellIntegrity(batch, at.state.self, at.options);
  if (result.late > 0) tellLate(batch.origin.source, { ...result, watermarkMs }, emit);
  if (nowMs !== null && result.times !== undefined)
    tellLateness("read", { source: batch.origin.source, times: result.times }, { nowMs, emit });
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
  for (const [ruleId, groups] of deltas.negatives) emit({ type: "sum_negative", ruleId, groups });
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
  tellWritten(written, unit.alerts, emit);
  for (const seen of settled.seen) tellLateness("committed", seen, { nowMs: clock.nowMs(), emit });
  emit({ type: "committed", records: settled.records, alerts: written.length, elapsedMs });
  if (written.length > 0) options.enrich?.add(written.map(({ alertId }) => alertId));
  // An equal content can still make an update due: its alert may have become final.
  if (unit.alerts.length > 0) options.wake();
}

function tellWritten(written: CommitResult["written"], alerts: CommitUnit["alerts"], emit: Emit): void {
  if (written.length === 0) return;
  const severities = new Map(alerts.map(({ content }) => [content.id, content.severity]));
  for (const { ruleId, alertId, revision } of written) {
    const severity = severities.get(alertId) ?? "informational";
    emit({ type: "alert_written", ruleId, severity, alertId, revision });
  }
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

function toUnit(
  state: State,
  { pressure: _told, negatives: _turned, ...deltas }: Deltas,
  options: LoopOptions,
): CommitUnit {
  const closings = options.watermarks.closings();
  const watermarks = [
    ...toSaved(options.watermarks),
    ...closings.filter(({ watermarkMs }) => Number.isFinite(watermarkMs)),
  ];
  const isSaved = new Set(watermarks.map(({ source }) => source));
  const names = [...options.sources.map(({ name }) => name), ...closings.map(({ source }) => source)];
  return {
    ...deltas,
    nowMs: options.clock.nowMs(),
    alerts: [
      ...deltas.alerts.map((draft): RoutedAlert => ({
        ...draft,
        sinks: options.route(draft),
        holdMs: options.enrich?.holdMs ?? 0,
      })),
      ...state.self.drain(),
    ],
    sightings: state.sightings.drain(deltas.alerts),
    rejected: state.gathered.rejected,
    counts: toCountDeltas(state.gathered),
    integrity: state.gathered.integrity,
    positions: [...state.gathered.positions, ...(state.silence?.positions() ?? [])],
    watermarks,
    finished: names.filter((name) => !isSaved.has(name)),
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
  const alert = { ...draft, sinks: options.route(draft) };
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
  if (result.repeated > 0) emit({ type: "repeated", source, records: result.repeated });
  for (const [ruleId, records] of result.groupless) emit({ type: "groupless", ruleId, records });
  const matches = new Map<string, number>();
  for (const { ruleId } of result.matches) matches.set(ruleId, (matches.get(ruleId) ?? 0) + 1);
  for (const [ruleId, count] of matches) emit({ type: "matched", source, ruleId, matches: count });
}
