/**
 * READ FIRST. The glossary and the contracts between the parts of Sagewatch.
 *
 * record    one JSON object as AWS wrote it          event     a decoded record: envelope plus the untouched record
 * batch     raw bytes of records of one kind         rule      a Sigma document: detection, correlation or filter
 * match     one event meets one use of a rule        alert     what a detection says, under a deterministic id
 * revision  a version of an alert's content          addition  what an enricher found, stored beside the alert
 * window    the time span a correlation looks back   bucket    epoch-aligned period that one alert of a group covers
 * watermark event time up to which input is complete outbox    alerts that a sink still has to get
 * slice     5-minute piece of a group's members        unit      all that one transaction commits
 *
 * Order of durability, never another: apply to memory, one transaction, settle the sources, deliver from the outbox. Types.
 */
import type { MatchTime, SeenTimes, SourceTiming } from "./model/ages.ts";
import type { Addition, Additions, AdditionStore } from "./model/addition.ts";
import type { Alert, AlertContent } from "./model/alert.ts";
import type { DeadLetter, LetterChoice, Outbox, OutboxItem, Redriven } from "./model/outbox.ts";
import type { GlanceForm, Glances } from "./model/glance.ts";
import type { HourChoice, LogHour } from "./model/integrity/hours.ts";
import type { IntegrityLog, IntegrityNote } from "./model/integrity/notes.ts";
import type { Leftovers, QuarantineUse, StoreUse } from "./model/leftovers.ts";
import type { BatchOrigin, Event, Evidence, Kind, Logsource, Pointer, Rejected, SkipReason } from "./model/event.ts";
import type { StatePressure } from "./model/watch/pressure.ts";
import type { Sighting } from "./model/watch/sighting.ts";
import type { AlertFilter, AlertWithRecords, CountDelta, QuarantineRow, RecentChoice } from "./model/views.ts";

export type { SourceTiming } from "./model/ages.ts";
export type { AlertFilter, AlertWithRecords, CountDelta, QuarantineRow } from "./model/views.ts";

/** Place in a source from which reading goes on after a restart. One per key; the last committed value counts. */
export type Position = { readonly source: string; readonly key: string; readonly value: string };

/**
 * Raw records of one kind. Pulled, matched, committed, then settled: exactly once, also when empty or all rejected.
 * `chunk` is an ArrayBuffer of its own (no slice of a pool). `offsets` holds (start, end) pairs into it, end exclusive,
 * at most 1,000 pairs and 4 MiB. A range is one record's JSON text: for an envelope, the range of its `detail`.
 */
export type Batch = {
  readonly kind: Kind;
  readonly chunk: Uint8Array;
  readonly offsets: Int32Array;
  /** One byte a record, bit 0 set where a key stands twice at top level or in userIdentity. Null when none is. */
  readonly flags: Uint8Array | null;
  /** What is known of the records before they are parsed (model/glance.ts); left out where nothing is. */
  readonly glances?: Glances | null;
  /** Pointer of each record: `{ source, path, index: indexes[i] }`, the path that of its input. */
  readonly origin: BatchOrigin;
  /** What the source itself could not take as records (too big, too deep, not JSON, cut off). They count as read. */
  readonly rejected: readonly Rejected[];
  /** Inputs passed over on purpose, by reason. They count as read. */
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
  /** Committed together with the batch's effects. */
  readonly positions: readonly Position[];
  readonly integrity?: readonly IntegrityNote[]; // of CloudTrail's digest files and log files; committed with it
  /**
   * Smallest time slot (epoch ms) known and not read to its end once this batch is taken in. Historic: nothing below it
   * will come; -Infinity while that cannot be said. Live: the watermark waits for it; Infinity when nothing waits.
   */
  readonly floorMs: number;
  /** Batches of other kinds out of the same piece: taken in and committed with this one; the last has the position of all. */
  readonly also?: readonly Batch[];
  /** Called once: without an argument after the commit, with one when the batch was given up. The chunk may be gone then. */
  settle(error?: unknown): void;
};

