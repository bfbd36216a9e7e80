/**
 * What must hold after a soak, and its figures: nothing lost in either sink, nothing invented, counts that add up, memory
 * and open files flat, the store bounded by what it holds, queues that do not grow, an orderly end, nothing in the log
 * that nobody thought of.
 */
import type { Sample, Soaked } from "./soak.ts";

const [MIB, HOUR_MS] = [1024 ** 2, 3_600_000];
/** Garbage and fragments of a heap that is cleared now and then, beside what the hour allows. */
const RSS_NOISE = 32 * MIB;
/** reliability.md T12, an hour. */
const RSS_PER_HOUR = 1 * MIB;
/** A process that lived long may hold so much more than a fresh one on the same state: compiled code, caches that are full. */
const HELD_NOISE = 8 * MIB;
/** Sockets come and go with polls and faults. */
const FD_NOISE = 16;
/** Of the store: empty, its log, windows of an hour; and an alert with its evidence. */
const [STORE_FIXED, STORE_PER_ALERT, STORE_PER_RECORD] = [24 * MIB, 16 * 1024, 600];
/** Errors that faults of the network bring about and that say so. */
const EXPECTED_ERRORS: ReadonlySet<unknown> = new Set(["sink_down"]);

export type Figures = {
  readonly minutes: number;
  readonly records: number;
  readonly attacks: number;
  readonly lost: number;
  readonly spurious: number;
  readonly late: number;
  readonly repeats: number;
  readonly kills: Soaked["kills"];
  readonly faults: number;
  readonly reloads: number;
  readonly rssMib: { readonly first: number; readonly last: number; readonly max: number; readonly perHour: number };
  readonly windowsMib: { readonly first: number; readonly last: number };
  /** What the long process held when all garbage was collected, and a fresh one after it. */
  readonly heldMib: { readonly long: number; readonly fresh: number };
  readonly fds: { readonly first: number; readonly last: number; readonly max: number };
  readonly storeMib: number;
  readonly alerts: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly queuedMax: number;
  readonly drainSeconds: number;
  readonly problems: readonly string[];
};

/** Judges a soak. `isLong`: it was long enough for slopes to mean something. */
export function judge(soaked: Soaked, isLong: boolean): Figures {
  const { options, load, alerts, sent, samples, kills, counts } = soaked;
  const calm = samples.filter(({ atMs }) => atMs > options.lengthMs * 0.45);
  const third = Math.ceil(calm.length / 3);
  const [first, last] = [calm.slice(0, third), calm.slice(-third)];
  const of = (some: readonly Sample[], key: "rss" | "fds" | "queued" | "windows"): number =>
    median(some.map((one) => one[key]));
  const latencies = [...load.sent].flatMap(([id, atMs]) => {
    const seen = alerts.byEvent.get(id);
    return seen === undefined ? [] : [seen.atMs - atMs];
  });
  const lost = [...load.sent.keys()].filter((id) => !alerts.byEvent.has(id) || !sent.has(id));
  const doubled = [...load.sent.keys()].filter((id) => (alerts.byEvent.get(id)?.alertIds.size ?? 1) !== 1);
  const invented = [...alerts.byEvent.keys()].filter((id) => id.startsWith("mark-") && !load.sent.has(id));
  const late = counts.reduce((sum, count) => sum + count.late, 0);
  const figures: Omit<Figures, "problems"> = {
    minutes: round(options.lengthMs / 60_000),
    records: load.counts.records,
    attacks: load.sent.size,
    lost: lost.length,
    spurious: doubled.length + invented.length,
    late,
    repeats: alerts.counts.repeats,
    kills,
    faults: Object.values(soaked.faults).reduce((sum, n) => sum + n, 0),
    reloads: soaked.reloads,
    rssMib: {
      first: round(of(first, "rss") / MIB),
      last: round(of(last, "rss") / MIB),
      max: round(Math.max(...samples.map(({ rss }) => rss)) / MIB),
      perHour: round((slope(calm) * HOUR_MS) / MIB),
    },
    windowsMib: { first: round(of(first, "windows") / MIB), last: round(of(last, "windows") / MIB) },
    heldMib: { long: round(toHeld(soaked.held.long) / MIB), fresh: round(toHeld(soaked.held.fresh) / MIB) },
    fds: { first: of(first, "fds"), last: of(last, "fds"), max: Math.max(...samples.map(({ fds }) => fds)) },
    storeMib: round((samples.at(-1)?.stored ?? 0) / MIB),
    alerts: soaked.alertsHeld,
    latencyMs: { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99), max: quantile(latencies, 1) },
    queuedMax: Math.max(...calm.map(({ queued }) => queued)),
    drainSeconds: round(soaked.drainMs / 1000),
  };
  const grown = of(last, "rss") - of(first, "rss");
  const perHour = RSS_PER_HOUR * (options.lengthMs / HOUR_MS);
  const bound = RSS_NOISE + perHour;
  const leaked = toHeld(soaked.held.long) - toHeld(soaked.held.fresh);
  const backlog = of(last, "queued") - of(first, "queued");
  const problems = [
    ...lost.slice(0, 10).map((id) => `lost: ${id}${alerts.byEvent.has(id) ? " (in the queue only)" : ""}`),
    ...doubled.slice(0, 10).map((id) => `${id} is in several alerts`),
    ...invented.slice(0, 10).map((id) => `invented: ${id}`),
    ...(late > 0 ? [`${late} records late`] : []),
    ...judgeCounts(soaked),
    ...judgeLog(soaked),
    ...soaked.exits.filter((exit) => exit !== 0).map((exit) => `a stop ended with ${exit}`),
    ...(isLong && grown > bound ? [`memory grew by ${round(grown / MIB)} MiB, ${round(bound / MIB)} are allowed`] : []),
    ...(leaked > HELD_NOISE + perHour ? [`it held ${round(leaked / MIB)} MiB more than a fresh process`] : []),
    ...(isLong && of(last, "fds") - of(first, "fds") > FD_NOISE ? ["open files grow"] : []),
    ...(isLong && backlog > 20 * 5 ? [`the queues grow: ${backlog} more messages wait`] : []),
    ...judgeStore(soaked),
  ];
  return { ...figures, problems };
}

