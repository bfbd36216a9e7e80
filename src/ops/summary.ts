/**
 * The summary of a run as people read it: what became of every record, alerts by rule, speed, and where the time went.
 */
import { safeLine } from "../lib/safe-text.ts";
import { formatRow, textWidth } from "../lib/text-table.ts";

/** The figures of a run, as compose gives them. */
export type SummaryFigures = {
  readonly read: number;
  readonly evaluated: number;
  readonly quarantined: number;
  readonly skipped: Readonly<Record<string, number | undefined>>;
  readonly late: number;
  readonly repeated: number;
  readonly bytes: number;
  readonly quarantinedByReason: Readonly<Record<string, number | undefined>>;
  readonly alertsByRule: Readonly<Record<string, number>>;
  readonly unread: Unread;
  /** Rule id → title; an id without one is shown itself. */
  readonly titles: ReadonlyMap<string, string>;
  readonly elapsedMs: number;
  readonly stageMs: Readonly<Record<string, number>>;
  readonly dearestRules: readonly { readonly ruleId: string; readonly title: string; readonly nsPerRecord: number }[];
};

/** What a run had to do without: how many files and folders, and the first of them as "PATH: WHY". */
export type Unread = { readonly files: number; readonly first: readonly string[] };

/** Several lines, without the last line end. */
export function renderSummary(figures: SummaryFigures): string {
  const alerts = Object.entries(figures.alertsByRule).toSorted(([, left], [, right]) => right - left);
  const total = alerts.reduce((sum, [, count]) => sum + count, 0);
  const rows: (readonly [string, string])[] = [
    ["records", toOutcomes(figures)],
    ...(figures.unread.files > 0 ? [["not read", describeUnread(figures.unread)] as const] : []),
    ["marks", `late ${toCount(figures.late)}, repeated ${toCount(figures.repeated)}`],
    ["speed", toSpeed(figures)],
    ["time a record", toStages(figures)],
    ["alerts", toCount(total)],
    ...alerts.map(
      ([ruleId, count]) =>
        ["", `${toCount(count).padStart(7)}  ${safeLine(figures.titles.get(ruleId) ?? ruleId)}`] as const,
    ),
    ...figures.dearestRules.map(
      ({ title, nsPerRecord }, index) =>
        [
          index === 0 ? "dearest rules" : "",
          `${`${Math.round(nsPerRecord)} ns`.padStart(7)}  ${safeLine(title)}`,
        ] as const,
    ),
  ];
  const width = Math.max(...rows.map(([name]) => textWidth(name)));
  return rows.map(([name, text]) => formatRow([name, text], [width, textWidth(text)])).join("\n");
}

/** "1 file could not be read: PATH: WHY". */
export function describeUnread({ files, first }: Unread): string {
  const others = files > first.length ? `; and ${toCount(files - first.length)} more` : "";
  return `${toCount(files)} ${files === 1 ? "file" : "files"} could not be read: ${first.map(safeLine).join("; ")}${others}`;
}

/** Records a second of a run. */
export function toRate({ read, elapsedMs }: Pick<SummaryFigures, "read" | "elapsedMs">): number {
  return elapsedMs > 0 ? (read / elapsedMs) * 1000 : 0;
}

/** "12,345". */
export function toCount(count: number): string {
  return Math.round(count).toLocaleString("en");
}

function toOutcomes({ read, evaluated, quarantined, skipped, quarantinedByReason }: SummaryFigures): string {
  const skips = Object.values(skipped).reduce<number>((sum, count = 0) => sum + count, 0);
  return `read ${toCount(read)} = evaluated ${toCount(evaluated)} + quarantined ${toCount(quarantined)}${byReason(quarantinedByReason)} + skipped ${toCount(skips)}${byReason(skipped)}`;
}

function byReason(reasons: Readonly<Record<string, number | undefined>>): string {
  const parts = Object.entries(reasons).flatMap(([reason, count]) =>
    count === undefined || count === 0 ? [] : [`${reason} ${toCount(count)}`],
  );
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}

function toSpeed(figures: SummaryFigures): string {
  const seconds = figures.elapsedMs / 1000;
  const mib = figures.bytes / 1024 / 1024;
  return `${toCount(toRate(figures))} records/s, ${seconds > 0 ? (mib / seconds).toFixed(1) : "0"} MiB/s, ${seconds.toFixed(1)} s in all`;
}

/** What is in no stage is reading: finding, unpacking and splitting files. */
function toStages({ read, elapsedMs, stageMs }: SummaryFigures): string {
  if (read === 0) return "none";
  const known = Object.values(stageMs).reduce((sum, ms) => sum + ms, 0);
  const stages = { read: Math.max(0, elapsedMs - known), ...stageMs };
  return Object.entries(stages)
    .map(([stage, ms]) => `${stage} ${((ms * 1000) / read).toFixed(2)} µs`)
    .join(", ");
}