/** Brings records in. Understands nothing of them beyond where each begins and ends. */
export type Source = {
  readonly name: string;
  /** Logsources it may carry; its watermark holds back the correlations on these. */
  readonly logsources: readonly Logsource[];
  readonly timing: SourceTiming;
  /**
   * Batches in reading order; pulling is the back-pressure. `positions` are those of the last commit. Ends when the input
   * ends (historic) or `signal` aborts. Transient faults were retried inside; a throw is fatal (SagewatchError).
   */
  read(positions: ReadonlyMap<string, string>, signal: AbortSignal): AsyncIterable<Batch>;
};

/** Pure and total: bytes and arrival time to an event, or why not. Never waits, never throws. */
export type Decoder = {
  readonly kind: Kind;
  decode(bytes: Uint8Array, arrival: Arrival): Event | Undecodable;
  readonly glance?: GlanceForm;
};
/** `nowMs` null: historic run, the wall clock does not count. */
export type Arrival = {
  readonly nowMs: number | null;
  readonly duplicateKeys: boolean;
  /** The bytes are valid UTF-8 and JSON that a parser takes exactly: it need not be looked at for what is not. */
  readonly isPlain?: boolean;
};
export type Undecodable = { readonly reason: Rejected["reason"]; readonly detail: string };

// ---------------------------------------------------------------------------------------------------------------- match
/**
 * One event met one use of a rule: a single-event detection, or a step of a correlation. Plain data, so that it can cross
 * to another thread or a topic. An event that feeds three correlations makes three matches.
 */
export type Match = {
  /** The detection rule, or the correlation that it feeds; `ruleSem` is of the same. */
  readonly ruleId: string;
  readonly ruleSem: string;
  /** Index in the correlation's `rules`; −1 for a single-event detection. */
  readonly step: number;
  readonly kind: Kind;
  readonly logsource: Logsource;
  readonly key: string;
  readonly eventId: string;
  readonly version: number;
  /** Event time, epoch ms. */
  readonly timeMs: number;
  /** sha256 of the record's bytes, hex: the last tie-breaker of every order. */
  readonly recordHash: string;
  readonly accountId: string;
  readonly region: string;
  readonly principal: string;
  /** Canonical group key (model/alert.ts, toGroupKey); "[]" without group-by. */
  readonly group: string;
  /** value_* correlations: the canonical value, else null. */
  readonly value: string | null;
  /** Numeric value for value_sum, value_avg, value_percentile, else null. */
  readonly number: number | null;
  readonly pointer: Pointer;
  readonly evidence: Evidence;
  /** The record's bytes, a view on the batch's chunk, until the commit; null when larger than 64 KiB. */
  readonly record: Uint8Array | null;
};

/** What the matcher made of a batch. read = evaluated + rejected + skipped. */
export type MatchResult = {
  readonly read: number;
  readonly evaluated: number;
  readonly rejected: readonly Rejected[];
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
  /** Newest event time among the evaluated, epoch ms; −Infinity when there is none. */
  readonly newestMs: number;
  /** Evaluated records whose event time is below the `watermarkMs` that was given: a mark, not an outcome. */
  readonly late: number;
  /** Correlations that lacked a group-by field or value, by rule id: the event was not counted there. */
  readonly groupless: ReadonlyMap<string, number>;
  readonly matches: readonly Match[];
  readonly times?: readonly SeenTimes[]; // of the evaluated, where they were asked for
};

/** Bytes to matches. Stateless between batches; the only reader of record bytes. */
export type Matcher = {
  /** `nowMs` null in historic runs; `watermarkMs` of the batch's logsource, for the count of late records. Synchronous, never throws for any bytes. */
  match(batch: Batch, at: MatchTime): MatchResult;
};

// --------------------------------------------------------------------------------------------------------------- detect
/** A member of a correlation's window: what a window needs of a match, as the store keeps it. */
export type Member = {
  readonly step: number;
  readonly timeMs: number;
  readonly kind: Kind;
  readonly key: string;
  readonly eventId: string;
  readonly version: number;
  readonly recordHash: string;
  readonly accountId: string;
  readonly region: string;
  readonly principal: string;
  /** Evidence.action, for the sentence that explains the alert. */
  readonly action: string;
  readonly value: string | null;
  readonly number: number | null;
};

