/**
 * Compiles a rule set: plans with shared leaves, the candidate index, and what must be read of an event that matched.
 *
 * Detections run here; correlations only lend the fields that they group by and measure. Everything that can be wrong
 * with lists, fields and expressions comes back in `problems`, with the place of the rule; nothing is thrown. Evaluation
 * is synchronous, one event at a time, and depends on nothing but the event.
 */
import { nearest } from "../lib/nearest.ts";
import { type Event, type Json, type Logsource, LOGSOURCES } from "../model/event.ts";
import type { DetectionRule, Problem, RuleSet } from "./ast.ts";
import { AGGREGATE } from "./document/correlation-condition.ts";
import { createGlance, type Glance } from "./glance.ts";
import { createIndex, type IndexedRule, type RuleIndex } from "./index.ts";
import { COMPUTED, createLeafCheck, type FieldCheck, type LeafCheck } from "./plan/leaf-check.ts";
import { createNormaliser, type PlanNode } from "./plan/normalise.ts";
import { type ComputeField, createEvaluator, type Evaluator } from "./plan/evaluator.ts";
import type { ListTable } from "./plan/list-table.ts";
import { toGuard, toWitness } from "./plan/witness.ts";

export type { ListTable, ListType, TypedList } from "./plan/list-table.ts";

/** Fields computed before the match, by full name ("enrich.denied"). Names outside `enrich.` are never looked up here. */
export type FieldTable = ReadonlyMap<string, ComputeField>;

/** What compiling needs besides the rules. */
export type CompileOptions = {
  readonly lists: ListTable;
  readonly fields: FieldTable;
  /** Measures rules with this clock (ms, monotonic). Left out: nothing is measured, at no cost. */
  readonly monotonicMs?: () => number;
  /** Measures on every so many-th event. Default 64: that keeps the cost of the clock below 1 %. */
  readonly measureEvery?: number;
};

/** What a rule took, over the events that were measured. */
export type RuleCost = { readonly ruleId: string; readonly evaluations: number; readonly totalMs: number };

/** A rule set ready to run. */
export type CompiledRules = {
  readonly detections: readonly DetectionRule[];
  readonly problems: readonly Problem[];
  /** Indices into `detections` of the rules that the event matches, ascending. The array may be used again by the next call. */
  evaluate(event: Event): readonly number[];
  /** The same by trying every rule of the event's logsource: the truth that the index is held against. */
  scan(event: Event): readonly number[];
  /**
   * Tells by the `known` fields alone that no rule can match an event; null when these rules need others. `alike`: those in
   * which many events are alike. Make it once.
   */
  glance(logsource: Logsource, known: readonly string[], alike: readonly string[]): Glance | null;
  /** Candidates of an event, ascending. */
  candidates(event: Event): readonly number[];
  /** Values of a field of the event that was evaluated last, flattened; `found` when the key stands at all. */
  read(field: string): { readonly found: boolean; readonly values: readonly Json[] };
  /** Ids of the rules without a witness: they are tried on every event of their logsource. */
  readonly openRules: readonly string[];
  /** Costs by rule, dearest first; empty without a clock. */
  costs(): readonly RuleCost[];
};

const MEASURE_EVERY = 64;

/** Compiles a rule set. Problem codes: field_unknown, expand_list_unknown, expand_list_type, expand_list_entry, expand_limit, regex_unsupported, cidr_invalid. */
export function compileRules(ruleSet: RuleSet, options: CompileOptions): CompiledRules {
  const { detections } = ruleSet;
  const checkField = createFieldCheck(options.fields);
  const normaliser = createNormaliser(options.lists, checkField);
  const plans = detections.map((rule) => normaliser.plan(rule.expression, rule));
  const evaluator = createEvaluator(normaliser.leaves.values(), (field) => options.fields.get(field) ?? null);
  const programs = plans.map((plan) => evaluator.program(plan));
  const indexed = detections.map((rule, index) => toIndexed(rule, index, { plan: plans[index] ?? NEVER, evaluator }));
  const indexes = new Map(
    LOGSOURCES.map(
      (logsource) => [logsource, createIndex(logsource, indexed, (field) => evaluator.slot(field))] as const,
    ),
  );
  const runner = createRunner(detections, programs, options.monotonicMs);

  return {
    detections,
    problems: [...normaliser.problems, ...checkRuleFields(ruleSet, checkField)],
    evaluate: createEvaluation({ evaluator, indexes, runner, measureEvery: options.measureEvery ?? MEASURE_EVERY }),
    scan: (event) => {
      evaluator.begin(event);
      return (indexes.get(event.logsource)?.all ?? []).filter((rule) => programs[rule]?.() === true);
    },
    glance: (logsource, known, alike) =>
      createGlance(indexed, evaluator, { logsource, known, alike, planOf: (rule) => plans[rule] ?? NEVER }),
    candidates: (event) => {
      evaluator.begin(event);
      const found = new Set<number>();
      indexes.get(event.logsource)?.candidates((rule) => found.add(rule));
      return [...found].toSorted((a, b) => a - b);
    },
    read: (field) => {
      const { found, count, value, many } = evaluator.slot(field)();
      return { found, values: count === 0 ? [] : (many ?? [value]) };
    },
    openRules: indexed.filter((rule) => rule.witness === null).map((rule) => detections[rule.index]?.id ?? ""),
    costs: () => runner.costs(),
  };
}

