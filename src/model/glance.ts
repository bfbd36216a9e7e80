/**
 * What of a record is known before it is parsed: the form of `Batch.glances`.
 *
 * Most records match no rule, and a few of their fields show it. Whoever splits input sees those fields go by, and notes
 * where they stand; the matcher then parses only records that a rule may match. Types and one mark, nothing runs here.
 */

/** First number of a row about which nothing is known: the record must be parsed. */
export const UNKNOWN_ROW = -2;

/**
 * Glances of a batch. A row a record, of a (start, end) pair for each field of the kind's form: where the value stands in
 * the chunk, its quotes included, −1 where the record has no such field. Each record with a row is valid
 * UTF-8. A row that does not begin with UNKNOWN_ROW promises that a parser takes the record and each of its numbers
 * exactly, that none of the fields stands twice in it, in whatever spelling, and that a value that is a text has no escapes.
 *
 * Behind the pairs stand who numbered the record, and a number for each list of the form's `numbered`, −1 for none. Records
 * with one number by one hand are alike, byte for byte, in all fields of the list. Who splits has the bytes at hand; for
 * the matcher on another core fetching them is most of what a look costs.
 */
export type Glances = Int32Array;

/** How glances of one kind are read. Comes with the kind's decoder. */
export type GlanceForm = {
  /** Fields as rules name them, in the order of a row. */
  readonly fields: readonly string[];
  readonly numbered: readonly (readonly string[])[];
  /** Numbers in a row. */
  readonly width: number;
  /** Event time, epoch ms, of the record whose row begins at `row`; NaN where only parsing tells what becomes of it. */
  toTimeMs(chunk: Uint8Array, glances: Glances, row: number): number;
  /** Account of the record in this range, for measures and no decision; empty where it cannot be seen. */
  toAccountId(chunk: Uint8Array, start: number, end: number): string;
};
