/**
 * The long form of one alert: the story that an analyst reads first, in the order of the questions that come up.
 *
 * What happened, who it was, what it costs, what it can mean, what to check first, what else there was, and how to get the
 * records. Whoever has more than the alert (the rule, the kept records, the other alerts of the principal) gives it with
 * the story; a part that is not known is left out, never guessed. Strangers wrote much of this text: every hidden
 * character is made visible before anything is measured, and lines are broken at the width asked for. Pure.
 */
import { styleText } from "node:util";
import { safeLine } from "../lib/safe-text.ts";
import { cutText, textWidth, wrapText } from "../lib/text-table.ts";
import type { Alert, Severity } from "../model/alert.ts";
import type { Path } from "../model/watch/sighting.ts";
import { toSteps } from "./story-steps.ts";
import { COLOURS, shortPrincipal, type TableOptions } from "./table.ts";
import { techniqueName } from "./technique.ts";
import { formatTime, toMs } from "./time.ts";

/** Something to tell under a short name, such as "session"; one line an entry. */
export type Fact = readonly [name: string, values: readonly string[]];

/** Another alert of the same principal. */
export type Related = Pick<Alert, "id" | "lastEventTime" | "severity" | "title" | "ruleName">;

/** What is known beside the alert itself. All texts may be a stranger's. */
export type Beside = {
  /** Facts about who acted, beyond what the alert says. */
  readonly who?: readonly Fact[];
  /** What the call costs, a sentence each. */
  readonly cost?: readonly string[];
  /** What the rule's author wrote it means: paragraphs. */
  readonly meaning?: readonly string[];
  /** What the rule's author wrote to check first, one thing each. */
  readonly checkFirst?: readonly string[];
  readonly falsePositives?: readonly string[];
  /** Alerts of the same principal around this one, in order of time; `relatedMore`: how many are not among them. */
  readonly related?: readonly Related[];
  readonly relatedMore?: number;
  /** What others stored beside the alert, by their name. */
  readonly additions?: readonly Fact[];
  /** By which sources the records came. */
  readonly paths?: readonly Path[];
  /** Where the records were read, a line a file. */
  readonly places?: readonly string[];
  /** How to get the raw records. */
  readonly raw?: string;
  /** By event id: the Region where it happened. */
  readonly regions?: ReadonlyMap<string, string>;
  /** Error codes that mean a missing permission. */
  readonly denials?: ReadonlySet<string>;
};

const DEFAULT_WIDTH = 120;
/** Prose wider than this is hard to read, however wide the screen is. */
const PROSE_WIDTH = 110;
const INDENT = "  ";
/** Cells of the names in front of facts. */
const NAME_WIDTH = 11;
const IDS_MAX = 10;

/** The story, several lines, each ended with "\n". No line is wider than asked. */
export function renderStory(alert: Alert, beside: Beside = {}, options: TableOptions = {}): string {
  const width = options.width ?? DEFAULT_WIDTH;
  const page = createPage(width, options.colour === true);
  const parts = [
    toHead(alert, page),
    page.section("What happened", toSteps(alert, { ...options, ...beside, width })),
    page.section("Who", page.facts(toWho(alert, beside.who ?? []))),
    page.section("What it costs", page.prose(beside.cost ?? [])),
    page.section("What it can mean", toMeaning(alert, beside, page)),
    page.section("Check first", page.points(beside.checkFirst ?? [])),
    page.section("More by the same principal, 24 h before and after", toRelated(beside, page, options)),
    page.section("Added by enrichers", page.facts(beside.additions ?? [])),
    page.section("Records", toRecords(alert, { beside, page, options })),
  ];
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => `${line.trimEnd()}\n`).join(""))
    .join("\n");
}

/** Lays out lines for a width. Every text that goes in is made safe here. */
type Page = {
  readonly width: number;
  bold(text: string): string;
  severity(level: Severity): string;
  section(title: string, lines: readonly string[]): string[];
  prose(paragraphs: readonly string[]): string[];
  points(texts: readonly string[]): string[];
  facts(facts: readonly Fact[]): string[];
  wrap(text: string, lead: string, first?: string): string[];
};

function createPage(width: number, colour: boolean): Page {
  const style = (format: Parameters<typeof styleText>[0], text: string): string =>
    colour ? styleText(format, text, { validateStream: false }) : text;
  const wrap = (text: string, lead: string, first: string = lead): string[] => {
    const room = Math.max(1, Math.min(width, PROSE_WIDTH) - lead.length);
    return wrapText(safeLine(text), room, Infinity).map((line, index) =>
      cutText(`${index === 0 ? first : lead}${line}`, width),
    );
  };
  return {
    width,
    wrap,
    bold: (text) => style("bold", text),
    severity: (level) => style(COLOURS[level], level.toUpperCase()),
    section: (title, lines) => (lines.length === 0 ? [] : [style("bold", cutText(title, width)), ...lines]),
    prose: (paragraphs) => paragraphs.flatMap((text) => wrap(text, INDENT)),
    points: (texts) => texts.flatMap((text, index) => wrap(text, `${INDENT}   `, `${INDENT}${index + 1}. `)),
    facts: (facts) =>
      facts.flatMap(([name, values]) =>
        values.flatMap((value, index) => {
          const label = cutText(safeLine(index === 0 ? name : ""), NAME_WIDTH);
          const lead = INDENT + " ".repeat(NAME_WIDTH + 1);
          return wrap(value, lead, `${INDENT}${label}${" ".repeat(NAME_WIDTH + 1 - textWidth(label))}`);
        }),
      ),
  };
}