function toHeld({ heap, external }: Soaked["held"]["long"]): number {
  return heap + external;
}

function judgeCounts({ counts, load }: Soaked): string[] {
  const sum = (key: "read" | "evaluated" | "quarantined"): number => counts.reduce((all, one) => all + one[key], 0);
  const skipped = counts.flatMap((one) => Object.values(one.skipped)).reduce((all, n) => all + n, 0);
  const [read, known] = [sum("read"), sum("evaluated") + sum("quarantined") + skipped];
  return [
    ...(read === known ? [] : [`read ${read}, but ${known} have an outcome`]),
    ...(sum("quarantined") === 0 ? [] : [`${sum("quarantined")} records in quarantine`]),
    ...(sum("evaluated") >= load.counts.records ? [] : [`${sum("evaluated")} of ${load.counts.records} evaluated`]),
  ];
}

function judgeLog({ lines, strays, reloads }: Soaked): string[] {
  const errors = lines.filter(({ level, signal }) => /error|fatal/.test(String(level)) && !EXPECTED_ERRORS.has(signal));
  const reloaded = lines.filter(({ signal }) => signal === "rules_reloaded").length;
  return [
    ...strays.slice(0, 5).map((line) => `not a line of the log: ${line}`),
    ...errors.slice(0, 5).map((line) => `error in the log: ${JSON.stringify(line)}`),
    ...(reloads > 0 && reloaded === 0 ? ["no reload was taken"] : []),
  ];
}

function judgeStore({ samples, alertsHeld, load }: Soaked): string[] {
  const stored = samples.at(-1)?.stored ?? 0;
  const bound = STORE_FIXED + alertsHeld * STORE_PER_ALERT + load.counts.records * STORE_PER_RECORD;
  return stored > bound ? [`the store has ${round(stored / MIB)} MiB, ${round(bound / MIB)} are allowed`] : [];
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Least squares of memory over time, bytes a ms. */
function slope(samples: readonly Sample[]): number {
  const n = samples.length;
  const meanAt = samples.reduce((sum, { atMs }) => sum + atMs, 0) / n;
  const meanRss = samples.reduce((sum, { rss }) => sum + rss, 0) / n;
  const both = samples.reduce((sum, { atMs, rss }) => sum + (atMs - meanAt) * (rss - meanRss), 0);
  const own = samples.reduce((sum, { atMs }) => sum + (atMs - meanAt) ** 2, 0);
  return own === 0 ? 0 : both / own;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
