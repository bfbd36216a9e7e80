/**
 * What one event does for a correlation: which step it feeds, in which groups and with which value, or why it does not
 * count although its rule matched.
 *
 * Groups and values are made by the same functions as in the matcher, from the values that the engine read. Windows are
 * not looked at: one event says nothing of those around it.
 */
import { toSpanText } from "../../detect/why.ts";
import { safeLine } from "../../lib/safe-text.ts";
import { toGroups, toMeasure } from "../../match/groups.ts";
import { fromGroupKey } from "../../model/alert.ts";
import type { Json } from "../../model/event.ts";
import type { Found } from "../../rules/explanation.ts";
import type { Correlation } from "../../sigma/ast.ts";

/** A place in a correlation: that of a rule, and further out that of the correlation in another. `step` from 1. */
export type Step = { readonly correlation: Correlation; readonly step: number; readonly ruleId: string };

/** What the event does for the innermost correlation. `groups` is empty and `missing` says why when it does not count. */
export type Feeding = {
  readonly groups: readonly (readonly { readonly field: string; readonly value: string }[])[];
  readonly value: string | null;
  readonly number: number | null;
  /** Fields that the correlation needs and the event lacks. */
  readonly missing: readonly string[];
  readonly counts: boolean;
};

/** Fields of this rule's events that a correlation reads, aliases resolved. */
export function fieldsOfStep({ correlation, ruleId }: Step): {
  groupBy: readonly string[];
  measured: readonly string[];
} {
  const resolve = (field: string): string => resolveAlias(correlation, field, ruleId);
  return { groupBy: correlation.groupBy.map(resolve), measured: correlation.fields.map(resolve) };
}

function resolveAlias({ aliases }: Correlation, field: string, ruleId: string): string {
  const fields = Object.hasOwn(aliases, field) ? aliases[field] : undefined;
  return fields !== undefined && Object.hasOwn(fields, ruleId) ? (fields[ruleId] ?? field) : field;
}

/** What an event that matched or not does for a step; `found` has the values of the step's fields. */
export function toFeeding(step: Step, matched: boolean, found: readonly Found[]): Feeding {
  const { groupBy, measured } = fieldsOfStep(step);
  const read = (field: string): readonly Json[] => found.find((one) => one.field === field)?.values ?? [];
  const groups = toGroups(groupBy, read, null);
  const measure = toMeasure(step.correlation, measured, read);
  const missing = [
    ...groupBy.filter((field) => toGroups([field], read, null) === null),
    ...(measure === null ? measured.filter((field) => toMeasure(step.correlation, [field], read) === null) : []),
  ];
  const counts = matched && groups !== null && measure !== null;
  return {
    groups: (groups ?? []).map((key) =>
      fromGroupKey(key).map((value, index) => ({ field: groupBy[index] ?? "", value })),
    ),
    value: measure?.value ?? null,
    number: measure?.number ?? null,
    missing: [...new Set(missing)],
    counts,
  };
}

/** ", step 1 of 2 of the correlation "Both" (temporal within 5 min)", from the inside out. */
export function describeSteps(steps: readonly Step[]): string {
  return steps
    .map(({ correlation, step }, depth) => {
      const kind = `${correlation.kind} within ${toSpanText(correlation.timespanMs)}`;
      const lead = depth === 0 ? "" : "which is ";
      return `, ${lead}step ${step} of ${correlation.rules.length} of the correlation "${safeLine(correlation.title)}" (${kind})`;
    })
    .join("");
}

/** The lines that tell a feeding. */
export function renderFeeding({ counts, groups, missing, value, number }: Feeding, matched: boolean): string[] {
  if (!matched) return ["feeds nothing: the rule did not match"];
  if (!counts) {
    const fields = missing.map(safeLine).join(", ");
    return [`feeds nothing: the event has no value for ${fields === "" ? "what is measured" : fields}`];
  }
  const told = groups.map((parts) =>
    parts.length === 0
      ? "feeds the one group of everything"
      : `feeds the group ${parts.map((part) => `${safeLine(part.field)} = ${safeLine(JSON.stringify(part.value))}`).join(", ")}`,
  );
  if (value === null) return told;
  return [...told, `with the value ${number === null ? safeLine(JSON.stringify(value)) : String(number)}`];
}
