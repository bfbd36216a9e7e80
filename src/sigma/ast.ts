/**
 * The forms that a Sigma rule takes between its file and its evaluation: expression tree, detection rule, correlation,
 * rule set.
 *
 * The parser (yaml, rule, condition, modifiers, values, correlation, filter) makes these; compile, index and canonical
 * read them; detect reads the correlations. Types only. Positions are kept so that every later finding can name its place.
 */
import type { Severity } from "../model/alert.ts";
import type { Json } from "../model/event.ts";

/** Line and column, both from 1. */
export type Place = { readonly file: string; readonly line: number; readonly column: number };

/** A finding about a rule file. `error` stops the load, `warning` does not. Codes: src/sigma/problems.ts. */
export type Problem = Place & {
  readonly severity: "error" | "warning";
  readonly code: string;
  /** What is wrong, in one sentence. */
  readonly message: string;
  /** The offending value as it stands in the file. */
  readonly value: string;
  /** What to do. */
  readonly remedy: string;
};

/** Text with wildcards: 0 is `*`, 1 is `?`, 2 an option dash in any of its spellings (`windash`), `{ list }` a placeholder of `expand`, a string is literal. Escapes are resolved. */
export type Pattern = readonly (string | 0 | 1 | 2 | { readonly list: string })[];

/** What modifiers do to a text. */
export type TextStep =
  | "utf16le"
  | "utf16be"
  | "utf16"
  | "wide"
  | "base64"
  | "base64offset"
  | "windash"
  | "contains"
  | "startswith"
  | "endswith";

/** Part of a timestamp (UTC; week is the ISO week). */
export type TimePart = "minute" | "hour" | "day" | "week" | "month" | "year";
export type Comparison = "gt" | "gte" | "lt" | "lte";

/** What one value of a field is held against. Texts compare without case unless `cased`. */
export type Test =
  | { readonly type: "text"; readonly pattern: Pattern; readonly cased: boolean }
  | { readonly type: "number"; readonly value: number; /** as written, for values beyond 2^53 */ readonly text: string }
  | { readonly type: "boolean"; readonly value: boolean }
  | { readonly type: "null" }
  | { readonly type: "exists"; readonly value: boolean }
  | {
      readonly type: "regex";
      readonly source: string;
      readonly ignoreCase: boolean;
      readonly multiline: boolean;
      readonly dotAll: boolean;
    }
  | {
      /** A text with placeholders of `expand` that is encoded when its lists are known: `steps` in their order, on the text as written. */
      readonly type: "encoded";
      readonly pattern: Pattern;
      readonly steps: readonly TextStep[];
      readonly cased: boolean;
    }
  | {
      /** A regular expression with placeholders of `expand`; literal parts are as written. */
      readonly type: "regex_expand";
      readonly parts: readonly (string | { readonly list: string })[];
      readonly ignoreCase: boolean;
      readonly multiline: boolean;
      readonly dotAll: boolean;
    }
  | { readonly type: "cidr"; readonly network: string }
  | { readonly type: "compare"; readonly operator: Comparison; readonly value: number; readonly part: TimePart | null }
  | { readonly type: "timepart"; readonly part: TimePart; readonly value: number }
  | {
      readonly type: "fieldref";
      readonly field: string;
      readonly mode: "equals" | "contains" | "startswith" | "endswith";
      readonly cased: boolean;
    };

/** Which members of an array must meet what stands below: a quantifier, or one by its place (negative: from the end). */
export type Selector = "any" | "all" | "all_or_empty" | "none" | number;

/**
 * The tree of a detection after conditions, modifiers and filters are resolved. `field` null: a keyword, sought in the
 * whole event; its pattern has `*` on both sides already, unless startswith or endswith fixes an end.
 */
export type Expression =
  | { readonly op: "and" | "or"; readonly of: readonly Expression[] }
  | { readonly op: "not"; readonly of: Expression }
  /** Below it fields are those of a member of the array at `field`, and "." is the member itself. */
  | { readonly op: "member"; readonly field: string; readonly which: Selector; readonly of: Expression }
  | { readonly op: "leaf"; readonly field: string | null; readonly test: Test };

/** Sigma logsource; a missing part is a wildcard. */
export type RuleLogsource = {
  readonly category: string | null;
  readonly product: string | null;
  readonly service: string | null;
  /** Other fields that the rule states; absent when there are none. */
  readonly custom?: Readonly<Record<string, string>>;
};

