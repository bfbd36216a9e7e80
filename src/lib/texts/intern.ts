/**
 * One copy of texts that come again and again: parsing makes a new string for each, and what is kept for days would keep
 * a copy of the same role name a million times. Returns the text it was given, or an equal one from before.
 */

import { TextCache } from "./cache.ts";

/** Texts remembered. Roles, Regions and user agents of a large organisation fit; a flood of new texts starts anew. */
const TEXTS_MAX = 20_000;

/** An interner with a memory of its own. */
export function createIntern(): (text: string) => string {
  const latest = new TextCache<string>();
  const known = new Map<string, string>();
  return (text) => {
    const near = latest.get(text);
    if (near !== undefined) return near;
    let kept = known.get(text);
    if (kept === undefined) {
      if (known.size >= TEXTS_MAX) known.clear();
      known.set(text, text);
      kept = text;
    }
    latest.set(kept, kept);
    return kept;
  };
}
