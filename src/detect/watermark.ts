/**
 * Watermarks: how far, in event time, the input of each logsource is complete.
 *
 * Live sources: newest event − L, never above now − L, so that a record dated ahead cannot close windows, nor above the
 * oldest input that is known to wait − L, so that a backlog in mixed order does not make itself late; a source that has
 * been idle longer than I follows now − L. After a restart a live source stays at its saved value until it has been
 * read once (`release`): messages that were in flight at the crash would otherwise come back "late" and be lost.
 * Historic sources never look at the clock: the smallest time slot not yet read to its end − L, and +∞ at the end.
 * No watermark ever goes back. Times are epoch ms.
 */
import type { Source, WatermarkEntry, Watermarks } from "../contracts.ts";
import type { Logsource } from "../model/event.ts";

type Line = {
  readonly source: Pick<Source, "name" | "timing">;
  readonly logsource: Logsource;
  newestMs: number;
  floorMs: number;
  watermarkMs: number;
  held: boolean;
};

/** `saved` are the entries of the last commit; an entry of a live source is held until `release`. */
export function createWatermarks(
  sources: readonly Pick<Source, "name" | "logsources" | "timing">[],
  saved: readonly WatermarkEntry[],
): Watermarks {
  const lines: Line[] = sources.flatMap((source) =>
    source.logsources.map((logsource) => toLine(source, logsource, saved)),
  );
  const linesOf = (name: string): Line[] => lines.filter((line) => line.source.name === name);
  /** Wall time at the last tick, and of the last tick that found new records, by source. */
  let nowMs = -Infinity;
  const activeMs = new Map<string, number>();
  const touched = new Set<string>();

  const raise = (line: Line, toMs: number): void => {
    if (!line.held && toMs > line.watermarkMs) line.watermarkMs = toMs;
  };
  const followClock = (line: Line): void => {
    const { latenessMs, idleMs } = line.source.timing;
    const idle = nowMs - (activeMs.get(line.source.name) ?? nowMs) > idleMs;
    raise(line, (idle ? nowMs : Math.min(line.newestMs, line.floorMs, nowMs)) - latenessMs);
  };
  const followSlots = (line: Line): void => {
    const { latenessMs, followMs } = line.source.timing;
    if (line.floorMs !== -Infinity) raise(line, line.floorMs - latenessMs);
    else if (followMs !== null) raise(line, line.newestMs - followMs);
  };

  return {
    observe: (name, logsource, { floorMs, newestMs }) => {
      touched.add(name);
      for (const line of linesOf(name)) {
        if (line.logsource === logsource) line.newestMs = Math.max(line.newestMs, newestMs);
        line.floorMs = floorMs;
        if (line.source.timing.mode === "live") followClock(line);
        else followSlots(line);
      }
    },
    tick: (wallMs) => {
      nowMs = wallMs;
      for (const { source } of lines)
        if (touched.has(source.name) || !activeMs.has(source.name)) activeMs.set(source.name, wallMs);
      touched.clear();
      for (const line of lines) if (line.source.timing.mode === "live") followClock(line);
    },
    finish: (name) => {
      for (const line of linesOf(name)) if (line.source.timing.mode === "historic") raise(line, Infinity);
    },
    release: (name) => {
      for (const line of linesOf(name)) line.held = false;
    },
    value: (logsource) =>
      lines.reduce(
        (least, line) => (line.logsource === logsource ? Math.min(least, line.watermarkMs) : least),
        Infinity,
      ),
    entries: () =>
      lines.map((line) => ({ source: line.source.name, logsource: line.logsource, watermarkMs: line.watermarkMs })),
  };
}

function toLine(source: Pick<Source, "name" | "timing">, logsource: Logsource, saved: readonly WatermarkEntry[]): Line {
  const before = saved.find((entry) => entry.source === source.name && entry.logsource === logsource);
  const watermarkMs = before?.watermarkMs ?? -Infinity;
  return {
    source,
    logsource,
    newestMs: -Infinity,
    floorMs: Infinity,
    watermarkMs,
    held: before !== undefined && source.timing.mode === "live",
  };
}
