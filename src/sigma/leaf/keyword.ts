/**
 * Keywords: texts sought in the values of the whole event, never in its keys.
 *
 * A keyword's pattern meets some scalar, as a whole, at any depth down to 64; numbers and booleans count by their JSON
 * text. That a plain keyword is sought inside texts stands in its pattern (`*` on both sides, from the parser). The texts
 * of an event are gathered once, and only when a rule with keywords is a candidate. One event at a time.
 */
import type { Json } from "../../model/event.ts";
import { fold } from "./fold.ts";
import { collectTexts } from "./slot.ts";

/** The scalar texts of the current event. */
export type KeywordTexts = {
  /** Forgets the last event. */
  clear(): void;
  texts(record: Json, cased: boolean): readonly string[];
};

/** Gathers texts lazily. */
export function createKeywordTexts(): KeywordTexts {
  let raw: string[] | null = null;
  let folded: readonly string[] | null = null;
  return {
    clear: () => {
      raw = null;
      folded = null;
    },
    texts: (record, cased) => {
      if (raw === null) collectTexts(record, (raw = []), 0);
      if (cased) return raw;
      folded ??= raw.map(fold);
      return folded;
    },
  };
}
