/**
 * What can be known of a regular expression without running it: a literal that every match holds, and how much of its
 * ends a search can do without.
 *
 * Careful rather than clever: whatever it does not fully understand (alternatives, flags in the middle, odd escapes) gives
 * no literal, and the expression alone decides. Texts only; nothing is compiled here.
 */

/** A text that every match contains. `folded`: to be sought in the lower-cased text. */
export type MandatoryLiteral = { readonly text: string; readonly folded: boolean };

/** Literals shorter than this are found almost everywhere and save nothing. */
const LITERAL_MIN = 3;

/** The longest literal at the top level of `source`, or null. */
export function mandatoryLiteral(source: string, ignoreCase: boolean): MandatoryLiteral | null {
  const inline = /^\(\?([ims]+)\)/.exec(source);
  const folded = ignoreCase || (inline?.[1]?.includes("i") ?? false);
  const runs = literalRuns(inline === null ? source : source.slice(inline[0].length));
  if (runs === null) return null;
  // Without case only ASCII is safe: elsewhere lower-casing and RE2's folding may differ.
  const usable = folded ? runs.filter((run) => /^[\x20-\x7e]*$/.test(run)).map((run) => run.toLowerCase()) : runs;
  const best = usable.reduce((longest, run) => (run.length > longest.length ? run : longest), "");
  return best.length < LITERAL_MIN ? null : { text: best, folded };
}

/** The runs of literal characters at the top level, or null where the text is not understood. */
function literalRuns(source: string): string[] | null {
  const runs: string[] = [];
  let run = "";
  let index = 0;
  while (index < source.length) {
    const token = readToken(source, index);
    if (token === null) return null;
    const [quantifier = ""] = /^(?:[*+?]|\{\d+(?:,\d*)?\})\??/.exec(source.slice(token.end)) ?? [];
    const optional = /^(?:[*?]|\{0)/.test(quantifier);
    if (token.literal !== null && !optional) run += token.literal;
    // What is repeated ends the run: "ab+c" holds "ab", not "abc".
    if (token.literal === null || quantifier !== "") {
      runs.push(run);
      run = "";
    }
    index = token.end + quantifier.length;
  }
  runs.push(run);
  return runs;
}

/** One atom: its literal character, or null for anything that stands for several. The whole is null when unknown. */
function readToken(source: string, index: number): { readonly literal: string | null; readonly end: number } | null {
  const char = source.charAt(index);
  if (char === "|") return null;
  if (char === "\\") return readEscape(source, index);
  if (char === "[") return skipClass(source, index);
  if (char === "(") return skipGroup(source, index);
  if (".^$".includes(char)) return { literal: null, end: index + 1 };
  if ("*+?{})]".includes(char)) return null;
  const point = String.fromCodePoint(source.codePointAt(index) ?? 0);
  return { literal: point, end: index + point.length };
}

function readEscape(source: string, index: number): { readonly literal: string | null; readonly end: number } | null {
  const next = source.charAt(index + 1);
  if (/[!-/:-@[-`{-~ ]/.test(next)) return { literal: next, end: index + 2 };
  return /[dDwWsSbBAznrtfv]/.test(next) ? { literal: null, end: index + 2 } : null;
}

function skipClass(source: string, index: number): { readonly literal: null; readonly end: number } | null {
  const opening = /^\[\^?\]?/.exec(source.slice(index))?.[0].length ?? 1;
  for (let at = index + opening; at < source.length; at += 1) {
    const char = source.charAt(at);
    if (char === "\\") at += 1;
    else if (char === "[" && source.charAt(at + 1) === ":") return null;
    else if (char === "]") return { literal: null, end: at + 1 };
  }
  return null;
}

function skipGroup(source: string, index: number): { readonly literal: null; readonly end: number } | null {
  // A group of flags alone changes all that follows it.
  if (/^\(\?[a-zA-Z-]+\)/.test(source.slice(index))) return null;
  for (let at = index + 1; at < source.length;) {
    const char = source.charAt(at);
    if (char === ")") return { literal: null, end: at + 1 };
    if (char === "|" || "*+?{}.^$".includes(char)) {
      at += 1;
      continue;
    }
    const token = readToken(source, at);
    if (token === null) return null;
    at = token.end;
  }
  return null;
}

/**
 * `source` without the leading and trailing `.*` that a search does not need, and with `.+` there made `.`.
 * Unchanged where alternatives stand at the top level.
 */
export function trimSearch(source: string): string {
  if (literalRuns(source.replace(/^\(\?[ims]+\)/, "")) === null) return source;
  const flags = /^\(\?[ims]+\)/.exec(source)?.[0] ?? "";
  let body = source.slice(flags.length);
  body = body.replace(/^(?:\.\*\??)+/, "").replace(/^\.\+\??/, ".");
  // The dot must be a dot: an escaped one, or one in a class, is something else.
  const tail = /^((?:[^\\]|\\.)*?)\.([*+])\??$/s.exec(body);
  if (tail !== null && !endsInClass(tail[1] ?? "")) body = (tail[1] ?? "") + (tail[2] === "+" ? "." : "");
  return flags + body;
}

function endsInClass(text: string): boolean {
  return text.lastIndexOf("[") > text.lastIndexOf("]");
}
