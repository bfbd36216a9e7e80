/**
 * How near a group is to its rule's condition: what decides which groups go first when memory is full.
 *
 * Progress never says less than the truth: a group whose progress is not full cannot hold in any window.
 */
import type { Correlation } from "../../sigma/ast.ts";
import type { Group } from "../group.ts";

/** The condition may hold, or did. */
export const PROGRESS_FULL = 255;
/** Members looked at for what is distinct among them: a larger group counts as far on as its members say. */
const LOOKED_AT_MAX = 1000;

/** A plain sum may fall short of the exact one by its rounding. */
const SLACK = 1 + 1e-9;
/** Types whose value is never above the number of members. */
const COUNTING: ReadonlySet<Correlation["kind"]> = new Set([
  "event_count",
  "value_count",
  "temporal",
  "temporal_ordered",
]);

/** The least count with which a rule's condition can hold; 1 where that cannot be said from the count alone. */
export function toNeed(rule: Correlation): number {
  const { kind, bounds, rules } = rule;
  if (rule.judged !== "eager" || rule.timespanMs === 0 || rule.condition !== undefined) return 1;
  if (kind === "temporal_ordered" && bounds.length === 0) return rules.length;
  if (kind === "temporal" && bounds.length === 0) return new Set(rules).size;
  if (kind === "value_sum") return Math.max(0, ...bounds.map(({ value }) => value));
  if (!COUNTING.has(kind)) return 1;
  return bounds.reduce((need, { operator, value }) => {
    if (operator === "gte") return Math.max(need, Math.ceil(value));
    return operator === "gt" ? Math.max(need, Math.floor(value) + 1) : need;
  }, 1);
}

/** Progress of a group towards `need`, 0 to PROGRESS_FULL. */
export function toProgress(group: Group, rule: Correlation, need: number): number {
  if (group.covered.size > 0) return PROGRESS_FULL;
  const count = toCount(group, rule, need);
  return count >= need ? PROGRESS_FULL : Math.floor(((PROGRESS_FULL - 1) * count) / need);
}

/** The most that the progress of a group with so many members can be. */
export function toProgressMost(members: number, rule: Correlation, need: number): number {
  if (members >= need || !COUNTING.has(rule.kind)) return PROGRESS_FULL;
  return Math.floor(((PROGRESS_FULL - 1) * members) / need);
}

function toCount({ members, negatives }: Group, { kind }: Correlation, need: number): number {
  if (kind === "value_sum" && negatives === null)
    return SLACK * members.reduce((sum, { number }) => sum + (number ?? 0), 0);
  if (kind === "value_sum") return need;
  if (members.length < need || members.length > LOOKED_AT_MAX) return members.length;
  if (kind === "value_count") return new Set(members.map(({ value }) => value)).size;
  return kind === "temporal" || kind === "temporal_ordered"
    ? new Set(members.map(({ step }) => step)).size
    : members.length;
}
