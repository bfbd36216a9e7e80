/**
 * Alerts as people read them on a terminal: a table of alerts, and one line of each. The long form of one is in story.ts.
 *
 * Used by the console sink, the demo and `sagewatch alerts`. Strangers wrote much of what is shown: hidden characters are
 * made visible before anything is measured, so no alert can move the cursor, break a line or reverse a text. Times are
 * UTC with Z unless a zone is asked for. Pure; it writes nowhere.
 */
import { styleText } from "node:util";
import { safeLine } from "../lib/safe-text.ts";
import { type Column, cutText, fitColumns, fitText, formatRow, textWidth, wrapText } from "../lib/text-table.ts";
import type { Alert, Severity } from "../model/alert.ts";
import { formatTime } from "./time.ts";

/** How to show alerts. */
export type TableOptions = {
  /** Screen cells of a line; default 120, a terminal made wide. */
  readonly width?: number;
  /** IANA zone of the times; default UTC, written with Z. */
  readonly zone?: string;
  /** Severities in colour; default false. */
  readonly colour?: boolean;
};

/** Options of tables that grow: lines written later stand in the same columns. */
export type RowOptions = TableOptions & {
  /** Default true: the line of titles comes first. */
  readonly head?: boolean;
  /** Default false: the columns are as wide as these alerts need. True: as wide as alerts in general need. */
  readonly steady?: boolean;
  /** Default false. True: a later revision says so in front of its title. */
  readonly markUpdates?: boolean;
};

type Shape = {
  readonly title: string;
  /** Cells of the longest ordinary value. */
  readonly usual: number;
  /** Cells down to which it may be cut so that others keep theirs. */
  readonly floor: number;
  /** True: below the first line where the screen is narrow. */
  readonly below?: true;
  readonly cell: (alert: Alert, options: RowOptions) => string;
};

/** Characters of an id that a table shows: enough for `alerts show` to know which is meant. */
const ID_LENGTH = 8;

const SHAPES: readonly Shape[] = [
  { title: "TIME", usual: 20, floor: 25, cell: (alert, { zone }) => formatTime(alert.lastEventTime, zone) },
  { title: "SEVERITY", usual: 13, floor: 13, cell: ({ severity }) => severity },
  { title: "TITLE", usual: 56, floor: 36, cell: toTitle },
  { title: "PRINCIPAL", usual: 50, floor: 12, below: true, cell: ({ principal }) => shortPrincipal(principal) },
  {
    title: "ACCOUNT",
    usual: 16,
    floor: 8,
    below: true,
    cell: ({ accountName, accountId }) => accountName || accountId,
  },
  { title: "EVIDENCE", usual: 90, floor: 16, below: true, cell: toEvidence },
  { title: "ATLAS", usual: 29, floor: 9, below: true, cell: ({ atlas }) => atlas.join(" ") },
  { title: "ID", usual: ID_LENGTH, floor: ID_LENGTH, below: true, cell: ({ id }) => id.slice(0, ID_LENGTH) },
];
/** A time in a zone with its offset is longer than one in UTC. */
const ZONED_TIME_WIDTH = 25;

/** How a severity is coloured. */
export const COLOURS: Readonly<Record<Severity, Parameters<typeof styleText>[0]>> = {
  critical: ["bold", "red"],
  high: "red",
  medium: "yellow",
  low: "cyan",
  informational: "dim",
};

const DEFAULT_WIDTH = 120;
/** Lines that an alert takes at most below its first, where the screen is narrow. */
const LINES_BELOW = 4;
const BELOW_INDENT = "  ";

/**
 * The table, each line ended with "\n"; no line is wider than asked. A line an alert where nothing must be cut for it;
 * else each alert takes two to five, the first with time, severity and title, those below with all else.
 * Without alerts and head: an empty text.
 */
export function renderTable(alerts: readonly Alert[], options: RowOptions = {}): string {
  const width = options.width ?? DEFAULT_WIDTH;
  const all = toRows(SHAPES, alerts, options);
  const isWide = sum(all.columns.map(({ want }) => want)) + 2 * (SHAPES.length - 1) <= width;
  const shown = isWide
    ? all
    : toRows(
        SHAPES.filter(({ below }) => below !== true),
        alerts,
        options,
      );
  const widths = fitColumns(shown.columns, width);
  const lines = alerts.flatMap((alert, index) => {
    const line = paint(formatRow(shown.rows[index] ?? [], widths, width), alert, { widths, options });
    return isWide ? [line] : [line, ...toLinesBelow(alert, options, width)];
  });
  const titles = formatRow(shown.titles, widths, width);
  const titlesBelow = cutText(
    `${BELOW_INDENT}${"ID".padEnd(ID_LENGTH)}  PRINCIPAL in ACCOUNT: EVIDENCE (ATLAS)`,
    width,
  );
  const head = options.head === false ? [] : isWide ? [titles] : [titles, titlesBelow];
  return [...head, ...lines].map((line) => `${line}\n`).join("");
}

