/**
 * Builders for tests of the evaluation: events around a record, rules around an expression, patterns from plain text.
 */
import type { Event, Json, JsonObject } from "../../src/model/event.ts";
import type { Correlation, DetectionRule, Expression, Pattern, RuleHead, RuleSet, Test } from "../../src/sigma/ast.ts";
import type { ListTable } from "../../src/sigma/compile.ts";

/** No lists. */
export const NO_LISTS: ListTable = new Map();

/** An event of CloudTrail with this record. */
export function eventOf(record: JsonObject, change: Partial<Event> = {}): Event {
  return {
    provider: "aws",
    kind: "cloudtrail",
    logsource: "aws/cloudtrail",
    key: "key-1",
    eventId: "event-1",
    version: 0,
    timeMs: Date.UTC(2026, 0, 5, 12),
    accountId: "111122223333",
    region: "eu-west-1",
    principal: { id: "arn:aws:iam::111122223333:role/trainer", name: "trainer", kind: "workload", session: "s-1" },
    evidence: { action: "", ip: "", agent: "", error: "", target: "" },
    flags: [],
    record,
    ...change,
  };
}

/** JSON text to a value, with own keys such as __proto__. */
export function json(text: string): JsonObject {
  return JSON.parse(text) as JsonObject;
}

/** A pattern: `*` and `?` are wildcards, `%name%` a placeholder. */
export function pattern(text: string): Pattern {
  return text
    .split(/([*?]|%\w+%)/)
    .filter((part) => part !== "")
    .map((part) => (part === "*" ? 0 : part === "?" ? 1 : /^%\w+%$/.test(part) ? { list: part.slice(1, -1) } : part));
}

/** A text leaf without case. */
export function text(field: string | null, value: string, cased = false): Expression {
  return { op: "leaf", field, test: { type: "text", pattern: pattern(value), cased } };
}

/** Any leaf. */
export function leaf(field: string | null, test: Test): Expression {
  return { op: "leaf", field, test };
}

/** The head of a rule. Its ids are its title. */
function headOf(title: string): RuleHead {
  return {
    place: { file: `${title}.yml`, line: 1, column: 1 },
    id: title,
    name: title,
    title,
    level: "high",
    status: "stable",
    description: "",
    tags: [],
    falsePositives: [],
    references: [],
    engine: { suppressMs: null, groupBy: [], bucketMs: null },
  };
}

/** A detection. */
export function ruleOf(title: string, expression: Expression, change: Partial<DetectionRule> = {}): DetectionRule {
  return {
    ...headOf(title),
    type: "detection",
    logsource: { category: null, product: "aws", service: "cloudtrail" },
    expression,
    stateKey: `state-${title}`,
    ruleSem: `sem-${title}`,
    alerts: true,
    ...change,
  };
}

/** A correlation: event_count of `rules` in an hour. */
export function correlationOf(title: string, rules: readonly string[], change: Partial<Correlation> = {}): Correlation {
  return {
    ...headOf(title),
    type: "correlation",
    kind: "event_count",
    rules,
    groupBy: [],
    aliases: {},
    timespanMs: 3_600_000,
    bucketMs: 3_600_000,
    bounds: [{ operator: "gte", value: 2 }],
    fields: [],
    percentile: null,
    generate: false,
    judged: "eager",
    stateKey: `state-${title}`,
    ruleSem: `sem-${title}`,
    alerts: true,
    ...change,
  };
}

/** A rule set. */
export function setOf(detections: readonly DetectionRule[], correlations: readonly Correlation[] = []): RuleSet {
  return { detections, correlations };
}

/** Bytes of a record. */
export function bytesOf(record: Json): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(record));
}
