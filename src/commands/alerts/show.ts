/**
 * `sagewatch alerts show`: one alert as a story, as JSON, or its raw records.
 *
 * The story takes what is at hand: the kept records, the rule of the configuration, the other alerts of the principal. What
 * is not there is left out with a word why, since an analyst must get the rest also where a rule file is broken. Reads only.
 */
import { toEvents } from "../../compose/records.ts";
import { openRules } from "../../compose/rules.ts";
import { loadConfig } from "../../config/load.ts";
import { ADAPTERS } from "../../config/registries.ts";
import type { AlertWithRecords, Views } from "../../contracts.ts";
import { encodeNative } from "../../encode/native.ts";
import { type Beside, type Fact, type Related, renderStory } from "../../encode/story.ts";
import { techniqueName } from "../../encode/technique.ts";
import { toMs } from "../../encode/time.ts";
import { safeJson, safeLine } from "../../lib/safe-text.ts";
import { isDenied } from "../../match/denied.ts";
import type { Alert } from "../../model/alert.ts";
import { SagewatchError, toMessage } from "../../model/errors.ts";
import type { Pointer } from "../../model/event.ts";
import { print, printRecord, remark, type Terminal, widthOf } from "../../ops/terminal.ts";
import { PREFIX_MIN } from "../../store/views.ts";
import { type AlertFormat, COMMAND } from "../options.ts";
import { toCost, toWhoFacts } from "./from-records.ts";
import { printAlerts } from "./print.ts";
import { type RuleWords, toRuleWords } from "./rule-words.ts";
import { type StateOptions, withViews } from "./state.ts";

export type ShowAlert = StateOptions & {
  readonly id: string;
  readonly raw?: true;
  readonly json?: true;
  readonly format: AlertFormat;
  readonly tz: string;
};

/** How many alerts are named when an id begins several. */
const CANDIDATES = 5;
/** Time before and after an alert in which others of the same principal belong to its story, ms. */
const AROUND_MS = 86_400_000;
/** Other alerts that the story names. */
const RELATED_MAX = 10;

/** Prints one alert. Errors: not_found; usage where an id is too short or more than one begins so. */
export async function showAlert(options: ShowAlert, terminal: Terminal): Promise<number> {
  return withViews(options, async (views) => {
    const found = views.alert(options.id);
    if (found === null) throw toUnfound(options.id, views);
    const { alert, paths, records } = found;
    const pointers = records.map(({ pointer }) => pointer);
    const kept = records.flatMap(({ record }) => (record === null ? [] : [record]));
    if (options.raw === true) {
      for (const record of kept) await printRecord(terminal, Buffer.concat([record, Buffer.from("\n")]));
      if (kept.length < alert.eventCount) remark(terminal, `${kept.length} of ${alert.eventCount} records are kept.`);
    } else if (options.json === true) {
      const story = safeJson(JSON.stringify(toPlain(await gather(found, { views, options, terminal }), found, views)));
      await print(terminal, `${encodeNative(alert, { pointers, paths, raw: kept }).slice(0, -1)},"story":${story}}\n`);
    } else if (options.format === "ndjson") {
      await print(terminal, `${encodeNative(alert, { pointers, paths, raw: kept })}\n`);
    } else if (options.format === "ocsf") {
      const pointersOf: Views["pointers"] = (ids) => views.pointers(ids);
      const isFirst = ({ revision }: Alert): boolean => revision === 1;
      await printAlerts([alert], { format: "ocsf", zone: options.tz, isFirst, pointersOf }, terminal);
    } else {
      const beside = await gather(found, { views, options, terminal });
      const colour = terminal.stdout.hasColors?.() === true;
      await print(terminal, renderStory(alert, beside, { width: widthOf(terminal.stdout), zone: options.tz, colour }));
    }
    return 0;
  });
}

type Gathering = { readonly views: Views; readonly options: ShowAlert; readonly terminal: Terminal };

/** All that is known beside the alert. */
async function gather(found: AlertWithRecords, { views, options, terminal }: Gathering): Promise<Beside> {
  const { alert, paths, records, ...others } = found;
  const events = toEvents(records.map(({ record }) => record));
  const kept = records.filter(({ record }) => record !== null).length;
  const related = toRelated(alert, views);
  const words = toWords(alert, options.config, terminal);
  return {
    who: toWhoFacts(events, alert),
    cost: toCost(events, alert),
    ...words,
    related: related.slice(0, RELATED_MAX),
    relatedMore: Math.max(0, related.length - RELATED_MAX),
    additions: toAdditions({ ...others, ...toFound(views, alert.id) }),
    paths,
    places: toPlaces(records.map(({ pointer }) => pointer)),
    ...(kept === 0
      ? {}
      : { raw: `${COMMAND} alerts show ${alert.id.slice(0, 8)} --raw (${kept} of ${alert.eventCount} kept)` }),
    denials: new Set(alert.evidence.map(({ errorCode }) => errorCode).filter(isDenied)),
    regions: new Map(events.map(({ eventId, region }) => [eventId, region])),
  };
}

