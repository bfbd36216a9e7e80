/**
 * `rules explain`: for a rule and events, which condition matched or failed and with which value.
 *
 * A correlation is explained by the rules that it counts, with the fields that it groups by. Nothing is run beside the
 * engine itself, and no state is touched. The exit code says whether the rule matched.
 */
import { statSync } from "node:fs";
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
import { loadLists } from "../../rules/lists.ts";
import type { Correlation, DetectionRule, RuleSet } from "../../sigma/ast.ts";
import { type ReadEvent, readEvents } from "./events.ts";
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

/** A detection to explain, for itself or as the part of a correlation. */
type Part = { readonly rule: DetectionRule; readonly of: Correlation | null; readonly explain: Explain };

/** Explains; 0 when the rule matched an event, 1 when none. Errors: config_*, rules_rejected, not_found, input_unreadable. */
export async function explainRule(options: ExplainRule, terminal: Terminal): Promise<number> {
  const { config } = loadConfig({ path: options.config, adapters: ADAPTERS });
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
  const lists = loadLists(config.lists);
  const compile: Compile = (detections) => {
    const ruleSet = { detections, correlations: [] };
    const { compiled } = compileLoaded(config, lists, { ruleSet, readable: ruleSet });
    if (compiled === null) throw new SagewatchError("internal", "a rule that was compiled in whole was not in parts");
    return compiled;
  };
  return chosen.flatMap((rule) => toParts(rule, ruleSet, compile));
}

function chooseRule(wanted: string, ruleSet: RuleSet): DetectionRule | Correlation {
  const found = findRule(wanted, ruleSet);
  if (found !== null) return found;
  throw new SagewatchError(
    "not_found",
    `there is no rule file and no rule called ${wanted}; ${suggestRule(wanted, ruleSet)}`,
  );
}

/** The detection itself, or the detections below a correlation, each under the correlation that reads it. */
function toParts(rule: DetectionRule | Correlation, ruleSet: RuleSet, compile: Compile): Part[] {
  if (rule.type === "detection")
    return [{ rule, of: null, explain: createExplain(rule, rule.engine.groupBy, compile) }];
  return rule.rules.flatMap((id) => {
    const base = ruleSet.detections.find((entry) => entry.id === id);
    if (base !== undefined) {
      const fields = [...rule.groupBy, ...rule.fields].map((field) => resolveAlias(rule, field, id));
      return [{ rule: base, of: rule, explain: createExplain(base, [...new Set(fields)], compile) }];
    }
    const inner = ruleSet.correlations.find((entry) => entry.id === id);
    return inner === undefined ? [] : toParts(inner, ruleSet, compile);
  });
}

function resolveAlias({ aliases }: Correlation, field: string, ruleId: string): string {
  const fields = Object.hasOwn(aliases, field) ? aliases[field] : undefined;
  return fields !== undefined && Object.hasOwn(fields, ruleId) ? (fields[ruleId] ?? field) : field;
}

type Told = { readonly part: Part; readonly read: ReadEvent; readonly explanation: Explanation };

function render(told: Told, format: ExplainRule["format"]): string {
  return format === "json" ? `${safeJson(JSON.stringify(toPlain(told)))}\n` : renderText(told);
}

function renderText({ part: { rule, of }, read: { event, pointer }, explanation }: Told): string {
  const verdict = explanation.isTried && explanation.matched ? "match" : "no match";
  const under = of === null ? "" : `, counted by the correlation "${of.title}" (${of.kind})`;
  const lines = [
    `${verdict}: ${safeLine(rule.title)} (${safeLine(rule.id)})${safeLine(under)}`,
    `  ${safeLine(event.evidence.action)} at ${toUtcText(event.timeMs)}, event ${safeLine(event.eventId)}, record ${pointer.index} of ${safeLine(pointer.path)}`,
    ...renderExplanation(explanation).map((line) => `  ${line}`),
  ];
  return `${lines.join("\n")}\n\n`;
}

function toPlain({ part: { rule, of }, read: { event, pointer }, explanation }: Told): Record<string, unknown> {
  const { matched, isTried, failedFirst, tree, fields } = explanation;
  return {
    rule: { id: rule.id, title: rule.title, correlation: of === null ? null : { id: of.id, title: of.title } },
    event: { id: event.eventId, time: toUtcText(event.timeMs), action: event.evidence.action, pointer },
    matched: isTried && matched,
    tried: isTried,
    failedFirst,
    tree,
    fields,
  };
}
