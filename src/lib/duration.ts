/**
 * Lengths of time and sizes as people write them: "90s", "1h 30m", "4 MiB".
 *
 * Configuration, options and messages use these texts; the code uses milliseconds and bytes. Parsing is total: a text
 * that is no duration or size gives null, so that each caller can say where it stood. Formatting is exact: what it prints
 * parses to the same number.
 */

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const UNIT_BYTES = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

/** Milliseconds of a text such as "250ms", "90s", "1h30m", "1h 30m", "7d"; null when it is none. Whole numbers only. */
export function parseDuration(text: string): number | null {
  if (!/^\s*\d+\s*(?:ms|[smhdw])(?:\s*\d+\s*(?:ms|[smhdw]))*\s*$/.test(text)) return null;
  let totalMs = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)\s*(ms|[smhdw])/g)) {
    totalMs += Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
  }
  return Number.isSafeInteger(totalMs) ? totalMs : null;
}

/** The shortest exact text of whole milliseconds: 5_400_000 is "1h30m", 0 is "0s". */
export function formatDuration(durationMs: number): string {
  let left = Math.round(durationMs);
  if (left === 0) return "0s";
  let text = "";
  for (const unit of ["d", "h", "m", "s", "ms"] as const) {
    const count = Math.floor(left / UNIT_MS[unit]);
    if (count > 0) text += `${count}${unit}`;
    left -= count * UNIT_MS[unit];
  }
  return text;
}

/** Bytes of a text such as "512 KiB", "4MiB", "100 B"; null when it is none. Whole numbers only. */
export function parseSize(text: string): number | null {
  const [, count, unit] = /^\s*(\d+)\s*(B|KiB|MiB|GiB)\s*$/.exec(text) ?? [];
  const bytes = Number(count) * UNIT_BYTES[(unit ?? "B") as keyof typeof UNIT_BYTES];
  return unit !== undefined && Number.isSafeInteger(bytes) ? bytes : null;
}

/** The exact text of bytes in the largest unit that divides them: 4_194_304 is "4 MiB". */
export function formatSize(bytes: number): string {
  const unit = (["GiB", "MiB", "KiB"] as const).find(
    (unit) => bytes >= UNIT_BYTES[unit] && bytes % UNIT_BYTES[unit] === 0,
  );
  return unit === undefined ? `${bytes} B` : `${bytes / UNIT_BYTES[unit]} ${unit}`;
}
