/**
 * IAM policies as sets of grants, so that two that allow the same are equal however their statements are cut.
 */
import type { Policy } from "../../src/aws/policy.ts";

/** A policy document as a template has it: one text may stand in the place of a list. */
export type PolicyDocument = {
  readonly Version: string;
  readonly Statement: readonly Readonly<Record<string, unknown>>[];
};

/** Each effect, action, resource and condition of a policy as a text, sorted, each once. */
export function grantsOf(policy: PolicyDocument | Policy): readonly string[] {
  const grants = policy.Statement.flatMap((statement) => {
    const { Effect, Action, Resource, Condition = {}, ...rest } = statement as Readonly<Record<string, unknown>>;
    if (Object.keys(rest).length > 0) throw new Error(`a statement has ${Object.keys(rest).join(", ")}`);
    const condition = JSON.stringify(listed(Condition));
    return toList(Action).flatMap((action) =>
      toList(Resource).map((resource) => `${String(Effect)} ${action} on ${resource} if ${condition}`),
    );
  });
  return [...new Set(grants)].toSorted();
}

/** A condition with each value as a sorted list, operators and keys in order. */
export function listed(condition: unknown): unknown {
  const operators = Object.entries(condition as Readonly<Record<string, Readonly<Record<string, unknown>>>>);
  return operators
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([operator, keys]) => [
      operator,
      Object.entries(keys)
        .toSorted(([one], [other]) => (one < other ? -1 : 1))
        .map(([key, values]) => [key, toList(values).toSorted()]),
    ]);
}

function toList(value: unknown): readonly string[] {
  return (Array.isArray(value) ? (value as readonly unknown[]) : [value]).map(String);
}
