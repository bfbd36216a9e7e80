/**
 * Near misses as people read them, and as JSON, one object a line.
 *
 * Values, principals and groups are a stranger's text: on one line, hidden characters visible, broken at the screen's width.
 */
import { toSpanText } from "../../detect/why.ts";
import { shortPrincipal } from "../../encode/table.ts";
import { formatTime } from "../../encode/time.ts";
import { toUtcText } from "../../lib/clock.ts";
import { safeJson, safeLine } from "../../lib/safe-text.ts";
import { cutText, wrapText } from "../../lib/text-table.ts";
import { fromGroupKey } from "../../model/alert.ts";
import type { Lacking } from "../../rules/nearness.ts";
import type { Correlation } from "../../sigma/ast.ts";
import type { NearGroup } from "./groups.ts";
import type { NearRecord } from "./records.ts";
import type { NearMisses } from "./search.ts";

type TextOptions = { readonly width: number; readonly zone: string };

/** Alternatives and values that are shown. */
const SHOWN_MAX = 5;
const VALUE_CELLS = 120;
const NAME_WIDTH = 11;

/** The whole answer as text, each line ended with "\n", none wider than asked. */
export function renderNearMisses({ detections, correlations, chained }: NearMisses, options: TextOptions): string {
  const titles = new Map(detections.map(({ rule }) => [rule.id, rule.title]));
  const blocks = [
    ...correlations.map(({ rule, found }) => [
      ...head(rule.title, rule.id, options),
      ...line(describeGroups(found, rule), "  ", options),
      ...found.nearest.flatMap((group, index) => renderGroup(group, index, { rule, titles, options })),
    ]),
    ...detections.map(({ rule, found }) => [
      ...head(rule.alerts ? rule.title : `${rule.title} (counted by other rules)`, rule.id, options),
      ...line(describeRecords(found), "  ", options),
      ...found.nearest.flatMap((record, index) => renderRecord(record, index, options)),
    ]),
    ...chained.map((rule) => [
      ...head(rule.title, rule.id, options),
      ...line("counts alerts of other correlations: look at the near misses of those", "  ", options),
    ]),
  ];
  return blocks.map((lines) => lines.map((text) => `${text}\n`).join("")).join("\n");
}

function head(title: string, id: string, options: TextOptions): string[] {
  return line(`${title} (${id})`, "", options);
}

function describeRecords({ tried, matched, near, nearest }: NearMisses["detections"][number]["found"]): string {
  const nearly = near === 0 ? "none lacked only one condition" : `${count(near)} lacked one condition`;
  const shown = near > nearest.length ? `; the nearest ${nearest.length}` : "";
  return `${count(tried)} records tried: ${count(matched)} matched, ${nearly}${shown}`;
}

function describeGroups(
  { groups, met, nearest, isApproximate }: NearMisses["correlations"][number]["found"],
  rule: Correlation,
): string {
  const about = isApproximate ? "; approximate, since there was more than is held at once" : "";
  if (groups === 0) return `${toDemand(rule)}: no record counted`;
  const near = groups - met;
  const shown = near > nearest.length ? `; the nearest ${nearest.length} of ${count(near)} others` : "";
  return `${toDemand(rule)}: ${count(groups)} ${groups === 1 ? "group" : "groups"}, ${count(met)} met it${shown}${about}`;
}

/** "event_count gte 5 within 1 h". */
function toDemand({ kind, bounds, condition, rules, timespanMs }: Correlation): string {
  const asked =
    condition === undefined && bounds.length === 0
      ? `of ${rules.length} rules`
      : bounds.map(({ operator, value }) => `${operator} ${value}`).join(" and ");
  return `${[kind, asked].filter((part) => part !== "").join(" ")} within ${toSpanText(timespanMs)}`;
}

