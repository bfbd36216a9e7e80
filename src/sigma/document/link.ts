/**
 * A correlation whose references are known, to its final form: how it is judged, its bucket, its keys, and whether the
 * engine runs it.
 *
 * Types that the engine does not run parse in full and are refused here by name, never run in part.
 */
import type { Bound, Correlation, CorrelationType, RuleHead } from "../ast.ts";
import { toCorrelationKeys } from "../canonical.ts";
import type { CorrelationBody, CorrelationDraft } from "./correlation.ts";

/** What the engine runs: the operators of each type ([] = without a condition), and correlations of correlations. */
export type Supported = {
  readonly types: Readonly<Partial<Record<CorrelationType, readonly Bound["operator"][]>>>;
  readonly chaining: boolean;
};

const ALL: readonly Bound["operator"][] = ["gt", "gte", "lt", "lte", "eq", "neq"];
/** What this engine runs. Everything else parses and is refused as `correlation_unsupported`, never run in part. */
export const SUPPORTED: Supported = {
  types: {
    event_count: ALL,
    value_count: ALL,
    temporal: ALL,
    temporal_ordered: ALL,
    value_sum: ALL,
    value_avg: ALL,
    value_percentile: ALL,
    value_median: ALL,
  },
  chaining: false,
};

/** Shortest bucket by default: shorter ones would cut one burst into many alerts (reliability: bucket B). */
const BUCKET_MIN_MS = 300_000;

/** A correlation whose references are known. */
export type Linked = {
  readonly draft: CorrelationDraft;
  readonly head: RuleHead;
  readonly body: CorrelationBody;
  readonly rules: readonly string[];
  readonly aliases: Correlation["aliases"];
};

/** What is known of the rules that a correlation refers to, by id. */
export type Known = {
  /** The correlations before it. */
  readonly made: ReadonlyMap<string, Correlation>;
  readonly stateKeys: ReadonlyMap<string, string>;
  /** Detections whose events come in versions, a later one in place of an earlier. */
  readonly versioned: ReadonlySet<string>;
};

/** The correlation, or null when it has errors, which are reported. */
export function toCorrelation(item: Linked, { made, stateKeys, versioned }: Known): Correlation | null {
  const { draft, head, body, rules, aliases } = item;
  const before = draft.findings.errors();
  const children = rules.flatMap((id) => made.get(id) ?? []);
  for (const child of children) checkGroup(item, child);
  const isRevised = children.length > 0 || rules.some((id) => versioned.has(id));
  const judged = head.engine.final === true || !isMonotone(body, isRevised) ? "final" : "eager";
  const { bucketMs: asked } = head.engine;
  if (judged === "final" && asked !== null && asked !== body.timespanMs) {
    const message = "a correlation that is judged once a time span has the time span as its bucket";
    draft.findings.error("engine_option", draft.typeAt, {
      message,
      value: "bucket",
      remedy: "remove `x_engine.bucket`",
    });
  }
  if (draft.findings.errors() > before) return null;
  const bucketMs = judged === "final" ? body.timespanMs : (asked ?? Math.max(body.timespanMs, BUCKET_MIN_MS));
  const meaning = { ...body, rules, aliases, bucketMs };
  return {
    ...head,
    ...meaning,
    ...toCorrelationKeys(meaning, stateKeys),
    type: "correlation",
    generate: draft.generate,
    judged,
    alerts: true,
  };
}

/** A parent may group only by what its child groups by: a child hands on nothing else. */
function checkGroup({ draft, body, aliases }: Linked, child: Correlation): void {
  for (const name of body.groupBy) {
    const field = (Object.hasOwn(aliases, name) ? aliases[name]?.[child.id] : undefined) ?? name;
    if (child.groupBy.includes(field)) continue;
    draft.findings.error("correlation_field", draft.typeAt, {
      message: `\`${field}\` is not in the group-by of the correlation \`${child.title}\``,
      value: field,
      remedy: "group the inner correlation by it too",
    });
  }
}

/** True when more events can only make the condition hold at more times. `isRevised`: a number may become another one. */
function isMonotone(body: CorrelationBody, isRevised: boolean): boolean {
  if (body.kind === "value_avg" || body.kind === "value_percentile" || body.kind === "value_median") return false;
  if (body.kind === "value_sum" && isRevised) return false;
  return body.bounds.every(({ operator }) => operator === "gt" || operator === "gte");
}

/** False for what the engine does not run, which is reported. */
export function isRun(
  correlation: Correlation,
  of: { supported: Supported; made: ReadonlyMap<string, Correlation>; draft: CorrelationDraft | undefined },
): boolean {
  const { supported, draft } = of;
  const refuse = (message: string, remedy: string): false => {
    draft?.findings.error("correlation_unsupported", draft.typeAt, { message, value: correlation.kind, remedy });
    return false;
  };
  const operators = supported.types[correlation.kind];
  const types = Object.keys(supported.types).join(", ");
  if (operators === undefined)
    return refuse(`correlations of type \`${correlation.kind}\` are not run by this engine yet`, `use one of ${types}`);
  const bound = correlation.bounds.find(({ operator }) => !operators.includes(operator));
  if (bound !== undefined) {
    return refuse(
      `\`${correlation.kind}\` with \`${bound.operator}\` is not run by this engine yet`,
      operators.length === 0 ? "remove the condition" : `use ${operators.join(" or ")}`,
    );
  }
  if (!supported.chaining && correlation.rules.some((id) => of.made.has(id))) {
    return refuse("correlations of correlations are not run by this engine yet", "refer to detections only");
  }
  return true;
}
