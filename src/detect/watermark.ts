/**
 * Watermarks: how far, in event time, the input of each logsource is complete.
 *
 * Live sources: newest event − L, never above now − L, so that a record dated ahead cannot close windows, nor above the
 * oldest input that is known to wait − L, so that a backlog in mixed order does not make itself late; a source that has
 * been idle longer than I follows now − L. So does a logsource that is silent in a busy source, but for what waits there:
 * else a correlation over two kinds would wait for a finding that may never come. After a restart a live source stays at its saved value until it has been
 * read once (`release`): messages that were in flight at the crash would otherwise come back "late" and be lost.
 * Historic sources never look at the clock: the smallest time slot not yet read to its end − L, and +∞ at the end.
 * No watermark ever goes back. Times are epoch ms.
 */
import type { Source, WatermarkEntry, Watermarks } from "../contracts.ts";
import type { Logsource } from "../model/event.ts";

/** When something was last seen. Infinity: not even looked for yet. */
type Activity = { sinceMs: number; isTouched: boolean };

type Line = {
  readonly source: Pick<Source, "name" | "timing">;
  readonly logsource: Logsource;
  /** Of the source, whatever it brings, and of this logsource in it. */
  readonly activity: { readonly source: Activity; readonly logsource: Activity };
  newestMs: number;
  floorMs: number;
  watermarkMs: number;
  held: boolean;
};

/**
 * Ticks come a few times a second. A longer pause means that the process stood still or the clock was set: nothing was
 * looked for meanwhile, so it counts as no silence.
 */
const PAUSE_MS = 60_000;

/** `saved` are the entries of the last commit; an entry of a live source is held until `release`. */
export function createWatermarks(
  sources: readonly Pick<Source, "name" | "logsources" | "timing">[],
  saved: readonly WatermarkEntry[],
): Watermarks {
  const lines: Line[] = sources.flatMap((source) => {
    const activity = createActivity();
    return source.logsources.map((logsource) => toLine(source, { logsource, activity, saved }));
  });
  const linesOf = (name: string): Line[] => lines.filter((line) => line.source.name === name);
  const activities = new Set(lines.flatMap(({ activity }) => [activity.source, activity.logsource]));
  /** Wall time at the last tick. */
  let nowMs = -Infinity;

  const raise = (line: Line, toMs: number): void => {
    if (!line.held && toMs > line.watermarkMs) line.watermarkMs = toMs;
  };
  const followClock = (line: Line): void => {
    const { latenessMs, idleMs } = line.source.timing;
    const isIdle = nowMs - line.activity.source.sinceMs > idleMs;
    const isSilent = nowMs - line.activity.logsource.sinceMs > idleMs;
    const reachedMs = Math.min(isSilent ? nowMs : line.newestMs, line.floorMs, nowMs);
    raise(line, (isIdle ? nowMs : reachedMs) - latenessMs);
  };
  const followSlots = (line: Line): void => {
    const { latenessMs, followMs } = line.source.timing;
    if (line.floorMs !== -Infinity) raise(line, line.floorMs - latenessMs);
    else if (followMs !== null) raise(line, line.newestMs - followMs);
  };

  return {
    observe: (name, logsource, { floorMs, newestMs }) => {
      for (const line of linesOf(name)) {
        line.activity.source.isTouched = true;
        if (line.logsource === logsource) {
          line.activity.logsource.isTouched = true;
          line.newestMs = Math.max(line.newestMs, newestMs);
        }
        line.floorMs = floorMs;
        if (line.source.timing.mode === "live") followClock(line);
        else followSlots(line);
      }
    },
    stall: (name) => {
      for (const { activity } of linesOf(name)) activity.source.isTouched = activity.logsource.isTouched = true;
    },
    tick: (wallMs) => {
      const passedMs = wallMs - nowMs;
      const unseenMs = passedMs > PAUSE_MS || passedMs < 0 ? passedMs : 0;
      nowMs = wallMs;
      for (const activity of activities) {
        if (activity.isTouched || activity.sinceMs === Infinity) activity.sinceMs = wallMs;
        else activity.sinceMs += unseenMs;
        activity.isTouched = false;
      }
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

function createActivity(): Activity {
  return { sinceMs: Infinity, isTouched: false };
}

function toLine(
  source: Pick<Source, "name" | "timing">,
  of: { logsource: Logsource; activity: Activity; saved: readonly WatermarkEntry[] },
): Line {
  const { logsource } = of;
  const before = of.saved.find((entry) => entry.source === source.name && entry.logsource === logsource);
  return {
    source,
    logsource,
    activity: { source: of.activity, logsource: createActivity() },
    newestMs: -Infinity,
    floorMs: Infinity,
    watermarkMs: before?.watermarkMs ?? -Infinity,
    held: before !== undefined && source.timing.mode === "live",
  };
}
