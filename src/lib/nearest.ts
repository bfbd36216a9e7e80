/**
 * The nearest known word to a mistyped one, for "did you mean".
 *
 * It counts edits (insert, delete, replace, swap of neighbours) and gives a word only when it is close: at most a third
 * of the letters wrong. Ties go to the word that comes first, so that messages never change between runs.
 */

/** Longer texts are never compared: the cost is the product of the lengths, and no name people mistype is longer. */
const LENGTH_MAX = 64;

/** The nearest of `words` to `typed`, upper and lower case being the same; null when none is close, or within `most` edits. */
export function nearest(typed: string, words: Iterable<string>, most: number = Infinity): string | null {
  if (typed.length > LENGTH_MAX) return null;
  const wanted = typed.toLowerCase();
  let best: string | null = null;
  let least = Math.min(Math.floor(Math.max(wanted.length, 3) / 3), most) + 1;
  for (const word of words) {
    const edits = Math.abs(word.length - wanted.length) >= least ? least : countEdits(wanted, word.toLowerCase());
    if (edits < least) [best, least] = [word, edits];
  }
  return best;
}

/** "; did you mean `WORD`" for the end of a message, or nothing when no word is close. */
export function didYouMean(typed: string, words: Iterable<string>): string {
  const word = nearest(typed, words);
  return word === null ? "" : `; did you mean \`${word}\``;
}

/** Edits between two texts (optimal string alignment distance). */
function countEdits(left: string, right: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const isSame = left[row - 1] === right[column - 1];
      const isSwap =
        row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      current.push(
        Math.min(
          (last[column] ?? 0) + 1,
          (current[column - 1] ?? 0) + 1,
          (last[column - 1] ?? 0) + (isSame ? 0 : 1),
          isSwap ? (beforeLast[column - 2] ?? 0) + 1 : Infinity,
        ),
      );
    }
    [beforeLast, last] = [last, current];
  }
  return last[right.length] ?? 0;
}