/** Members added since the last commit to one slice of one group. `slice` = floor(time ÷ 5 min). */
export type MemberDelta = {
  readonly stateKey: string;
  readonly group: string;
  readonly slice: number;
  readonly members: readonly Member[];
};
/** Evidence kept for a member: among the first EVIDENCE_MAX of its group and slice by (time, key, hash). */
export type EvidenceDelta = {
  readonly stateKey: string;
  readonly group: string;
  readonly slice: number;
  readonly key: string;
  readonly recordHash: string;
  readonly timeMs: number;
  readonly evidence: Evidence;
  readonly pointer: Pointer;
  readonly record: Uint8Array | null;
};
/** Evidence that an earlier event pushed out of the first EVIDENCE_MAX. */
export type EvidenceDrop = Pick<EvidenceDelta, "stateKey" | "group" | "slice" | "key" | "recordHash">;

/** All slices of a state key below `slice` are closed: their members and evidence may go. */
export type Prune = { readonly stateKey: string; readonly slice: number };

/** A group that had to go because memory is full, with all slices in which it may have rows. */
export type GroupEviction = { readonly stateKey: string; readonly group: string; readonly slices: readonly number[] };

/** An alert as the detector made it in this commit. The store numbers it if its content is new. */
export type AlertDraft = {
  readonly content: AlertContent;
  /**
   * Single-event alerts: which of several records under one event key wins: the highest version, then the lowest
   * (timeMs, recordHash). Null for windows: the detector always gives the whole content, the last one counts.
   */
  readonly order: { readonly version: number; readonly timeMs: number; readonly recordHash: string } | null;
  /** No later revision can come: the watermark passed the bucket. Always true for single-event alerts of kinds without versions. */
  readonly final: boolean;
  /** Pointers and records of the evidence. For windows `record` is null here: the store has it from EvidenceDelta. */
  readonly records: readonly AlertRecord[];
};
export type AlertRecord = {
  readonly key: string;
  readonly recordHash: string;
  readonly timeMs: number;
  readonly pointer: Pointer;
  readonly record: Uint8Array | null;
  /** Where the store finds the record's bytes when they are not here. */
  readonly from: { readonly stateKey: string; readonly group: string; readonly slice: number } | null;
};

/** What changed in the detector since the last call. */
export type Deltas = {
  readonly members: readonly MemberDelta[];
  readonly evidence: readonly EvidenceDelta[];
  readonly drops: readonly EvidenceDrop[];
  readonly prunes: readonly Prune[];
  readonly evictions: readonly GroupEviction[];
  /** What the evictions come to, by rule, for people. */
  readonly pressure: readonly StatePressure[];
  /** By rule: groups whose sum met a number below zero for the first time, and is judged at the end from then on. */
  readonly negatives: ReadonlyMap<string, number>;
  readonly alerts: readonly AlertDraft[];
  /** Matches beyond the lateness bound: not in any window, kept for replay. */
  readonly late: readonly Match[];
};

/** Rows that rebuild the windows: the members with their evidence, in any order. */
export type DetectorState = { readonly members: Iterable<MemberDelta>; readonly evidence: Iterable<EvidenceDelta> };

/** Matches to alerts. Synchronous, deterministic, no clock. Several live in one process (live, replay, backfill). */
export type Detector = {
  /** Returns how many of the matched events stood in a window already. */
  apply(matches: readonly Match[]): { readonly repeated: number };
  /** The input of `logsource` is complete up to `watermarkMs` (epoch ms, ±Infinity allowed). Never goes back. */
  advance(logsource: Logsource, watermarkMs: number): void;
  /** Drains what changed since the last call. */
  deltas(): Deltas;
  /**
   * Rebuilds the windows; call once, after `advance` to the saved watermarks and before the first apply. Makes no alert,
   * but at the next `deltas` those of open buckets of the rules in `redraft`: after a reload they may judge otherwise.
   * `closed`: how far rules over these logsources were closed before; no bucket that ends by then is opened again.
   */
  restore(state: DetectorState, redraft?: ReadonlySet<string>, closed?: Watermarks["closed"]): void;
  /** Live groups, their members and the bytes they are counted with, for signals. */
  size(): { readonly groups: number; readonly members: number; readonly bytes: number };
};

