/**
 * The outbox as deliverers see it: which alerts a sink wants, which it still has to get, and what it refused. Types only.
 */
import type { Additions } from "./addition.ts";
import type { Alert, Severity } from "./alert.ts";
import type { Pointer } from "./event.ts";

/**
 * One alert that a sink should get now. `opened`: no revision of it was accepted before. `pointers`: where the records of
 * its evidence were read, in the evidence's order; absent where none is known. `additions`: of this revision, or of the last
 * one before that was enriched; absent where there are none.
 */
export type OutboxItem = {
  readonly alert: Alert;
  readonly opened: boolean;
  readonly pointers?: readonly Pointer[];
  readonly additions?: Additions;
};

/** A row's place in the order of age: by `dueMs` (epoch ms), then `seq`. */
export type OutboxPlace = { readonly dueMs: number; readonly seq: number };

/** One sink's view of the outbox. */
export type Outbox = {
  /** Due items in order of age, at most `max`. A first delivery is due at once, an update after updateEvery or when final. */
  due(nowMs: number, max: number): readonly OutboxItem[];
  /** The same from behind a place on. `end`: the place of the last item, null when there is none. */
  page(nowMs: number, max: number, after: OutboxPlace): { items: readonly OutboxItem[]; end: OutboxPlace | null };
  /** When the next row that is not yet due becomes due: epoch ms, Infinity when there is none. */
  nextDueMs(nowMs: number): number;
  /** The sink has these. One small transaction. `nowMs` starts the updateEvery of each. */
  sent(items: readonly OutboxItem[], nowMs: number): void;
  /** The sink refused these for good: out of the outbox, kept as dead letters with the code. */
  refused(items: readonly { readonly item: OutboxItem; readonly code: string }[], nowMs: number): void;
  /** The clock was set back: rows that are due later than any can be now are due at once. One transaction. How many. */
  recall(nowMs: number): number;
  /** Rows not yet sent, and when the next one is due (epoch ms; Infinity when none). */
  pending(): { readonly rows: number; readonly nextDueMs: number };
  /** Rows not yet sent and the bytes of their alerts, judged by the newest of them. */
  size(): { readonly rows: number; readonly bytes: number };
  /** Gives up at most `max` rows, the oldest behind the first `keep`. Returns how many. One transaction. */
  drop(max: number, keep: number, nowMs: number): number;
};

/** An alert that a sink refused for good. */
export type DeadLetter = {
  readonly alertId: string;
  readonly sink: string;
  readonly revision: number;
  /** The sink's code. */
  readonly code: string;
  readonly atMs: number;
};

/** Which dead letters: those of a sink, those of an alert; null: of all. */
export type LetterChoice = { readonly sink: string | null; readonly alertId: string | null };

/**
 * What became of dead letters. `redriven`: alerts that wait in the outbox again, in their last revision; `superseded`: a later
 * revision is sent or waits already, or the alert is no longer kept.
 */
export type Redriven = { readonly redriven: number; readonly superseded: number };

/**
 * Which alerts a sink wants beside a least severity: of each list that is given one must fit, a `*` at the end of an item
 * standing for any rest. `minSeverity` stands over that of the sink; `operational` false keeps out what Sagewatch says of
 * itself, which passes the lists otherwise. Default of all: everything.
 */
export type When = {
  readonly minSeverity?: Severity | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly accounts?: readonly string[] | undefined;
  readonly rules?: readonly string[] | undefined;
  readonly sources?: readonly string[] | undefined;
  readonly operational?: boolean | undefined;
};
