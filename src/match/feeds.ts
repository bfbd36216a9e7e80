/**
 * Which matches a detection makes: one of its own when it alerts, and one for each step of each correlation it feeds.
 *
 * Worked out once from the rule set, with aliases resolved to the fields of this detection. Correlations that read other
 * correlations are fed by the detector, not from here. Pure.
 */
import type { Correlation, DetectionRule, RuleSet } from "../sigma/ast.ts";

/** One use of a detection. `correlation` null: the detection's own alert. */
export type Feed = {
  readonly ruleId: string;
  readonly ruleSem: string;
  /** Index in the correlation's `rules`, −1 for the detection's own alert. */
  readonly step: number;
  readonly correlation: Correlation | null;
  /** Equal lists of correlations are one, so that an event's groups are worked out once for all that group alike. */
  readonly groupBy: readonly string[];
  readonly fields: readonly string[];
  /** What stands for a missing field of `groupBy`; null: an event without it is in no group. */
  readonly missing: string | null;
  /** The own alert of a detection without suppression is one, whatever it groups by. */
  readonly single: boolean;
};

/** The feeds of each detection, by its place in the rule set: its own alert first, then correlations in their order. */
export function createFeeds(ruleSet: RuleSet): readonly (readonly Feed[])[] {
  const byRule = new Map<string, Feed[]>();
  const shareList = createShare();
  for (const correlation of ruleSet.correlations) {
    for (const [step, ruleId] of correlation.rules.entries()) {
      const feeds = byRule.get(ruleId) ?? [];
      byRule.set(ruleId, feeds);
      const resolve = (field: string): string => resolveAlias(correlation, field, ruleId);
      feeds.push({
        ruleId: correlation.id,
        ruleSem: correlation.ruleSem,
        step,
        correlation,
        groupBy: shareList(correlation.groupBy.map(resolve)),
        fields: correlation.fields.map(resolve),
        missing: toMissing(correlation),
        single: false,
      });
    }
  }
  return ruleSet.detections.map((rule) => [...(rule.alerts ? [toOwnFeed(rule)] : []), ...(byRule.get(rule.id) ?? [])]);
}

/** What stands in a group of the correlation where an event lacks a field. */
export function toMissing({ engine }: Pick<Correlation, "engine">): string | null {
  return engine.missing === "group" ? "" : null;
}

/** Gives each list, or an equal one from before. */
function createShare(): (list: readonly string[]) => readonly string[] {
  const known = new Map<string, readonly string[]>();
  return (list) => {
    const name = JSON.stringify(list);
    const shared = known.get(name) ?? list;
    known.set(name, shared);
    return shared;
  };
}

function toOwnFeed(rule: DetectionRule): Feed {
  const { id: ruleId, ruleSem, engine } = rule;
  return {
    ruleId,
    ruleSem,
    step: -1,
    correlation: null,
    groupBy: engine.groupBy,
    fields: [],
    missing: "",
    single: engine.suppressMs === null,
  };
}

/** The field that an alias stands for in the events of `ruleId`; any other name is a field itself. */
function resolveAlias(correlation: Correlation, field: string, ruleId: string): string {
  const fields = Object.hasOwn(correlation.aliases, field) ? correlation.aliases[field] : undefined;
  return fields !== undefined && Object.hasOwn(fields, ruleId) ? (fields[ruleId] ?? field) : field;
}
