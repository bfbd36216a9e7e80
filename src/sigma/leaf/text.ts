/**
 * Text patterns with the wildcards `*` and `?` and option dashes, matched over the whole text in time linear in its length.
 *
 * `*` is any length including none, newlines too; `?` is exactly one code point. Matching never builds a regular
 * expression. The caller folds the text beforehand unless the pattern is cased.
 */
import { fold } from "./fold.ts";

/** A pattern without placeholders. */
export type PlainPattern = readonly (string | 0 | 1 | 2)[];

/** A compiled pattern. */
export type TextMatcher = {
  /** The literal, when the pattern has no wildcard: such a pattern is equality and never meets an object. */
  readonly literal: string | null;
  /** True when `text`, folded unless the pattern is cased, matches as a whole. */
  readonly matches: (text: string) => boolean;
};

/** Brings a pattern to its one shortest form: literals joined, `**` made `*`, empty literals gone, folded unless `cased`. */
export function normalisePattern(pattern: PlainPattern, cased: boolean): PlainPattern {
  const parts: (string | 0 | 1 | 2)[] = [];
  for (const part of pattern) {
    const last = parts.at(-1);
    if (typeof part === "string") {
      if (part === "") continue;
      const text = cased ? part : fold(part);
      if (typeof last === "string") parts[parts.length - 1] = last + text;
      else parts.push(text);
    } else if (part !== 0 || last !== 0) parts.push(part);
  }
  return parts;
}

/** Compiles a pattern in the form of normalisePattern. */
export function compilePattern(parts: PlainPattern): TextMatcher {
  if (parts.length === 0) return { literal: "", matches: (text) => text === "" };
  if (parts.every((part) => typeof part === "string")) {
    const literal = parts.join("");
    return { literal, matches: (text) => text === literal };
  }
  return { literal: null, matches: compileSimple(parts) ?? compileGeneral(parts) };
}

/** The four common shapes, each one call of the runtime. */
function compileSimple(parts: PlainPattern): ((text: string) => boolean) | null {
  const [first, second, third] = parts;
  if (parts.length === 1 && first === 0) return () => true;
  if (parts.length === 2 && typeof first === "string" && second === 0) return (text) => text.startsWith(first);
  if (parts.length === 2 && first === 0 && typeof second === "string") return (text) => text.endsWith(second);
  if (parts.length === 3 && first === 0 && typeof second === "string" && third === 0)
    return (text) => text.includes(second);
  return null;
}

/** A run between two `*`: literals and single characters. */
type Segment = readonly (string | 1 | 2)[];

/** What begins an option on a command line (sigma.md: `windash`): hyphen, slash, en dash, em dash, horizontal bar. */
export const DASHES: readonly string[] = ["-", "/", "\u2013", "\u2014", "\u2015"];
const DASH_SET: ReadonlySet<string> = new Set(DASHES);

/** Leftmost placement of each segment in turn: with `*` between them the earliest place is never worse than a later one. */
function compileGeneral(parts: PlainPattern): (text: string) => boolean {
  const segments: (string | 1 | 2)[][] = [[]];
  for (const part of parts) {
    if (part === 0) segments.push([]);
    else segments.at(-1)?.push(part);
  }
  const head: Segment = segments[0] ?? [];
  const tail: Segment | null = segments.length > 1 ? (segments.at(-1) ?? []) : null;
  const middle = segments.slice(1, -1).map(compileFind);
  return (text) => {
    let position = matchAt(text, 0, head);
    if (position < 0) return false;
    if (tail === null) return position === text.length;
    const limit = matchBackFrom(text, text.length, tail);
    if (limit < 0) return false;
    for (const find of middle) {
      position = find(text, position);
      if (position < 0) return false;
    }
    return position <= limit;
  };
}