/** What the rule's author wrote; nothing, and a remark, where the rule is not at hand. */
function toWords({ ruleId }: Alert, path: string | undefined, terminal: Terminal): Partial<RuleWords> {
  if (ruleId.startsWith("sagewatch.")) return {};
  try {
    const { config } = loadConfig({ path, adapters: ADAPTERS, secrets: "unread" });
    const { ruleSet } = openRules(config, null, () => undefined);
    const rule = [...ruleSet.detections, ...ruleSet.correlations].find(({ id }) => id === ruleId);
    if (rule !== undefined) return toRuleWords(rule);
    remark(terminal, "The rule is not configured any more: what it means and what to check is not known here.");
  } catch (error) {
    if (!(error instanceof SagewatchError)) throw error;
    const [first = ""] = toMessage(error).split("\n");
    remark(terminal, safeLine(`The rule's own words are not at hand (${first}).`));
  }
  return {};
}

/** Other alerts of the same principal within a day, in order of time; one more than is told for each that is not. */
function toRelated({ id, principal, firstEventTime, lastEventTime }: Alert, views: Views): readonly Related[] {
  const [firstMs, lastMs] = [toMs(firstEventTime), toMs(lastEventTime)];
  if (principal === "" || firstMs === null || lastMs === null) return [];
  return views
    .alerts({ principal, fromMs: firstMs - AROUND_MS, toMs: lastMs + AROUND_MS, limit: 1000 })
    .filter((other) => other.id !== id && other.principal === principal)
    .toReversed();
}

/** Views that keep what enrichers found; others have nothing of it. */
type Enriched = Views & { readonly additions?: (ids: readonly string[]) => ReadonlyMap<string, unknown> };

/** What enrichers found for an alert, as it is stored: their members and what went wrong. */
function toFound(views: Enriched, id: string): Readonly<Record<string, unknown>> {
  const found = views.additions?.([id]).get(id);
  if (!isPlainObject(found)) return {};
  const { revision: _ofRevision, errors, ...rest } = found;
  return Array.isArray(errors) && errors.length === 0 ? rest : { ...rest, missing: errors };
}

/** What others stored beside the alert, whatever it is: a fact a member, nested values as JSON. */
function toAdditions(others: Readonly<Record<string, unknown>>): Fact[] {
  return Object.entries(others).flatMap(([name, value]) =>
    isPlainObject(value)
      ? Object.entries(value).map(([inner, told]): Fact => [inner, toValues(told)])
      : value === null || value === undefined
        ? []
        : [[name, toValues(value)] as Fact],
  );
}

function toValues(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(toValues);
  if (isPlainObject(value))
    return Object.entries(value).map(([name, inner]) => `${name}: ${toValues(inner).join(", ")}`);
  return [typeof value === "string" ? value : (JSON.stringify(value) ?? "")];
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** "FILE, record 2, 4, 6": a line a file, in the order of its first record here. */
function toPlaces(pointers: readonly Pointer[]): readonly string[] {
  const files = Map.groupBy(pointers, ({ path }) => path);
  return [...files].map(([path, found]) => `${path}, record ${found.map(({ index }) => index).join(", ")}`);
}

/** The story as JSON has it. */
function toPlain(beside: Beside, found: AlertWithRecords, views: Views): Readonly<Record<string, unknown>> {
  const { who = [], cost = [], meaning = [], checkFirst = [], falsePositives = [], related = [] } = beside;
  const { alert, paths: _paths, records: _records, ...others } = found;
  return {
    who: Object.fromEntries(who),
    cost,
    meaning,
    techniques: [...alert.attack, ...alert.atlas].map((id) => ({ id, name: techniqueName(id) })),
    falsePositives,
    checkFirst,
    related,
    relatedMore: beside.relatedMore ?? 0,
    additions: { ...others, ...toFound(views, alert.id) },
    regions: Object.fromEntries(beside.regions ?? []),
  };
}

/** Why no one alert is meant: too little was given, nothing begins so, or several do, which are then named. */
function toUnfound(id: string, views: Views): SagewatchError {
  const given = JSON.stringify(safeLine(id));
  if (id.length < PREFIX_MIN)
    return new SagewatchError(
      "usage",
      `alerts show: ${given} is too short: give ${PREFIX_MIN} characters or more of the id`,
    );
  const alike = views.alerts({ idPrefix: id, limit: CANDIDATES + 1 });
  if (alike.length === 0)
    return new SagewatchError(
      "not_found",
      `no alert has an id that begins with ${given}; \`sagewatch alerts list\` shows the ids that there are`,
    );
  const names = alike.slice(0, CANDIDATES).map((alert) => `\n  ${alert.id}  ${safeLine(alert.title)}`);
  const more = alike.length > CANDIDATES ? "\n  and others" : "";
  return new SagewatchError(
    "usage",
    `alerts show: more than one alert has an id that begins with ${given}; give more of it:${names.join("")}${more}`,
  );
}
