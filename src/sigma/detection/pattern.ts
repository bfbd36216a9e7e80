/**
 * The text of a rule's value to a pattern of literals and wildcards, and the modifiers that widen or encode patterns.
 *
 * Escapes as the specification's Escape Character section and pySigma read them: `\*`, `\?` and `\\` stand for the second
 * character, any other backslash stands for itself. Patterns never hold two literals or two `*` side by side.
 */
import type { Pattern, Test } from "../ast.ts";
import { DASHES } from "../leaf/text.ts";

type Part = Pattern[number];

/** A placeholder of `expand`: %name%. */
const PLACEHOLDER = /^%([\w.-]+)%/;

/** Reads a value's text. With `expand`, %name% is a placeholder and `\%` a literal percent sign. */
export function parsePattern(text: string, expand: boolean): Pattern {
  const parts: Part[] = [];
  let literal = "";
  const flush = (part: Part): void => {
    if (literal !== "") parts.push(literal);
    literal = "";
    if (part !== 0 || parts.at(-1) !== 0) parts.push(part);
  };
  if (!/[*?\\%]/.test(text)) return text === "" ? [] : [text];
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    const next = text.charAt(at + 1);
    const placeholder = expand && character === "%" ? PLACEHOLDER.exec(text.slice(at)) : null;
    if (character === "\\" && next !== "" && ("*?\\".includes(next) || (expand && next === "%"))) {
      literal += next;
      at += 1;
    } else if (character === "*") flush(0);
    else if (character === "?") flush(1);
    else if (placeholder !== null) {
      flush({ list: placeholder[1] ?? "" });
      at += placeholder[0].length - 1;
    } else literal += character;
  }
  if (literal !== "") parts.push(literal);
  return parts;
}

/** The same pattern with `*` before (`contains`, `endswith`) or behind it (`contains`, `startswith`). */
export function widen(pattern: Pattern, mode: "contains" | "startswith" | "endswith"): Pattern {
  const before = mode !== "startswith" && pattern[0] !== 0 ? [0 as const] : [];
  const behind =
    mode !== "endswith" && pattern.at(-1) !== 0 && (pattern.length > 0 || mode === "startswith") ? [0 as const] : [];
  return [...before, ...pattern, ...behind];
}

/** The parts of a test among which placeholders may be. */
export function partsOf(test: Test): Pattern {
  if (test.type === "text" || test.type === "encoded") return test.pattern;
  return test.type === "regex_expand" ? test.parts : [];
}

/** The lists that a pattern, or a regular expression in pieces, names. */
export function listsOf(pattern: Pattern): string[] {
  return pattern.flatMap((part) => (typeof part === "object" ? [part.list] : []));
}

/** The text of a pattern without wildcards and placeholders, else null. */
export function literalOf(pattern: Pattern): string | null {
  if (pattern.length === 0) return "";
  const [first] = pattern;
  return pattern.length === 1 && typeof first === "string" ? first : null;
}

/** A dash or slash that begins an option: no word character before it, one behind it (pySigma's `\B[-/]\b`). */
const OPTION_DASH = /(?<![\p{L}\p{N}_])[-/](?=[\p{L}\p{N}_])/gu;
/** Option dashes of one value that are written out: 5^4 = 625 patterns. The public corpus has at most 3. */
export const WINDASH_MAX = 4;

/**
 * The pattern with each option dash in each spelling: as plain patterns, which equal those of other rules, while they are
 * few; else as one pattern that takes any spelling at each dash.
 */
export function windash(pattern: Pattern): readonly Pattern[] {
  const split = pattern.map((part) => (typeof part === "string" ? splitDashes(part) : part));
  const dashes = split.reduce<number>((sum, part) => sum + (isPieces(part) ? part.length - 1 : 0), 0);
  if (dashes > WINDASH_MAX) return [split.flatMap((part): Pattern => (isPieces(part) ? withDashes(part) : [part]))];
  let all: Pattern[] = [[]];
  for (const part of split) {
    const texts = isPieces(part) ? spellings(part) : [part];
    all = all.flatMap((head) => texts.map((text) => [...head, text]));
  }
  return all;
}

function isPieces(part: Part | readonly string[]): part is readonly string[] {
  return Array.isArray(part);
}

/** The pieces of a text with a dash between each two. */
function withDashes(pieces: readonly string[]): Pattern {
  return pieces.flatMap((piece, index): Pattern => [
    ...(index === 0 ? [] : [2 as const]),
    ...(piece === "" ? [] : [piece]),
  ]);
}

function splitDashes(text: string): string[] {
  const pieces: string[] = [];
  let from = 0;
  for (const match of text.matchAll(OPTION_DASH)) {
    pieces.push(text.slice(from, match.index));
    from = match.index + 1;
  }
  return [...pieces, text.slice(from)];
}

function spellings(pieces: readonly string[]): string[] {
  let texts = [pieces[0] ?? ""];
  for (const piece of pieces.slice(1)) texts = texts.flatMap((head) => DASHES.map((dash) => head + dash + piece));
  return texts;
}

/** The encodings of UTF-16 that Sigma names; `utf16` puts a byte order mark before little-endian text. */
export type Utf16 = "utf16le" | "utf16be" | "utf16" | "wide";

/** The bytes of a text in UTF-16, one character (U+0000 to U+00FF) a byte. */
export function toUtf16(text: string, form: Utf16): string {
  const bytes = Buffer.from(text, "utf16le");
  if (form === "utf16be") bytes.swap16();
  return (form === "utf16" ? "\u00ff\u00fe" : "") + bytes.toString("latin1");
}

/** First stable character of base64 text when its input begins 0, 1 or 2 bytes after a group of three. */
const OFFSET_START = [0, 2, 3] as const;
/** Characters to cut at the end, by (bytes + offset) modulo 3: they depend on the bytes that follow. */
const OFFSET_CUT = [0, 3, 2] as const;

/** What is always seen of `bytes` inside longer base64 text, at each of the three alignments. */
export function toBase64Offsets(bytes: Uint8Array): string[] {
  return OFFSET_START.map((start, offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
    return encoded.slice(start, encoded.length - (OFFSET_CUT[(bytes.length + offset) % 3] ?? 0));
  });
}
