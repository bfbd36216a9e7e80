/**
 * `sagewatch replay --near-misses`: what nearly fired, and why it did not.
 *
 * Reads the records one after another, as `rules explain` does, and keeps for each detection the nearest records and for
 * each correlation the nearest groups. Beside those nothing is kept, so a year of records needs no more memory than a day.
 * No alert is made and no state is touched.
 */
import { openLists } from "../../compose/own/needs.ts";
import { compileLoaded, openRules } from "../../compose/rules.ts";
import type { Config } from "../../config/schema.ts";
import { nextTurn } from "../../lib/clock.ts";
import { toMissing } from "../../match/feeds.ts";
import { toGroups, toMeasure } from "../../match/groups.ts";
import { SagewatchError } from "../../model/errors.ts";
import type { Event } from "../../model/event.ts";
import { createNearness } from "../../rules/nearness.ts";
import type { Correlation, DetectionRule, RuleSet } from "../../sigma/ast.ts";
import { readEvents } from "../rules/events.ts";
import { fieldsOfStep } from "../rules/feeding.ts";
import { createNearGroups, type NearGroups } from "./groups.ts";
import { createNearRecords, type NearRecords } from "./records.ts";

/** What to search, and whom to tell. */
export type NearMissSearch = {
  readonly config: Config;
  readonly paths: readonly string[];
  readonly rulePaths: readonly string[];
  /** Records and groups a rule. */
  readonly most: number;
  readonly signal: AbortSignal;
  readonly onRejected: (detail: string) => void;
  readonly onProgress: (records: number) => void;
};

/** What nearly fired, by rule. */
export type NearMisses = {
  readonly records: number;
  readonly detections: readonly { readonly rule: DetectionRule; readonly found: ReturnType<NearRecords["result"]> }[];
  readonly correlations: readonly { readonly rule: Correlation; readonly found: ReturnType<NearGroups["result"]> }[];
  /** Correlations that count alerts of others: their groups are not followed. */
  readonly chained: readonly Correlation[];
};

/** Records between two looks at whether to stop, and at the progress. */
const RECORDS_A_TURN = 1000;

/** Searches. Errors: rules_rejected, not_found; input_unreadable comes as the file system throws it. */
export async function searchNearMisses(search: NearMissSearch): Promise<NearMisses> {
  const { config, paths, rulePaths, most, signal, onRejected, onProgress } = search;
  const { ruleSet } = openRules(config, rulePaths, () => undefined);
  const lists = openLists(config);
  const nearness = createNearness(ruleSet.detections, (detections) => {
    const parts = { detections, correlations: [] };
    const { compiled } = compileLoaded(config, lists, { ruleSet: parts, readable: parts });
    if (compiled === null) throw new SagewatchError("internal", "a rule that was compiled in whole was not in parts");
    return compiled;
  });
  const ids = new Set(ruleSet.detections.map(({ id }) => id));
  const counted = ruleSet.correlations.filter(({ rules }) => rules.every((id) => ids.has(id)));
  const records = new Map(ruleSet.detections.map((rule) => [rule, createNearRecords(most)]));
  const groups = new Map(counted.map((rule) => [rule, createNearGroups(rule)]));
  const feeds = toFeeds(counted, groups);
  let read = 0;
  for await (const { event, pointer } of readEvents({ paths, limits: config.limits, signal, onRejected })) {
    read += 1;
    for (const near of nearness.look(event)) {
      records.get(near.rule)?.take(event, pointer, near);
      if (near.matched) for (const feed of feeds.get(near.rule.id) ?? []) feed(event, nearness.read);
    }
    if (read % RECORDS_A_TURN !== 0) continue;
    onProgress(read);
    await nextTurn();
    if (signal.aborted) break;
  }
  return {
    records: read,
    detections: inOrder(ruleSet, records).map(([rule, of]) => ({ rule, found: of.result() })),
    correlations: [...groups].map(([rule, of]) => ({ rule, found: of.result(most) })),
    chained: ruleSet.correlations.filter((rule) => !groups.has(rule)),
  };
}

type Feed = (event: Event, read: (field: string) => ReturnType<Parameters<typeof toGroups>[1]>) => void;

/** By rule id: what an event that met it does for the correlations that count it. */
function toFeeds(counted: readonly Correlation[], groups: ReadonlyMap<Correlation, NearGroups>): Map<string, Feed[]> {
  const feeds = new Map<string, Feed[]>();
  for (const correlation of counted) {
    for (const [step, ruleId] of correlation.rules.entries()) {
      const { groupBy, measured } = fieldsOfStep({ correlation, step: step + 1, ruleId });
      const feed: Feed = ({ timeMs, kind, key, version }, read) => {
        const keys = toGroups(groupBy, read, toMissing(correlation));
        const measure = toMeasure(correlation, measured, read);
        if (keys === null || measure === null) return;
        const member = { timeMs, key: `${kind} ${key} ${version}`, step, ...measure };
        for (const group of keys) groups.get(correlation)?.take(group, member);
      };
      feeds.set(ruleId, [...(feeds.get(ruleId) ?? []), feed]);
    }
  }
  return feeds;
}

/** Rules that alert first, in the order of their files. */
function inOrder<T>(
  { detections }: RuleSet,
  of: ReadonlyMap<DetectionRule, T>,
): readonly (readonly [DetectionRule, T])[] {
  const ordered = detections.toSorted((a, b) => Number(b.alerts) - Number(a.alerts));
  return ordered.flatMap((rule) => {
    const found = of.get(rule);
    return found === undefined ? [] : [[rule, found] as const];
  });
}
