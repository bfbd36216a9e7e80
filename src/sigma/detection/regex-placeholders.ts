/**
 * Finds the placeholders of a regular expression under `re|expand`: %name%, and `\%` for a plain percent sign.
 *
 * A placeholder stands for a group of alternatives, so it may stand wherever a group may: not inside a class, nor inside
 * quoted text. Nothing is compiled here.
 */

/** A regular expression in pieces. */
export type RegexParts = readonly (string | { readonly list: string })[];

const PLACEHOLDER = /^%([\w.-]+)%/;

/** The pieces; null when a placeholder stands inside a class or quoted text. */
export function splitPlaceholders(source: string): RegexParts | null {
  const parts: (string | { readonly list: string })[] = [];
  let literal = "";
  let inside: "class" | "quote" | null = null;
  for (let at = 0; at < source.length;) {
    const rest = source.slice(at);
    const token = inside === "quote" ? readQuoted(rest) : readToken(rest, inside === "class");
    const [name] = PLACEHOLDER.exec(token)?.slice(1) ?? [];
    if (name !== undefined && inside !== null) return null;
    if (name === undefined) literal += token === "\\%" ? "%" : token;
    else {
      parts.push(literal, { list: name });
      literal = "";
    }
    if (inside === null && token === "\\Q") inside = "quote";
    else if (inside === "quote" && token === "\\E") inside = null;
    else if (inside === null && token.startsWith("[")) inside = "class";
    else if (inside === "class" && token === "]") inside = null;
    at += token.length;
  }
  return joinTexts([...parts, literal]);
}

function readQuoted(rest: string): string {
  return rest.startsWith("\\E") ? "\\E" : (PLACEHOLDER.exec(rest)?.[0] ?? rest.charAt(0));
}

/** The next piece that is read as one: an escape, a placeholder, the opening of a class with a `]` that belongs to it. */
function readToken(rest: string, isInClass: boolean): string {
  if (rest.startsWith("\\")) return rest.slice(0, 2);
  const opening = isInClass ? null : /^\[\^?\]?/.exec(rest);
  const named = isInClass ? /^\[:\^?\w+:\]/.exec(rest) : null;
  return PLACEHOLDER.exec(rest)?.[0] ?? opening?.[0] ?? named?.[0] ?? rest.charAt(0);
}

/** Texts side by side as one, empty ones gone. */
export function joinTexts(parts: RegexParts): RegexParts {
  const joined: (string | { readonly list: string })[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (typeof part === "string" && typeof last === "string") joined[joined.length - 1] = last + part;
    else if (part !== "") joined.push(part);
  }
  return joined;
}