function toRows(
  shapes: readonly Shape[],
  alerts: readonly Alert[],
  options: RowOptions,
): { readonly titles: readonly string[]; readonly rows: readonly string[][]; readonly columns: readonly Column[] } {
  const titles = shapes.map(({ title }) => title);
  const rows = alerts.map((alert) => shapes.map(({ cell }) => safeLine(cell(alert, options))));
  const columns = shapes.map((shape, index) =>
    toColumn(
      shape,
      [titles, ...rows].map((row) => row[index] ?? ""),
      options,
    ),
  );
  return { titles, rows, columns };
}

function toColumn({ title, usual, floor }: Shape, cells: readonly string[], options: RowOptions): Column {
  const longest = cells.reduce((most, cell) => Math.max(most, textWidth(cell)), 1);
  const steady = title === "TIME" && isZoned(options) ? ZONED_TIME_WIDTH : usual;
  return { want: options.steady === true ? steady : longest, floor };
}

function isZoned({ zone }: TableOptions): boolean {
  return zone !== undefined && zone !== "UTC";
}

/** "3b1f0c6e  role/DataScience in ml-prod: 7 CreateEndpoint in 12 min (AML.T0034)", wrapped at spaces under its start. */
function toLinesBelow(alert: Alert, options: RowOptions, width: number): string[] {
  const cell = (title: string): string =>
    safeLine(SHAPES.find((shape) => shape.title === title)?.cell(alert, options) ?? "");
  const who = [cell("PRINCIPAL"), cell("ACCOUNT")].filter((text) => text !== "").join(" in ");
  const what = [who, cell("EVIDENCE")].filter((part) => part !== "").join(": ");
  const atlas = cell("ATLAS");
  const text = atlas === "" ? what : `${what} (${atlas})`;
  const lead = `${BELOW_INDENT}${fitText(cell("ID"), ID_LENGTH)}  `;
  const lines = wrapText(text, width - lead.length, LINES_BELOW);
  return (lines.length === 0 ? [""] : lines).map((line, index) =>
    cutText(`${index === 0 ? lead : " ".repeat(lead.length)}${line}`.trimEnd(), width),
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/**
 * One line, ended with "\n": time, severity, and the title, which says who and where; cut where it is wider than asked.
 * For alerts that appear one by one while something else is looked at.
 */
export function renderBrief(alert: Alert, options: RowOptions = {}): string {
  const width = options.width ?? DEFAULT_WIDTH;
  const [time, severity] = SHAPES;
  const cells = [
    time?.cell(alert, options) ?? "",
    severity?.cell(alert, options) ?? "",
    markUpdate(alert.title, alert, options),
  ];
  const widths = [isZoned(options) ? ZONED_TIME_WIDTH : (time?.usual ?? 0), severity?.usual ?? 0, width];
  return `${paint(formatRow(cells.map(safeLine), widths, width), alert, { widths, options })}\n`;
}

/** The rule's name, since principal and account have columns of their own; without a principal the title, which names the group. */
function toTitle(alert: Alert, options: RowOptions): string {
  return markUpdate(alert.principal === "" || alert.ruleName === "" ? alert.title : alert.ruleName, alert, options);
}

function markUpdate(title: string, { revision }: Alert, { markUpdates }: RowOptions): string {
  return markUpdates === true && revision > 1 ? `update ${revision}: ${title}` : title;
}

/** "role/DataScience" of an ARN, without the path between; any other principal as it stands. */
export function shortPrincipal(principal: string): string {
  const named = /^arn:[^:]*:[^:]*:[^:]*:[^:]*:(.+)$/s.exec(principal)?.[1];
  return named?.replace(/^([^/]+)\/.*\/([^/]+)$/s, "$1/$2") ?? principal;
}

function toEvidence({ why, evidence }: Alert): string {
  const first = evidence[0];
  if (why !== "" || first === undefined) return why;
  return first.sourceIPAddress === "" ? first.action : `${first.action} from ${first.sourceIPAddress}`;
}

/** Colours the severity cell of a finished line: widths were counted before, for colours take none. */
function paint(
  line: string,
  alert: Alert | undefined,
  how: { widths: readonly number[]; options: RowOptions },
): string {
  if (how.options.colour !== true || alert === undefined) return line;
  const from = (how.widths[0] ?? 0) + 2;
  const cell = line.slice(from, from + (how.widths[1] ?? 0));
  if (textWidth(line.slice(0, from)) !== from) return line;
  const coloured = styleText(COLOURS[alert.severity], cell, { validateStream: false });
  return line.slice(0, from) + coloured + line.slice(from + cell.length);
}