/** Follows how far each logsource's input is complete. The pipeline feeds it; the detector reads it. */
export type Watermarks = {
  /** A batch of `source` was taken in: its floor and newest event time. */
  observe(source: string, logsource: Logsource, seen: { readonly floorMs: number; readonly newestMs: number }): void;
  /** `source` is not asked for more at the moment: its silence says nothing. */
  stall(source: string): void;
  /** Wall time went on (live sources only). */
  tick(nowMs: number): void;
  /** `source` gave its last batch: its watermarks become +Infinity (historic only). */
  finish(source: string): void;
  /** A restarted live source stays at its saved value until `release`. */
  release(source: string): void;
  /** Minimum over the sources that carry `logsource`. */
  value(logsource: Logsource): number;
  /** Where each stands: one entry a source and logsource, +Infinity for one that ended. */
  entries(): readonly WatermarkEntry[];
  /** How far rules over these logsources are closed, in this run or one before: never less than the least of their values. */
  closed(logsources: readonly Logsource[]): number;
  /** The same for every set of logsources, under names that no source has, to be saved; +Infinity: to be forgotten. */
  closings(): readonly WatermarkEntry[];
};
export type WatermarkEntry = { readonly source: string; readonly logsource: Logsource; readonly watermarkMs: number };

// ---------------------------------------------------------------------------------------------------------------- store
/** An alert and the sinks that routing chose for it. */
export type RoutedAlert = AlertDraft & {
  readonly sinks: readonly string[];
  /** Additions are awaited for so long, ms. Default 0: it is not enriched. */
  readonly holdMs?: number;
  readonly isPartial?: true; // of a reading of a part of the past: never in the place of a window's alert of more events
};

/** Everything that one transaction commits, or nothing of it. */
export type CommitUnit = Omit<Deltas, "alerts" | "pressure" | "negatives"> & {
  /** Wall time of the commit, epoch ms. */
  readonly nowMs: number;
  readonly alerts: readonly RoutedAlert[];
  readonly rejected: readonly Rejected[];
  readonly counts: readonly CountDelta[];
  /** In order: of two with one key the later counts. */
  readonly positions: readonly Position[];
  readonly integrity?: readonly IntegrityNote[];
  readonly sightings?: readonly Sighting[]; // kept for those events that are evidence of an alert
  readonly watermarks: readonly WatermarkEntry[];
  /** Names of sources whose watermarks are forgotten: all input ended, so a later run begins anew. */
  readonly finished: readonly string[];
};

/** The revisions that a commit wrote. Repeated alerts (equal content) are left out. */
export type CommitResult = { readonly written: readonly WrittenAlert[] };
export type WrittenAlert = { readonly alertId: string; readonly revision: number; readonly ruleId: string };

/** What a restart begins with. */
export type Loaded = {
  readonly epoch: number;
  readonly state: DetectorState;
  readonly watermarks: readonly WatermarkEntry[];
  /** Committed positions by source name, then key. */
  readonly positions: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly sightings: readonly Sighting[]; // of the evidence of the newest alerts
};

export type { DeadLetter, LetterChoice, Outbox, OutboxItem, OutboxPlace, Redriven } from "./model/outbox.ts";