function renderGroup(
  { group, value, fromMs, toMs, steps }: NearGroup,
  index: number,
  {
    rule,
    titles,
    options,
  }: { readonly rule: Correlation; readonly titles: ReadonlyMap<string, string>; readonly options: TextOptions },
): string[] {
  const limit = rule.bounds[0]?.value ?? rule.rules.length;
  const isTemporal = rule.kind.startsWith("temporal");
  const missing = isTemporal ? rule.rules.filter((_, step) => !steps.includes(step)) : [];
  const span = fromMs === toMs ? "at" : `in ${toSpanText(toMs - fromMs)} from`;
  const fields = fromGroupKey(group).map((text, at) => `${rule.groupBy[at] ?? ""} = ${text}`);
  return [
    ...line(`${index + 1}. ${rounded(value)} of ${limit} ${span} ${time(fromMs, options)}`, "  ", options),
    ...fields.flatMap((text, at) => named(at === 0 ? "group" : "", text, options)),
    ...(missing.length === 0 ? [] : named("lacked", missing.map((id) => titles.get(id) ?? id).join(", "), options)),
  ];
}

function renderRecord(record: NearRecord, index: number, options: TextOptions): string[] {
  const { timeMs, action, principal, accountId, eventId, pointer, lacking } = record;
  const who = [shortPrincipal(principal), accountId].filter((part) => part !== "").join(" in ");
  return [
    ...line(`${index + 1}. ${time(timeMs, options)}  ${action}${who === "" ? "" : ` by ${who}`}`, "  ", options),
    ...named("lacked", describeWanted(lacking), options),
    ...named("found", describeFound(lacking), options),
    ...named("read from", `${pointer.path}, record ${pointer.index}`, options),
    ...(eventId === "" ? [] : named("event", eventId, options)),
  ];
}

/** "enrich.gpu.count: gte 8", or what it must not be. */
function describeWanted({ field, wanted, negated }: Lacking): string {
  const shown = wanted.slice(0, SHOWN_MAX).map((text) => cutText(text, VALUE_CELLS));
  const more = wanted.length - shown.length;
  const tests = [...shown, ...(more > 0 ? [`${more} more`] : [])].join(" or ");
  return negated ? `${field}: not ${tests}` : `${field}: ${tests}`;
}

function describeFound({ isThere, found }: Lacking): string {
  if (!isThere) return "no such field";
  if (found.length === 0) return "an empty list";
  return found.map((value) => cutText(JSON.stringify(value), VALUE_CELLS)).join(", ");
}

function named(name: string, text: string, options: TextOptions): string[] {
  const lead = " ".repeat(5);
  const room = Math.max(1, options.width - lead.length - NAME_WIDTH);
  return wrapText(safeLine(text), room, Infinity).map((part, index) =>
    cutText(`${lead}${(index === 0 ? name : "").padEnd(NAME_WIDTH)}${part}`, options.width),
  );
}

function line(text: string, lead: string, { width }: TextOptions): string[] {
  const below = lead === "" ? "" : `${lead}   `;
  return wrapText(safeLine(text), Math.max(1, width - below.length), Infinity).map((part, index) =>
    cutText(`${index === 0 ? lead : below}${part}`, width),
  );
}

function time(timeMs: number, { zone }: TextOptions): string {
  return formatTime(toUtcText(timeMs), zone);
}

function count(number: number): string {
  return number.toLocaleString("en");
}

function rounded(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** One object a line: the records and groups, each with its rule. */
export function encodeNearMisses({ detections, correlations }: NearMisses): string {
  const lines = [
    ...correlations.flatMap(({ rule, found }) =>
      found.nearest.map(({ group, value, share, fromMs, toMs, steps }) => ({
        type: "group",
        rule: { id: rule.id, title: rule.title },
        value,
        limits: rule.bounds,
        timespanMs: rule.timespanMs,
        share,
        group: Object.fromEntries(fromGroupKey(group).map((text, at) => [rule.groupBy[at] ?? "", text])),
        from: toUtcText(fromMs),
        to: toUtcText(toMs),
        ...(rule.kind.startsWith("temporal") ? { steps: steps.map((step) => rule.rules[step]) } : {}),
        approximate: found.isApproximate,
      })),
    ),
    ...detections.flatMap(({ rule, found }) =>
      found.nearest.map(({ timeMs, pointer, lacking, ...record }) => ({
        type: "record",
        rule: { id: rule.id, title: rule.title },
        time: toUtcText(timeMs),
        ...record,
        lacking,
        pointer,
      })),
    ),
  ];
  return lines.map((entry) => `${safeJson(JSON.stringify(entry))}\n`).join("");
}