/** One headline, the sentence with the numbers, and the alert's own facts. */
function toHead(alert: Alert, page: Page): string[] {
  const level = alert.severity.toUpperCase();
  const [first = "", ...rest] = wrapText(safeLine(alert.title), Math.max(1, page.width - level.length - 2), Infinity);
  const marks: readonly (readonly [boolean, string])[] = [
    [alert.late === true, "late: it came after the lateness bound, so correlations did not count it"],
    [alert.negative === true, "negative: a number below zero was summed, so the sum was judged at the end"],
    [alert.approx === true, "approximate: there were more events than are counted one by one, or memory was full"],
  ];
  return [
    `${page.severity(alert.severity)}  ${page.bold(first)}`,
    ...rest.map((line) => `${" ".repeat(level.length + 2)}${page.bold(line)}`),
    ...page.wrap(alert.why, ""),
    ...marks.flatMap(([isSo, text]) => (isSo ? page.wrap(text, "") : [])),
  ];
}

/** The alert's own words on who it was, then what the records say. */
function toWho(alert: Alert, more: readonly Fact[]): Fact[] {
  const account = alert.accountName === "" ? alert.accountId : `${alert.accountName} (${alert.accountId})`;
  const name = shortPrincipal(alert.principal);
  const group = Object.entries(alert.group)
    .filter(([, value]) => value !== alert.principal && value !== alert.accountId)
    .map(([field, value]) => `${field} = ${value}`);
  const told: readonly Fact[] = [
    ["principal", name === "" ? [] : [name]],
    ...more,
    ["account", account === "" ? [] : [account]],
    ["region", alert.region === "" ? [] : [alert.region]],
    ["ARN or id", name === alert.principal ? [] : [alert.principal]],
    ["group", group],
  ];
  return told.filter(([, values]) => values.length > 0);
}

function toMeaning(alert: Alert, { meaning = [], falsePositives = [] }: Beside, page: Page): string[] {
  const named = (ids: readonly string[]): string[] => ids.map((id) => `${id} ${techniqueName(id)}`.trimEnd());
  const facts: readonly Fact[] = [
    ["ATT&CK", named(alert.attack)],
    ["ATLAS", named(alert.atlas)],
    ["may be", falsePositives],
    ["rule", alert.ruleName === "" ? [alert.ruleId] : [`${alert.ruleName} (${alert.ruleId})`]],
  ];
  return [...page.prose(meaning), ...page.facts(facts)];
}

function toRelated({ related = [], relatedMore = 0 }: Beside, page: Page, { zone }: TableOptions): string[] {
  const lines = related.flatMap(({ id, lastEventTime, severity, title, ruleName }) => {
    const lead = `${INDENT}${id.slice(0, 8)}  ${formatTime(lastEventTime, zone)}  ${severity.padEnd(8)}  `;
    return [cutText(`${safeLine(lead)}${safeLine(ruleName === "" ? title : ruleName)}`, page.width)];
  });
  return relatedMore > 0 ? [...lines, ...page.prose([`and ${relatedMore} more: see alerts list --principal`])] : lines;
}

/** Where all this comes from: the alert's id, how late it was seen, the files, the ids of the events. */
function toRecords(
  alert: Alert,
  { beside, page, options }: { readonly beside: Beside; readonly page: Page; readonly options: TableOptions },
): string[] {
  const time = (text: string): string => formatTime(text, options.zone);
  const listed = alert.eventIds.length;
  const more = listed < alert.eventCount ? `, of which ids are known: ${listed}` : "";
  const facts: readonly Fact[] = [
    ["alert", [alert.id, `revision ${alert.revision}`]],
    ["events", [`${alert.approx === true ? "about or more than " : ""}${alert.eventCount}${more}`]],
    ["first event", [time(alert.firstEventTime)]],
    ["last event", [time(alert.lastEventTime)]],
    ["first seen", [`${time(alert.seenTime)}${toDelay(alert)}`]],
    ["came by", (beside.paths ?? []).map(toWay)],
    ["read from", beside.places ?? []],
    ["raw", beside.raw === undefined ? [] : [beside.raw]],
    ["event ids", toIds(alert)],
  ];
  return page.facts(facts);
}

/** The first event ids: a hundred would push the story off the screen. */
function toIds({ eventIds }: Alert): string[] {
  const more = eventIds.length - IDS_MAX;
  if (eventIds.length === 0) return [];
  return [eventIds.slice(0, IDS_MAX).join(" "), ...(more > 0 ? [`and ${more} more in --json`] : [])];
}

/** "push: 3 events, 2 s or less to 6 min after they happened". */
function toWay({ source, events, minDelayMs, maxDelayMs }: Path): string {
  const count = `${source}: ${events} ${events === 1 ? "event" : "events"}`;
  if (minDelayMs === null || maxDelayMs === null) return count;
  const [least, most] = [toSpan(minDelayMs), toSpan(maxDelayMs)];
  return `${count}, ${least === most ? least : `${least} to ${most}`} after ${events === 1 ? "it" : "they"} happened`;
}

/** ", 6 min after the first event": how long it took until somebody could know. */
function toDelay({ seenTime, firstEventTime }: Alert): string {
  const [seenMs, firstMs] = [toMs(seenTime), toMs(firstEventTime)];
  return seenMs === null || firstMs === null || seenMs < firstMs
    ? ""
    : `, ${toSpan(seenMs - firstMs)} after the first event`;
}

/** "6 min": the largest unit that gives at least 2, rounded down. */
function toSpan(spanMs: number): string {
  const units = [
    [86_400_000, "days"],
    [3_600_000, "h"],
    [60_000, "min"],
    [1000, "s"],
  ] as const;
  for (const [unitMs, name] of units) if (spanMs >= 2 * unitMs) return `${Math.floor(spanMs / unitMs)} ${name}`;
  return "2 s or less";
}
