/**
 * What must come out of an input: the alerts of all its records, worked out slowly, without any part of the pipeline.
 *
 * Rules are met by test/match/slow-evaluate.ts, windows and ids by test/detect/slow-detect.ts. Two things are the
 * product's own, each held by other tests: the decoder (record to event) and the parser (rule text to rule set, with the
 * hashes of a rule's meaning). No index, no batches, no watermark, no store.
 */
import { createHash } from "node:crypto";
import type { Match } from "../../src/contracts.ts";
import { decoders } from "../../src/decode/registry.ts";
import type { Event, Kind } from "../../src/model/event.ts";
import { loadRules } from "../../src/rules/load.ts";
import type { Correlation, DetectionRule, RuleSet } from "../../src/sigma/ast.ts";
import type { ListTable } from "../../src/sigma/compile.ts";
import { slowDetect, slowSingles, type Verdict } from "../detect/slow-detect.ts";
import { slowMatches, slowValues } from "../match/slow-evaluate.ts";

/** The alerts that must come, by id. */
export type Expected = ReadonlyMap<string, Verdict>;

/** Reads rules for the judge. */
export function readRuleSet(paths: readonly string[]): RuleSet {
  const { ruleSet, problems } = loadRules(paths, { mode: "lenient" });
  if (ruleSet === null) throw new Error(`the rules of the test have errors: ${JSON.stringify(problems)}`);
  return ruleSet;
}

/** The alerts of records (bytes of CloudTrail records and of findings, in any order, copies among them). */
export function judge(
  ruleSet: RuleSet,
  records: readonly Uint8Array[],
  findings: readonly Uint8Array[] = [],
): Expected {
  const lists = new Map();
  const matches = [
    ...toMatches({ ruleSet, lists }, records, "cloudtrail"),
    ...toMatches({ ruleSet, lists }, findings, "guardduty"),
  ];
  return new Map([...slowDetect(windowsOf(ruleSet), matches), ...judgeSingles(ruleSet, matches)]);
}

/** The rules that alert on windows: correlations, and rules of single events that suppress. */
export function windowsOf({ correlations, detections }: RuleSet): Correlation[] {
  const suppressing = detections.filter(({ engine }) => engine.suppressMs !== null).map(asCorrelation);
  // Those that do not alert themselves may be counted by others.
  return [...correlations, ...suppressing];
}

/** The alerts of single events among the matches. */
export function judgeSingles({ detections }: RuleSet, matches: readonly Match[]): Expected {
  const suppressing = new Set(detections.filter(({ engine }) => engine.suppressMs !== null).map(({ id }) => id));
  const singles = Map.groupBy(
    matches.filter(({ ruleId, step }) => step === -1 && !suppressing.has(ruleId)),
    ({ ruleId }) => ruleId,
  );
  return new Map([...singles].flatMap(toVerdicts));
}

/** Every use that the rules have for the records; none for what is no event. */
export function toMatches(
  { ruleSet, lists }: { readonly ruleSet: RuleSet; readonly lists: ListTable },
  records: readonly Uint8Array[],
  kind: Kind,
): Match[] {
  return distinct(records).flatMap((bytes) => {
    const event = decoders[kind].decode(bytes, { nowMs: null, duplicateKeys: false });
    if ("reason" in event) return [];
    const met = slowMatches(ruleSet, event, lists);
    return met.flatMap((rule) => usesOf(ruleSet, rule, event)).map((use) => toMatch(use, event, bytes));
  });
}

function distinct(records: readonly Uint8Array[]): Uint8Array[] {
  return [...new Map(records.map((bytes) => [sha(bytes), bytes])).values()];
}

type Use = Pick<Match, "ruleId" | "ruleSem" | "step" | "group" | "value">;

/** The detection's own alert, and each step of a correlation that it is. */
function usesOf(ruleSet: RuleSet, rule: DetectionRule, event: Event): Use[] {
  const { id, ruleSem, engine } = rule;
  const own: Use[] = rule.alerts
    ? [{ ruleId: id, ruleSem, step: -1, group: groupOf(engine.groupBy, event), value: null }]
    : [];
  const steps = ruleSet.correlations.flatMap((correlation) => {
    const { id: ruleId, ruleSem, groupBy, fields } = correlation;
    const places = correlation.rules.flatMap((name, step) => (name === id ? [step] : []));
    const value = fields.length === 0 ? null : textOf(event, fields[0]!);
    return places.map((step) => ({ ruleId, ruleSem, step, group: groupOf(groupBy, event), value }));
  });
  return [...own, ...steps];
}

/** The rules of these tests group by, and count, fields of one text that no event lacks. */
function textOf(event: Event, field: string): string {
  return (slowValues(event, field) as string[] | null)?.[0] ?? "";
}

function groupOf(fields: readonly string[], event: Event): string {
  const values = fields.map((field) => textOf(event, field));
  return JSON.stringify(values).replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function toMatch(use: Use, event: Event, bytes: Uint8Array): Match {
  const { kind, logsource, key, eventId, version, timeMs, accountId, region, evidence } = event;
  const identity = { kind, logsource, key, eventId, version, timeMs, accountId, region, evidence };
  const nothing = { number: null, record: null, pointer: { source: "", path: "", index: 0 } };
  return { ...use, ...identity, ...nothing, principal: event.principal.id, recordHash: sha(bytes) };
}

/** A detection that suppresses: every event counts, one alert a group and period. */
function asCorrelation(rule: DetectionRule): Correlation {
  return {
    ...rule,
    type: "correlation",
    kind: "event_count",
    rules: [rule.id],
    groupBy: rule.engine.groupBy,
    aliases: {},
    timespanMs: 0,
    bucketMs: rule.engine.suppressMs ?? 0,
    bounds: [{ operator: "gte", value: 1 }],
    fields: [],
    percentile: null,
    generate: true,
    judged: "eager",
  };
}

/** The alerts of one rule of single events. */
function toVerdicts([ruleId, matches]: readonly [string, readonly Match[]]): (readonly [string, Verdict])[] {
  return [...slowSingles(matches)].map(([id, { eventId, time }]) => {
    const times = { firstEventTime: time, lastEventTime: time };
    return [id, { id, ruleId, eventCount: 1, eventIds: [eventId], ...times, evidence: [eventId] }];
  });
}

function sha(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