/** End of `segment` when it stands at `start`, else −1. */
function matchAt(text: string, start: number, segment: Segment): number {
  let position = start;
  for (const part of segment) {
    if (part === 1) {
      if (position >= text.length) return -1;
      position += isPair(text, position) ? 2 : 1;
    } else if (part === 2) {
      if (!DASH_SET.has(text.charAt(position))) return -1;
      position += 1;
    } else {
      if (!text.startsWith(part, position)) return -1;
      position += part.length;
    }
  }
  return position;
}

/** Start of `segment` when it ends at `end`, else −1. */
function matchBackFrom(text: string, end: number, segment: Segment): number {
  let position = end;
  for (let index = segment.length - 1; index >= 0; index -= 1) {
    const part = segment[index];
    if (part === 1) {
      if (position <= 0) return -1;
      position -= position >= 2 && isPair(text, position - 2) ? 2 : 1;
    } else if (part === 2) {
      position -= 1;
      if (position < 0 || !DASH_SET.has(text.charAt(position))) return -1;
    } else if (part !== undefined) {
      position -= part.length;
      if (position < 0 || !text.startsWith(part, position)) return -1;
    }
  }
  return position;
}

/** Finds the end of the leftmost place of a segment at or after a start, else −1. */
type Find = (text: string, start: number) => number;

/** Code units that fit the bits of an integer. */
const BITS_MAX = 31;
/** Below this length trying each place is quicker than preparing. */
const SHORT_TEXT = 256;

/**
 * A segment of one literal is the runtime's own search. With single characters between, trying every place of a text made
 * for it would cost the segment's length each time (50 ms a MiB), so longer texts go through a bit a unit of the segment
 * instead (3 ms a MiB), whatever they hold. Where `?` may stand for two units, and in segments too long, places are tried.
 */
function compileFind(segment: Segment): Find {
  const units = segment.flatMap((part): (string | 1 | 2)[] => (typeof part === "string" ? part.split("") : [part]));
  const isPlain = segment.every((part) => typeof part === "string");
  if (isPlain || units.length > BITS_MAX) return (text, start) => findFrom(text, start, segment);
  const findBits = compileBits(units);
  return (text, start) =>
    text.length - start < SHORT_TEXT || /[\ud800-\udfff]/.test(text)
      ? findFrom(text, start, segment)
      : findBits(text, start);
}

/** Bit i of the state is set when the first i + 1 units stand before the place looked at. */
function compileBits(units: readonly (string | 1 | 2)[]): Find {
  let any = 0;
  const masks = new Map<number, number>();
  for (const [index, unit] of units.entries()) {
    const bit = 1 << index;
    if (unit === 1) any |= bit;
    else
      for (const character of unit === 2 ? DASHES : [unit])
        masks.set(character.charCodeAt(0), (masks.get(character.charCodeAt(0)) ?? 0) | bit);
  }
  const ascii = Int32Array.from({ length: 128 }, (_, code) => (masks.get(code) ?? 0) | any);
  const last = 1 << (units.length - 1);
  return (text, start) => {
    let state = 0;
    for (let at = start; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      state = ((state << 1) | 1) & (code < 128 ? (ascii[code] as number) : (masks.get(code) ?? 0) | any);
      if ((state & last) !== 0) return at + 1;
    }
    return -1;
  };
}

/** End of the leftmost place of `segment` at or after `start`, trying each. */
function findFrom(text: string, start: number, segment: Segment): number {
  const [first] = segment;
  if (first === undefined) return start;
  if (typeof first === "string") {
    for (let at = text.indexOf(first, start); at >= 0; at = text.indexOf(first, at + 1)) {
      const end = matchAt(text, at, segment);
      if (end >= 0) return end;
    }
    return -1;
  }
  for (let at = start; at < text.length; at += isPair(text, at) ? 2 : 1) {
    const end = matchAt(text, at, segment);
    if (end >= 0) return end;
  }
  return -1;
}

/** True when the code units at `position` and after are one code point. */
function isPair(text: string, position: number): boolean {
  const high = text.charCodeAt(position);
  if (high < 0xd800 || high > 0xdbff) return false;
  const low = text.charCodeAt(position + 1);
  return low >= 0xdc00 && low <= 0xdfff;
}