/**
 * Where something that a rule names stands in its file: the value of a leaf, its field, or a field that is read outside
 * the detections. Null when it is not written there.
 */
export type PlaceOf = (named: Expression | string, part: "value" | "field") => Place | null;

/** What detections and correlations have in common. */
export type RuleHead = {
  readonly place: Place;
  /** C4 rule id: `id`, else `name`, else "title:" + title. */
  readonly id: string;
  readonly name: string | null;
  readonly title: string;
  readonly level: Severity;
  readonly status: string | null;
  readonly description: string;
  readonly tags: readonly string[];
  readonly falsePositives: readonly string[];
  readonly references: readonly string[];
  /** The root key `x_engine`, as it stands. */
  readonly engine: EngineOptions;
  /** Every other root key, verbatim: author, date, related and whatever the rule's author added. */
  readonly more?: Readonly<Record<string, Json>>;
  /** Of rules that were read from files. */
  readonly placeOf?: PlaceOf;
};

/** Refinements in the root key `x_engine` that leave the standard meaning valid. Durations in ms; null where not given. */
export type EngineOptions = {
  readonly suppressMs: number | null;
  readonly groupBy: readonly string[];
  readonly bucketMs: number | null;
  /** A correlation asks to be judged at the end of its buckets, though it could be at once. */
  readonly final?: true;
  /** Events that lack a field of a correlation's group-by form groups with an empty text in its place. */
  readonly missing?: "group";
  /** Numbers of the rule that have a name; absent without any. */
  readonly thresholds?: readonly Threshold[];
};

/** A number that has a name (`x_engine.threshold`): as the rule's file has it, and as it is in use. */
export type Threshold = { readonly name: string; readonly written: number; readonly value: number };

export type DetectionRule = RuleHead & {
  readonly type: "detection";
  readonly logsource: RuleLogsource;
  /** Several conditions of a list are joined by `or`. */
  readonly expression: Expression;
  /** The conditions of a list, apart and before filters, for telling which one held; absent for a single one. */
  readonly conditions?: readonly { readonly text: string; readonly expression: Expression }[];
  /** Canonical form v1 hashed (canonical.ts). */
  readonly stateKey: string;
  readonly ruleSem: string;
  /** False when only correlations use it: referenced by one and `generate` is not set there. */
  readonly alerts: boolean;
};

export type CorrelationType =
  | "event_count"
  | "value_count"
  | "temporal"
  | "temporal_ordered"
  | "value_sum"
  | "value_avg"
  | "value_percentile"
  | "value_median";

/** One bound of a correlation's condition; all bounds must hold. */
export type Bound = { readonly operator: Comparison | "eq" | "neq"; readonly value: number };

/** A text condition of a temporal correlation: which steps a window must have met, and which not. */
export type StepCondition =
  | { readonly op: "and" | "or"; readonly of: readonly StepCondition[] }
  | { readonly op: "not"; readonly of: StepCondition }
  | { readonly op: "step"; readonly step: number };

export type Correlation = RuleHead & {
  readonly type: "correlation";
  readonly kind: CorrelationType;
  /** Rule ids (C4) of the referenced rules, in the order written. */
  readonly rules: readonly string[];
  readonly groupBy: readonly string[];
  /** alias → (rule id → field). */
  readonly aliases: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly timespanMs: number;
  /** Bucket length B: max(timespan, 5 min) unless `x_engine.bucket`; for final ones the timespan. */
  readonly bucketMs: number;
  readonly bounds: readonly Bound[];
  /** In place of bounds; absent without one. */
  readonly condition?: StepCondition;
  /** Fields of value_*; a tuple for value_count. */
  readonly fields: readonly string[];
  readonly percentile: number | null;
  readonly generate: boolean;
  /** `eager`: monotone, fires at once. `final`: judged when the watermark passes the bucket's end (reliability.md section 5). */
  readonly judged: "eager" | "final";
  readonly stateKey: string;
  readonly ruleSem: string;
  readonly alerts: boolean;
};

/** A set of rules that loaded without error. Correlations stand after everything they refer to. */
export type RuleSet = { readonly detections: readonly DetectionRule[]; readonly correlations: readonly Correlation[] };
