/**
 * Texts that come again in many packed groups, each told by a code of two bytes.
 *
 * A text gets a code when a second group has it, so that a flood of texts that never come again fills nothing. Uses are
 * counted; when all codes are taken, those that no packed group uses any more go to new texts. Without a free code a text
 * stands in the group itself: dearer, never wrong.
 */

/** Codes 0 to 65,534: two bytes. */
const CODES_MAX = 65_535;
/** Texts remembered as seen once. */
const SEEN_MAX = 16_384;
const [SHORTEST, LONGEST] = [3, 256] as const;
/** Memory of an entry beside its characters: two table entries, a text's head. */
const ENTRY_BYTES = 120;

export type Dictionary = {
  /** The code of a text of a group (by number), −1 when it has none. */
  code(text: string, group: number): number;
  /** One packed group more uses the code. */
  use(code: number): void;
  /** One less. */
  release(code: number): void;
  text(code: number): string;
  bytes(): number;
};

export function createDictionary(): Dictionary {
  const codes = new Map<string, number>();
  const texts: string[] = [];
  const uses: number[] = [];
  /** Text → the group that it was seen in. */
  const seen = new Map<string, number>();
  let free: number[] = [];
  let bytes = 0;
  /** Texts refused since the last sweep: looking through all codes for each of them would cost more than it gives. */
  let refused = CODES_MAX;
  const sweep = (): void => {
    refused = 0;
    for (const [text, code] of codes) {
      if (uses[code] !== 0) continue;
      codes.delete(text);
      bytes -= ENTRY_BYTES + text.length;
      free.push(code);
    }
    free = free.toReversed();
  };
  const take = (text: string): number => {
    if (texts.length === CODES_MAX && free.length === 0 && refused >= CODES_MAX) sweep();
    const code = free.pop() ?? (texts.length < CODES_MAX ? texts.length : -1);
    if (code === -1) {
      refused += 1;
      return -1;
    }
    texts[code] = text;
    codes.set(text, code);
    bytes += ENTRY_BYTES + text.length;
    return code;
  };
  return {
    code: (text, group) => {
      if (text.length < SHORTEST || text.length > LONGEST) return -1;
      const code = codes.get(text);
      if (code !== undefined) return code;
      const before = seen.get(text);
      if (before !== undefined && before !== group) {
        seen.delete(text);
        return take(text);
      }
      if (seen.size >= SEEN_MAX) seen.clear();
      seen.set(text, group);
      return -1;
    },
    use: (code) => void (uses[code] = (uses[code] ?? 0) + 1),
    release: (code) => void (uses[code] = (uses[code] ?? 1) - 1),
    text: (code) => texts[code] ?? "",
    bytes: () => bytes,
  };
}
