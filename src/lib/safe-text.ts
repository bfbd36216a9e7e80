/**
 * Makes text that strangers wrote safe to show on a terminal or in a log.
 *
 * Attackers choose user agents, resource names and session names. An escape sequence among them could move the cursor or
 * hide a line, a bidi control could reverse what an analyst reads, a zero-width character could make two names look
 * alike. Here each such character becomes visible as its code point, `\u{202e}`; everything else stays as it is.
 * Pure; never shortens, never decodes. A text that spells `\u{202e}` in plain characters looks the same: harmless.
 */

/**
 * Control characters (C0, DEL, C1), format characters (bidi, zero-width, tags), line and paragraph separators, other
 * characters that a screen shows as nothing (Default_Ignorable_Code_Point of Unicode), and lone surrogates.
 */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{DI}]/gu;

/** For text of one line, such as a table cell: every hidden character made visible, line breaks too. */
export function safeLine(text: string): string {
  return text.replace(HIDDEN, toVisible);
}

/** As safeLine, of at most `most` UTF-16 units; what is cut off stands as "…". No half of a character stands before it. */
export function cutLine(text: string, most: number): string {
  const safe = safeLine(text);
  return safe.length <= most ? safe : `${safe.slice(0, most - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}

/** For text of several lines: as safeLine, but "\n" stays. The result has no character below U+0020 other than "\n". */
export function safeText(text: string): string {
  return text.replace(HIDDEN, (char) => (char === "\n" ? char : toVisible(char)));
}

/**
 * For one line of JSON text: hidden characters as JSON's own `\u` escapes, so that the line is safe to print and parses
 * to the same value. The input must have no white space between its tokens but spaces, as JSON.stringify without an
 * indent writes it.
 */
export function safeJson(json: string): string {
  return json.replace(HIDDEN, (char) => {
    let escaped = "";
    for (let index = 0; index < char.length; index += 1) {
      escaped += `\\u${char.charCodeAt(index).toString(16).padStart(4, "0")}`;
    }
    return escaped;
  });
}

function toVisible(char: string): string {
  return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}
