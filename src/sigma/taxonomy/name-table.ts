/**
 * The shape of a taxonomy's table of names. Types only.
 */

/** A table of names. */
export type NameTable = {
  /** Name → the record's field, or several. */
  readonly fields: Readonly<Record<string, string | readonly string[]>>;
  /** Names below which the record's own names follow: prefix → prefix. "" adds none. */
  readonly prefixes: Readonly<Record<string, string>>;
  /** Names that say whether a call succeeded → the values that mean success and failure, in lower case. */
  readonly outcomes: Readonly<Record<string, { readonly success: string; readonly failure: string }>>;
  /** Names that the taxonomy has and the record has not as such → what to write in their place. */
  readonly refused: Readonly<Record<string, string>>;
};