/** A plan that is never true. */
const NEVER: PlanNode = { op: "const", value: false };

function toIndexed(rule: DetectionRule, index: number, made: { plan: PlanNode; evaluator: Evaluator }): IndexedRule {
  const witness = toWitness(made.plan);
  const guard = witness === null ? toGuard(made.plan) : null;
  return {
    index,
    logsource: rule.logsource,
    witness,
    guard: guard === null ? null : { field: guard.field, holds: made.evaluator.program(guard.node) },
  };
}

/** The hot path: candidates of the event's logsource, each tried once. */
function createEvaluation(parts: {
  readonly evaluator: Evaluator;
  readonly indexes: ReadonlyMap<Logsource, RuleIndex>;
  readonly runner: Runner;
  readonly measureEvery: number;
}): (event: Event) => readonly number[] {
  const { evaluator, indexes, runner, measureEvery } = parts;
  const hits: number[] = [];
  /** Number of the event on which each rule was last tried. */
  const tried = new Uint32Array(runner.size);
  let events = 0;
  let measured = false;
  const visit = (rule: number): void => {
    if (tried[rule] === events) return;
    tried[rule] = events;
    if (runner.run(rule, measured)) hits.push(rule);
  };
  return (event) => {
    hits.length = 0;
    if (events === 0xffff_ffff) {
      tried.fill(0);
      events = 0;
    }
    events += 1;
    const index = indexes.get(event.logsource);
    if (index === undefined) return hits;
    measured = events % measureEvery === 0;
    evaluator.begin(event);
    index.candidates(visit);
    return hits.length > 1 ? hits.toSorted((a, b) => a - b) : hits;
  };
}

/** Runs rules by number. */
type Runner = {
  /** Rules there are. */
  readonly size: number;
  run(rule: number, measured: boolean): boolean;
  costs(): RuleCost[];
};

/** Runs one rule, measured or not. */
function createRunner(
  detections: readonly DetectionRule[],
  programs: readonly (() => boolean)[],
  monotonicMs: (() => number) | undefined,
): Runner {
  const plain = (rule: number): boolean => programs[rule]?.() === true;
  if (monotonicMs === undefined) return { size: programs.length, run: plain, costs: () => [] };
  const totals = new Float64Array(programs.length);
  const counts = new Uint32Array(programs.length);
  return {
    size: programs.length,
    run: (rule, measured) => {
      if (!measured) return plain(rule);
      const start = monotonicMs();
      const answer = plain(rule);
      totals[rule] = (totals[rule] ?? 0) + monotonicMs() - start;
      counts[rule] = (counts[rule] ?? 0) + 1;
      return answer;
    },
    costs: () =>
      detections
        .map((rule, index) => ({ ruleId: rule.id, evaluations: counts[index] ?? 0, totalMs: totals[index] ?? 0 }))
        .filter((cost) => cost.evaluations > 0)
        .toSorted((a, b) => b.totalMs - a.totalMs),
  };
}

/** What the parser needs to tell problems of lists and fields beside its own (RuleSetOptions.check). */
export function leafCheckOf({ lists, fields }: Pick<CompileOptions, "lists" | "fields">): LeafCheck {
  return createLeafCheck(lists, createFieldCheck(fields));
}

/** Declared fields must be known by name; `state.*` is not there before the match. */
function createFieldCheck(fields: FieldTable): FieldCheck {
  return (field, isOfMember) => {
    if (isOfMember && COMPUTED.test(field)) {
      const message = `${field} belongs to the event; a member of an array has no such field`;
      return { code: "field_unknown", message, remedy: "Test it outside the array." };
    }
    if (field.startsWith("state.")) {
      const message = `${field} is known only after the match; a detection cannot read it`;
      return { code: "field_unknown", message, remedy: "Use it in a correlation or behaviour." };
    }
    if (!field.startsWith("enrich.") || fields.has(field)) return null;
    const close = nearest(field, fields.keys());
    const remedy = close === null ? "See docs/fields.md for the fields there are." : `Did you mean ${close}?`;
    return { code: "field_unknown", message: `There is no field ${field}`, remedy };
  };
}

/** Fields that rules read outside their expressions. */
function checkRuleFields(ruleSet: RuleSet, checkField: FieldCheck): Problem[] {
  return [...ruleSet.detections, ...ruleSet.correlations].flatMap((rule) => {
    const named =
      rule.type === "detection"
        ? rule.engine.groupBy
        : [...rule.groupBy, ...rule.fields, ...Object.values(rule.aliases).flatMap((fields) => Object.values(fields))];
    return [...new Set(named)].flatMap((field): Problem[] => {
      // What a correlation may read of another was looked at when it was parsed.
      if (field === AGGREGATE && rule.type !== "detection") return [];
      const wrong = checkField(field, false);
      const place = rule.placeOf?.(field, "value") ?? rule.place;
      return wrong === null ? [] : [{ ...place, severity: "error", ...wrong, value: field }];
    });
  });
}
