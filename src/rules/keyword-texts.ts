/**
 * Which texts of a record meet a keyword, and where they stand.
 *
 * A keyword has no field, so what met it must be sought in all values. Whether a value meets it is asked of the engine; a
 * long text is cut down to a part that still does. Only the first few are found: a keyword may meet everything.
 */
import type { Json, JsonObject } from "../model/event.ts";
import { TEXT_DEPTH_MAX } from "../sigma/leaf/slot.ts";

/** A text and the field that it stands in; "." where the record itself is the text. */
export type KeywordText = { readonly field: string; readonly value: Json };

/** Texts that are told, and characters of each. */
const TEXTS_MAX = 3;
const TEXT_CHARS = 200;

/** The first texts below `record` that meet a keyword. */
export function findKeywordTexts(record: Json, meets: (value: Json) => boolean): readonly KeywordText[] {
  const found: KeywordText[] = [];
  const seek = (value: Json, path: readonly string[]): void => {
    if (found.length === TEXTS_MAX || value === null) return;
    if (typeof value !== "object") {
      if (meets(value)) found.push({ field: path.join(".") || ".", value: shorten(value, meets) });
    } else if (path.length < TEXT_DEPTH_MAX) {
      // Members of an array stand in its field, as a rule would name it.
      if (Array.isArray(value)) for (const member of value as readonly Json[]) seek(member, path);
      else for (const [key, member] of Object.entries<Json>(value as JsonObject)) seek(member, [...path, key]);
    }
  };
  seek(record, []);
  return found;
}

/** The value, or a part of a long text: by halves while one of these still meets the keyword. */
function shorten(value: Json, meets: (value: Json) => boolean): Json {
  if (typeof value !== "string") return value;
  let text = value;
  while (text.length > TEXT_CHARS) {
    const half = Math.ceil(text.length / 2);
    const parts = [0, text.length - half, Math.floor(half / 2)].map((from) => text.slice(from, from + half));
    const met = parts.find(meets);
    if (met === undefined) return text.slice(0, TEXT_CHARS);
    text = met;
  }
  return text;
}
