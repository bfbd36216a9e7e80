/**
 * Aligned text tables for a screen of a given width.
 *
 * Columns take the width they want; where that is too much the widest give way first, and cells that no longer fit end
 * in "…". No line is ever wider than asked. Width is counted in screen cells: East Asian wide characters and emoji take
 * two, combining marks none. That is an estimate, for screens differ. Pure, and it knows nothing of what it shows; the
 * caller makes hidden characters visible first (./safe-text.ts).
 */

/** A column, in screen cells. */
export type Column = {
  /** Cells it would like, at least 1. */
  readonly want: number;
  /** It becomes narrower than this only when all others are as narrow as they may be. Equal to `want`: cut last. */
  readonly floor: number;
};

/** Between columns. */
const GAP = "  ";

/** Ranges of East_Asian_Width W and F, and emoji: https://www.unicode.org/reports/tr11/ (blocks in whole, unassigned too). */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const MARK = /\p{M}/u;
/** Marks that may sit on one character; each further one counts as a cell, so that a stack of them is cut too. */
const MARKS_MAX = 2;

/** Screen cells that `text` takes. Linear in its length. */
export function textWidth(text: string): number {
  return measure(text, Infinity).width;
}

/** `text` in at most `width` cells: whole when it fits, else cut and ended with "…". Empty when `width` is below 1. */
export function cutText(text: string, width: number): string {
  if (width < 1) return "";
  // Longer than this cannot fit whatever its characters are, and need not be measured to its end.
  const whole = text.length <= (width + 1) * 2 * (MARKS_MAX + 1) ? measure(text, width) : null;
  if (whole !== null && whole.end === text.length) return text;
  return `${text.slice(0, measure(text, width - 1).end)}…`;
}

/** `text` cut or filled with spaces to exactly `width` cells. */
export function fitText(text: string, width: number): string {
  const cut = cutText(text, width);
  return cut + " ".repeat(Math.max(0, width - textWidth(cut)));
}

/**
 * `text` over at most `most` lines of at most `width` cells: broken at spaces, inside a word only where the word is longer
 * than a line, there behind a sign such as "/" where one is near; what does not fit ends in "…". No line for an empty text or a width below 1.
 */
export function wrapText(text: string, width: number, most: number): string[] {
  const lines: string[] = [];
  let rest = text.trim();
  while (rest !== "" && width >= 1 && lines.length < most) {
    const fits = lines.length === most - 1 ? 0 : measure(rest, width).end;
    if (fits === 0 || fits === rest.length) {
      lines.push(cutText(rest, width));
      break;
    }
    const space = rest[fits] === " " ? fits : rest.lastIndexOf(" ", fits - 1);
    const end = space > 0 ? space : toSoftEnd(rest, fits);
    lines.push(rest.slice(0, end).trimEnd());
    rest = rest.slice(end).trimStart();
  }
  return lines;
}

/** Where a word that is longer than a line is broken: behind the last sign between its parts, such as those of a path, in the second half of the line; else where the line ends. */
function toSoftEnd(word: string, fits: number): number {
  const parts = /^.*[/:,_-]/su.exec(word.slice(0, fits))?.[0].length ?? 0;
  return parts > fits / 2 ? parts : fits;
}

/**
 * Widths of the columns so that a line takes at most `width` cells. First the columns above their floor are lowered, the
 * widest first; when all stand on their floors, all are lowered, down to 1. Below 1 each, the line is cut by formatRow.
 */
export function fitColumns(columns: readonly Column[], width: number): number[] {
  const room = width - GAP.length * (columns.length - 1);
  const wants = columns.map(({ want }) => Math.max(1, want));
  const floors = columns.map(({ floor, want }) => Math.max(1, Math.min(floor, want)));
  const lowered = lower(wants, floors, room);
  return sum(lowered) <= room
    ? lowered
    : lower(
        lowered,
        lowered.map(() => 1),
        room,
      );
}

/** One line: each cell at its width, no spaces at the end, at most `width` cells. */
export function formatRow(cells: readonly string[], widths: readonly number[], width: number = Infinity): string {
  const line = widths.map((cell, index) => fitText(cells[index] ?? "", cell)).join(GAP);
  return cutText(line.trimEnd(), width);
}

/**
 * A table with a head: each row a line, each column as wide as its widest cell where there is room. `floors`: how narrow a
 * column may become, by its title; one that is not named is cut last.
 */
export function renderColumns(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  { floors = {}, width }: { readonly floors?: Readonly<Record<string, number>>; readonly width: number },
): string {
  const columns = titles.map((title, index) => {
    const want = Math.max(textWidth(title), ...rows.map((row) => textWidth(row[index] ?? "")));
    return { want, floor: floors[title] ?? want };
  });
  const widths = fitColumns(columns, width);
  return [titles, ...rows].map((row) => `${formatRow(row, widths, width)}\n`).join("");
}

/** Caps all values at the highest cap at which they fit into `room`, none below its floor. */
function lower(wants: readonly number[], floors: readonly number[], room: number): number[] {
  const capped = (cap: number): number[] =>
    wants.map((want, index) => Math.max(Math.min(want, cap), floors[index] ?? 1));
  if (sum(wants) <= room) return [...wants];
  let cap = Math.max(...wants);
  while (cap > 1 && sum(capped(cap)) > room) cap -= 1;
  const result = capped(cap);
  // What the last step of the cap freed too much goes to the columns from the left, one cell each.
  for (let index = 0, spare = room - sum(result); index < result.length && spare > 0; index += 1) {
    const now = result[index] ?? 0;
    if (now >= (wants[index] ?? 0)) continue;
    result[index] = now + 1;
    spare -= 1;
  }
  return result;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Cells of the longest start of `text` that fits into `width`, and where that start ends. */
function measure(text: string, width: number): { width: number; end: number } {
  let taken = 0;
  let end = 0;
  let marks = 0;
  for (const char of text) {
    marks = MARK.test(char) ? marks + 1 : 0;
    const cells = marks > 0 ? (marks > MARKS_MAX ? 1 : 0) : WIDE.test(char) ? 2 : 1;
    if (taken + cells > width) break;
    taken += cells;
    end += char.length;
  }
  return { width: taken, end };
}
