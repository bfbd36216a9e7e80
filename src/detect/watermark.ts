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
 *
 * What is closed stays closed, whatever becomes of the sources: members of closed buckets are forgotten but for a rest, and
 * a bucket judged again over a rest says what is not so. So it is saved, beside each source's own watermark, how far the
 * input was complete for rules over each set of logsources (`closings`), and a restart begins every rule there (`closed`).
 * Not by lines: a source that was removed leaves an old value that would open what went on without it, one that is new has
 * none, and one of a logsource never seen before opens rules over two kinds that were closed by the other kind alone. A
 * new line itself begins at −∞, held by nothing: a source renamed while the daemon was down for a day reads that day into
 * the windows, and what it reads again of the time before is late there and changes nothing. So is a historic run
 * beside a live one for the time that is closed: who wants the past judged anew replays it. Where all input ended nothing
 * is left to be opened, and nothing is saved.
 */
import type { Source, WatermarkEntry, Watermarks } from "../contracts.ts";
import { type Logsource, LOGSOURCES } from "../model/event.ts";

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

/** Begins the names under which closings are saved; no source can be called so. */
const CLOSED = "closed ";

/** Every set of logsources that a rule may be over. */
const SETS: readonly (readonly Logsource[])[] = toSets(LOGSOURCES);

/** `saved` are the entries of the last commit; an entry of a live source is held until `release`. */
export function createWatermarks(
  sources: readonly Pick<Source, "name" | "logsources" | "timing">[],
  saved: readonly WatermarkEntry[],
): Watermarks {
  const closedBefore = new Map(saved.map(({ source, watermarkMs }) => [source, watermarkMs]));
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

  const value = (logsource: Logsource): number =>
    lines.reduce((least, line) => (line.logsource === logsource ? Math.min(least, line.watermarkMs) : least), Infinity);
  const closed = (logsources: readonly Logsource[]): number =>
    Math.max(closedBefore.get(toClosedName(logsources)) ?? -Infinity, Math.min(...logsources.map(value)));

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
    value,
    closed,
    closings: () =>
      SETS.map((set) => ({ source: toClosedName(set), logsource: set[0] as Logsource, watermarkMs: closed(set) })),
    entries: () =>
      lines.map((line) => ({ source: line.source.name, logsource: line.logsource, watermarkMs: line.watermarkMs })),
  };
}

/** True for what `closings` gave, among saved entries. */
export function isClosing({ source }: WatermarkEntry): boolean {
  return source.startsWith(CLOSED);
}

function toSets([first, ...others]: readonly Logsource[]): (readonly Logsource[])[] {
  if (first === undefined) return [];
  const without = toSets(others);
  return [[first], ...without, ...without.map((set) => [first, ...set])];
}

function toClosedName(logsources: readonly Logsource[]): string {
  return CLOSED + logsources.toSorted((a, b) => (a < b ? -1 : 1)).join(" ");
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