/** The one read-only contract of command line and console. */
export type Views = {
  /** Newest lastEventTime first. */
  alerts(filter: AlertFilter): readonly Alert[];
  recent(of: RecentChoice): readonly Alert[]; // newest lastEventTime first, then by id; by index, however many are kept
  /** By id or a unique prefix of at least 4 characters; null when none. */
  alert(id: string): AlertWithRecords | null;
  /** Where the records of these alerts' evidence were read, in its order, by alert id; no entry where none is known. */
  pointers(ids: readonly string[]): ReadonlyMap<string, readonly Pointer[]>;
  /** What enrichers found, by alert id; no entry where nothing is kept. */
  additions(ids: readonly string[]): ReadonlyMap<string, Additions>;
  /** In the order in which they came, or the newest first. */
  quarantine(filter: Readonly<{ reason?: string; limit?: number; newest?: boolean }>): readonly QuarantineRow[];
  quarantined(id: number): QuarantineRow | null;
  counts(): readonly CountDelta[]; // totals by source since the store was made
  quarantineCounts(): Readonly<Record<string, number>>;
  deadLetters(choice: LetterChoice & { readonly limit?: number }): readonly DeadLetter[]; // newest first
  logHours(choice: HourChoice, nowMs: number): readonly LogHour[]; // what is proven of each, by account, Region, hour
};

/** The one transaction and all that is durable. One writer. */
export type Store = {
  load(stateKeys?: ReadonlySet<string>): Loaded; // of the windows those of `stateKeys`; without it all
  /** All or nothing. Throws store_fenced, store_full or store_failed; the caller's process then ends. */
  commit(unit: CommitUnit): CommitResult;
  /**
   * Tells the rules and sinks there are from now on, at the start and after a reload. Rows of other rules go a day later; an
   * alert that only a removed sink has still to get is forgotten with its age like the others.
   */
  adopt(use: StoreUse, nowMs: number): Leftovers;
  outbox(sink: string): Outbox;
  readonly additions: AdditionStore;
  readonly integrity: IntegrityLog;
  /** Forgets those positions of a source that `isGone` names and that are older than 35 days. Returns how many. One transaction. */
  forgetPositions(source: string, isGone: (key: string) => boolean, nowMs: number): number;
  /** Dead letters back into the outbox, due at `nowMs`. One transaction. */
  redrive(choice: LetterChoice, nowMs: number): Redriven;
  readonly views: Views;
  /** Removes quarantine rows, or counts one more try. One transaction. */
  resolveQuarantine(done: readonly number[], failed: readonly number[]): void;
  /** True at the quarantine's cap: stop the sources and say so. A commit never refuses rejected records, so C1 holds. */
  quarantineFull(): boolean;
  quarantineUse(): QuarantineUse; // one row is looked at
  /** After store_full: gives the reserve file back to the disk, so that a last unit (the self-alert) fits. False when there is none. */
  releaseReserve(): boolean;
  close(): void;
};

// --------------------------------------------------------------------------------------------------------------- output
/**
 * Finds something to stand beside an alert, under its own name. Run once a revision, after the commit; it can neither
 * change nor drop the alert, nor hold it up past the deadline, at which `signal` aborts. Null: nothing to say.
 */
export type Enricher = {
  readonly name: string;
  enrich(alert: Alert, signal: AbortSignal): Promise<Addition | null>;
};

/** A sink's answer for one alert. `refused`: for good; `unknown`: the same array again, no sooner than `retryAfterMs`; `detail`: what a person must do. */
export type SendResult =
  | { readonly status: "accepted" }
  | { readonly status: "refused"; readonly code: string }
  | { readonly status: "unknown"; readonly code: string; readonly detail?: string; readonly retryAfterMs?: number };

/** Sends alerts somewhere. Never queues, batches or retries. */
export type Sink = {
  readonly name: string;
  readonly limits: {
    readonly maxItems: number;
    readonly maxBytes: number;
    /** One batch is in flight in each lane; lanes are independent. Pure. */
    lane(alert: Alert): number;
    /** A batch holds one part only. Pure. */
    part(alert: Alert): string;
  };
  /** One result an item, in order. After any `unknown` it is called again with that very array before anything else on the lane. */
  send(items: readonly OutboxItem[], signal: AbortSignal): Promise<readonly SendResult[]>;
  close(): Promise<void>;
};
