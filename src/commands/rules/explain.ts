/**
 * `rules explain`: for a rule and events, which condition matched or failed and with which value.
 *
 * A correlation is explained by the rules that it counts, with the group and value that the event adds. Nothing is run beside the
 * engine itself, and no state is touched. The exit code says whether the rule matched.
 */
import { statSync } from "node:fs";
import { openLists } from "../../compose/own/needs.ts";
import { compileLoaded, openRules } from "../../compose/rules.ts";
import { loadConfig } from "../../config/load.ts";
import { ADAPTERS } from "../../config/registries.ts";
import type { Config } from "../../config/schema.ts";
import { toUtcText } from "../../lib/clock.ts";
import { safeJson, safeLine } from "../../lib/safe-text.ts";
import { SagewatchError } from "../../model/errors.ts";
import { print, remark, type Terminal } from "../../ops/terminal.ts";
import { type Compile, createExplain, type Explain, type Explanation } from "../../rules/explanation.ts";
import { renderExplanation } from "../../rules/explanation-text.ts";
import type { Correlation, DetectionRule, RuleSet } from "../../sigma/ast.ts";
import { type ReadEvent, readEvents } from "./events.ts";
import { describeSteps, fieldsOfStep, renderFeeding, type Step, toFeeding } from "./feeding.ts";
import { findRule, suggestRule } from "./find.ts";

export type ExplainRule = {
  /** A rule file, or the id, name, title or file name of a configured rule. */
  readonly rule: string;
  /** A file of records, "-", or with `in` the id of an event. */
  readonly event: string;
  readonly in?: readonly string[];
  readonly rules?: readonly string[];
  readonly config?: string;
  readonly limit: number;
  readonly format: "text" | "json";
};

/** A detection to explain, for itself or as a step of correlations, from the inside out. */
type Part = { readonly rule: DetectionRule; readonly steps: readonly Step[]; readonly explain: Explain };

/** Explains; 0 when the rule matched an event, 1 when none. Errors: config_*, rules_rejected, not_found, input_unreadable. */
export async function explainRule(options: ExplainRule, terminal: Terminal): Promise<number> {
  const { config } = loadConfig({ path: options.config, adapters: ADAPTERS, secrets: "unread" });
  const parts = openParts(options, config);
  let explained = 0;
  let beyond = 0;
  let matched = false;
  for await (const read of chooseEvents(options, config, terminal)) {
    const told = explained < options.limit;
    if (!told) beyond += 1;
    for (const part of parts) {
      const explanation = part.explain(read.event);
      matched ||= explanation.isTried && explanation.matched;
      if (told) await print(terminal, render({ part, read, explanation }, options.format));
    }
    explained += told ? 1 : 0;
  }
  if (explained === 0) throw toMissing(options);
  if (beyond > 0) remark(terminal, `${beyond} more events were tried and are not shown: raise --limit to see them.`);
  return matched ? 0 : 1;
}

function toMissing({ event, in: paths }: ExplainRule): SagewatchError {
  const message =
    paths === undefined
      ? `${event} holds no record that can be evaluated`
      : `no event with the id ${event} stands in ${paths.join(", ")}`;
  return new SagewatchError("not_found", message);
}

/** The events of the file, or the one event of that id: the first that is found. */
async function* chooseEvents(options: ExplainRule, config: Config, terminal: Terminal): AsyncGenerator<ReadEvent> {
  const { event: named, in: paths } = options;
  const onRejected = (detail: string): void => remark(terminal, safeLine(detail));
  const read = { paths: paths ?? [named], limits: config.limits, signal: terminal.signal, onRejected };
  for await (const found of readEvents(read)) {
    if (paths === undefined) yield found;
    else if (found.event.eventId === named || found.event.key === named) {
      yield found;
      return;
    }
  }
}

