/**
 * A correlation whose references are known, to its final form: how it is judged, its bucket, its keys.
 *
 * What a correlation of correlations reads of the inner ones is checked here: they hand on their group and their number.
 */
import type { Correlation, RuleHead, StepCondition } from "../ast.ts";
import { toCorrelationKeys } from "../canonical.ts";
import { AGGREGATE } from "./correlation-condition.ts";
import { hasNot } from "./correlation-names.ts";
import type { CorrelationBody, CorrelationDraft } from "./correlation.ts";

/**
 * Shortest bucket of what is judged at once, and the default for short time spans: shorter ones would cut one burst into
 * many alerts, and evidence is kept by 5 minutes, so those after the first would show none.
 */
const BUCKET_MIN_MS = 300_000;

/** A correlation whose references are known. */
export type Linked = {
  readonly draft: CorrelationDraft;
  readonly head: RuleHead;
  readonly body: CorrelationBody;
  readonly rules: readonly string[];
  readonly aliases: Correlation["aliases"];
  /** The text condition over the places in `rules`; null without one, and for temporal_ordered, whose rules say it all. */
  readonly condition: StepCondition | null;
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
  const { draft, head, body, rules, aliases, condition } = item;
  const before = draft.findings.errors();
  const children = rules.flatMap((id) => made.get(id) ?? []);
  for (const child of children) checkGroup(item, child);
  checkFields(item, made);
  const isRevised = children.length > 0 || rules.some((id) => versioned.has(id));
  const isWaiting = head.engine.final === true || readFields(item).some(({ field }) => field === AGGREGATE);
  const judged = isWaiting || !isMonotone(body, isRevised) ? "final" : "eager";
  const { bucketMs: asked } = head.engine;
  if (judged === "final" && asked !== null && asked !== body.timespanMs) {
    const message = "a correlation that is judged once a time span has the time span as its bucket";
    draft.findings.error("engine_option", draft.typeAt, {
      message,
      value: "bucket",
      remedy: "remove `x_engine.bucket`",
    });
  }
  if (judged === "eager" && asked !== null && asked < BUCKET_MIN_MS) {
    draft.findings.error("engine_option", draft.bucketAt, {
      message: "`x_engine.bucket` is shorter than 5 minutes, the least that evidence is kept for",
      value: `${asked / 1000}s`,
      remedy: "write 5m or more, or remove it: the default is the time span, at least 5m",
    });
  }
  if (draft.findings.errors() > before) return null;
  const bucketMs = judged === "final" ? body.timespanMs : (asked ?? Math.max(body.timespanMs, BUCKET_MIN_MS));
  const { text: _, ...said } = body;
  const meaning = { ...said, rules, aliases, bucketMs, ...(condition === null ? {} : { condition }) };
  return {
    ...head,
    ...meaning,
    ...toCorrelationKeys({ ...meaning, engine: head.engine }, stateKeys),
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

/** The fields that the condition reads, of each rule: an alias stands for another field in each. */
function readFields({ body, rules, aliases }: Linked): { readonly id: string; readonly field: string }[] {
  return body.fields.flatMap((name) =>
    rules.map((id) => ({ id, field: (Object.hasOwn(aliases, name) ? aliases[name]?.[id] : undefined) ?? name })),
  );
}

/** Of a correlation only its group and its number can be read, and only a correlation has a number. */
function checkFields(item: Linked, made: ReadonlyMap<string, Correlation>): void {
  const { findings, typeAt } = item.draft;
  for (const { id, field } of readFields(item)) {
    const child = made.get(id);
    if (child === undefined && field === AGGREGATE) {
      findings.error("correlation_field", typeAt, {
        message: `\`${AGGREGATE}\` is the number of a correlation, and \`${id}\` is none`,
        value: field,
        remedy: "name a field of its records, by an alias where the rules differ",
      });
    }
    if (child === undefined || field === AGGREGATE || child.groupBy.includes(field)) continue;
    findings.error("correlation_field", typeAt, {
      message: `\`${field}\` is not in the group-by of the correlation \`${child.title}\``,
      value: field,
      remedy: `use one of its group-by fields, or \`${AGGREGATE}\` for the number that it compared`,
    });
  }
}

/** True when more events can only make the condition hold at more times. `isRevised`: a number may become another one. */
function isMonotone(body: CorrelationBody, isRevised: boolean): boolean {
  if (body.kind === "value_avg" || body.kind === "value_percentile" || body.kind === "value_median") return false;
  if (body.kind === "value_sum" && isRevised) return false;
  if (body.text !== null && hasNot(body.text.tree)) return false;
  return body.bounds.every(({ operator }) => operator === "gt" || operator === "gte");
}