/** The detections to explain, ready. */
function openParts(options: ExplainRule, config: Config): readonly Part[] {
  const isFile = statSync(options.rule, { throwIfNoEntry: false })?.isFile() === true;
  const paths = isFile ? [options.rule, ...(options.rules ?? [])] : (options.rules ?? null);
  const { ruleSet } = openRules(config, paths, () => undefined);
  const all = [...ruleSet.detections, ...ruleSet.correlations];
  const chosen = isFile
    ? all.filter((rule) => rule.alerts && rule.place.file === options.rule)
    : [chooseRule(options.rule, ruleSet)];
  if (chosen.length === 0) throw new SagewatchError("not_found", `${options.rule} holds no rule`);
  const lists = openLists(config);
  const compile: Compile = (detections) => {
    const ruleSet = { detections, correlations: [] };
    const { compiled } = compileLoaded(config, lists, { ruleSet, readable: ruleSet });
    if (compiled === null) throw new SagewatchError("internal", "a rule that was compiled in whole was not in parts");
    return compiled;
  };
  return chosen.flatMap((rule) => toParts(rule, { ruleSet, compile, steps: [] }));
}

function chooseRule(wanted: string, ruleSet: RuleSet): DetectionRule | Correlation {
  const found = findRule(wanted, ruleSet);
  if (found !== null) return found;
  throw new SagewatchError(
    "not_found",
    `there is no rule file and no rule called ${wanted}; ${suggestRule(wanted, ruleSet)}`,
  );
}

/** The detection itself, or the detections below a correlation, each with the steps that lead to it. */
function toParts(
  rule: DetectionRule | Correlation,
  of: { readonly ruleSet: RuleSet; readonly compile: Compile; readonly steps: readonly Step[] },
): Part[] {
  const { ruleSet, compile, steps } = of;
  if (rule.type === "detection") {
    const [step] = steps;
    const read = step === undefined ? null : fieldsOfStep(step);
    const fields = read === null ? rule.engine.groupBy : [...read.groupBy, ...read.measured];
    return [{ rule, steps, explain: createExplain(rule, [...new Set(fields)], compile) }];
  }
  return rule.rules.flatMap((id, index) => {
    const named = [...ruleSet.detections, ...ruleSet.correlations].find((entry) => entry.id === id);
    const step: Step = { correlation: rule, step: index + 1, ruleId: id };
    return named === undefined ? [] : toParts(named, { ruleSet, compile, steps: [step, ...steps] });
  });
}

type Told = { readonly part: Part; readonly read: ReadEvent; readonly explanation: Explanation };

function render(told: Told, format: ExplainRule["format"]): string {
  return format === "json" ? `${safeJson(JSON.stringify(toPlain(told)))}\n` : renderText(told);
}

function renderText({ part: { rule, steps }, read: { event, pointer }, explanation }: Told): string {
  const isMatch = explanation.isTried && explanation.matched;
  const [step] = steps;
  const lines = [
    `${isMatch ? "match" : "no match"}: ${safeLine(rule.title)} (${safeLine(rule.id)})${describeSteps(steps)}`,
    `  ${safeLine(event.evidence.action)} at ${toUtcText(event.timeMs)}, event ${safeLine(event.eventId)}, record ${pointer.index} of ${safeLine(pointer.path)}`,
    ...(step === undefined ? [] : renderFeeding(toFeeding(step, isMatch, explanation.fields), isMatch)).map(
      (line) => `  ${line}`,
    ),
    ...renderExplanation(explanation).map((line) => `  ${line}`),
  ];
  return `${lines.join("\n")}\n\n`;
}

function toPlain({ part: { rule, steps }, read: { event, pointer }, explanation }: Told): Record<string, unknown> {
  const { matched, isTried, failedFirst, tree, conditions, fields } = explanation;
  const [inner] = steps;
  const toStep = ({ correlation, step }: Step): Record<string, unknown> => ({
    id: correlation.id,
    title: correlation.title,
    type: correlation.kind,
    step,
    steps: correlation.rules.length,
  });
  return {
    rule: { id: rule.id, title: rule.title, correlations: steps.map(toStep) },
    event: { id: event.eventId, time: toUtcText(event.timeMs), action: event.evidence.action, pointer },
    matched: isTried && matched,
    tried: isTried,
    feeds: inner === undefined ? null : toFeeding(inner, isTried && matched, fields),
    failedFirst,
    tree,
    conditions,
    fields,
  };
}
