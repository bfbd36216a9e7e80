/**
 * Resolves what correlations refer to: rules and correlations by id or name, aliases, and the order of evaluation.
 *
 * Correlations come out behind everything they refer to. A reference that leads nowhere, to a rule with errors or in a
 * circle leaves the correlation out. Rules that any correlation names, also a broken one, are told to be silent unless one that names them says `generate`.
 */
import type { Logsource } from "../model/event.ts";
import type { Correlation, DetectionRule, RuleHead, StepCondition } from "./ast.ts";
import type { AliasDraft, CorrelationBody, CorrelationDraft } from "./document/correlation.ts";
import type { NameCondition } from "./document/correlation-names.ts";
import { toCorrelation, type Linked } from "./document/link.ts";
import type { Reference } from "./document/filter.ts";
import { appliesTo } from "./index.ts";

/** Logsources whose events come again under the same key with other content: GuardDuty updates its findings, AWS its bills. */
const VERSIONED: readonly Logsource[] = ["aws/guardduty", "aws/cost"];

/** A rule or correlation that may be named. */
type Target = Pick<RuleHead, "id" | "name" | "title"> & { readonly isCorrelation: boolean };

/** Correlations without errors in order of evaluation, and the ids of rules that must not alert by themselves. */
export type Resolved = { readonly correlations: readonly Correlation[]; readonly silenced: ReadonlySet<string> };

/** Resolves the correlations of a set. `failed`: names of documents with errors. */
export function resolveCorrelations(
  of: { readonly correlations: readonly CorrelationDraft[]; readonly failed: ReadonlySet<string> },
  detections: readonly DetectionRule[],
): Resolved {
  const names = createNames(of.correlations, detections);
  const linked = of.correlations.flatMap((draft) => link(draft, names, of.failed) ?? []);
  const ordered = inOrder(linked, new Set(detections.map(({ id }) => id)));
  const stateKeys = new Map(detections.map(({ id, stateKey }) => [id, stateKey]));
  const versioned = new Set(
    detections.filter(({ logsource }) => VERSIONED.some((kind) => appliesTo(logsource, kind))).map(({ id }) => id),
  );
  const made = new Map<string, Correlation>();
  for (const item of ordered) {
    const correlation = toCorrelation(item, { made, stateKeys, versioned });
    if (correlation === null) continue;
    made.set(correlation.id, correlation);
    stateKeys.set(correlation.id, correlation.stateKey);
  }
  return { correlations: [...made.values()], silenced: toSilenced(of.correlations, names) };
}

type Names = { readonly byName: ReadonlyMap<string, Target>; readonly byTitle: ReadonlyMap<string, Target> };

function createNames(drafts: readonly CorrelationDraft[], detections: readonly DetectionRule[]): Names {
  const targets: Target[] = detections.map(({ id, name, title }) => ({ id, name, title, isCorrelation: false }));
  for (const { head } of drafts)
    if (head !== null) targets.push({ id: head.id, name: head.name, title: head.title, isCorrelation: true });
  const byName = new Map<string, Target>();
  const byTitle = new Map<string, Target>();
  for (const target of targets) {
    byTitle.set(target.title, target);
    byName.set(target.id, target);
    if (target.name !== null) byName.set(target.name, target);
  }
  return { byName, byTitle };
}

/** Ids of rules that correlations name and none of them generates. */
function toSilenced(drafts: readonly CorrelationDraft[], names: Names): ReadonlySet<string> {
  const idsOf = (draft: CorrelationDraft): string[] =>
    draft.silences.flatMap(({ text }) => (names.byName.get(text) ?? names.byTitle.get(text))?.id ?? []);
  const silenced = new Set(drafts.flatMap(idsOf));
  for (const draft of drafts) if (draft.generate) for (const id of idsOf(draft)) silenced.delete(id);
  return silenced;
}

function link(draft: CorrelationDraft, names: Names, failed: ReadonlySet<string>): Linked | null {
  const { head, body, findings } = draft;
  const before = findings.errors();
  const targets = draft.references.map((reference) => find(reference, { draft, names, failed }));
  if (head === null || body === null) return null;
  const ids = targets.flatMap((target) => target?.id ?? []);
  const rules = body.kind === "temporal_ordered" ? ids : [...new Set(ids)];
  if (rules.length < ids.length && draft.isListed) {
    findings.warning("correlation_rule_twice", draft.typeAt, {
      message: "the correlation names a rule twice; once is enough for its type",
      value: ids.join(", "),
      remedy: "name it once, or use temporal_ordered",
    });
  }
  if (ids.length < targets.length) return null;
  const aliases = linkAliases(draft, { body, rules, names });
  // What was looked for, and told of, is not again.
  const found = new Map(draft.references.map(({ text }, at) => [text, targets[at] ?? null]));
  const lookUp = (name: Reference): Target | null => found.get(name.text) ?? find(name, { draft, names, failed });
  const condition = linkCondition(draft, { body, rules, find: lookUp });
  return findings.errors() > before ? null : { draft, head, body, rules, aliases, condition };
}

/** A text condition over the places of its rules. Where `rules` stands beside it, both must name the same. */
function linkCondition(
  draft: CorrelationDraft,
  of: { body: CorrelationBody; rules: readonly string[]; find: (name: Reference) => Target | null },
): StepCondition | null {
  const { body, rules } = of;
  if (body.text === null) return null;
  const ids = new Map(body.text.names.map((name) => [name.text, of.find(name)?.id ?? ""]));
  const named = body.text.names.map(({ text }) => ids.get(text) ?? "");
  const isOrdered = body.kind === "temporal_ordered";
  const isCovered = isOrdered
    ? named.join("\n") === rules.join("\n")
    : rules.every((id) => named.includes(id)) && named.every((id) => rules.includes(id));
  if (!isCovered) {
    const order = isOrdered ? ", in the same order" : "";
    draft.findings.error("correlation_condition_extended", draft.typeAt, {
      message: `\`rules\` and the condition must name the same rules${order}`,
      value: rules.join(", "),
      remedy: "remove `rules`, which a text condition can do without",
    });
  }
  const toSteps = (tree: NameCondition): StepCondition => {
    if (tree.op === "name") return { op: "step", step: rules.indexOf(ids.get(tree.name) ?? "") };
    return tree.op === "not" ? { op: "not", of: toSteps(tree.of) } : { op: tree.op, of: tree.of.map(toSteps) };
  };
  return isOrdered ? null : toSteps(body.text.tree);
}

function find(
  reference: Reference,
  of: { draft: CorrelationDraft; names: Names; failed: ReadonlySet<string> },
): Target | null {
  const { text, at } = reference;
  const { findings } = of.draft;
  const named = of.names.byName.get(text);
  if (named !== undefined) return named;
  const titled = of.names.byTitle.get(text);
  if (titled !== undefined) {
    const words = {
      message: `\`${text}\` is the title of a rule; standard Sigma refers by id or name`,
      value: text,
      remedy: `write ${titled.name ?? titled.id}`,
    };
    findings.lapse("correlation_rule_title", at, words);
    return titled;
  }
  if (of.failed.has(text)) {
    findings.error("correlation_rule_failed", at, {
      message: `the rule \`${text}\` has errors or is not loaded`,
      value: text,
      remedy: "mend that rule first",
    });
    return null;
  }
  findings.error("correlation_rule_unknown", at, {
    message: `no rule of this set has the id or name \`${text}\`${findings.suggest(text, of.names.byName.keys())}`,
    value: text,
    remedy: "mend the reference, or load the rule too",
  });
  return null;
}

/** Aliases by rule id. An alias that is used must have a field for every rule; a field for a rule not correlated is an error. */
function linkAliases(
  draft: CorrelationDraft,
  of: { body: CorrelationBody; rules: readonly string[]; names: Names },
): Correlation["aliases"] {
  const { findings } = draft;
  const used = new Set([...of.body.groupBy, ...of.body.fields]);
  const linkOne = ({ name, at, fields }: AliasDraft): readonly [string, Readonly<Record<string, string>>] => {
    const byRule = new Map<string, string>();
    for (const { text, at: fieldAt, field } of fields) {
      const target = of.names.byName.get(text) ?? of.names.byTitle.get(text);
      if (target !== undefined && of.rules.includes(target.id)) byRule.set(target.id, field);
      else
        findings.error("correlation_alias", fieldAt, {
          message: `alias \`${name}\` names \`${text}\`, which is not correlated here`,
          value: text,
          remedy: "name one of the correlation's rules",
        });
    }
    const lacking = of.rules.filter((id) => !byRule.has(id));
    if (lacking.length > 0 && used.has(name)) {
      findings.error("correlation_alias", at, {
        message: `alias \`${name}\` has no field for ${lacking.join(", ")}`,
        value: name,
        remedy: "add a field for each rule",
      });
    } else if (!used.has(name)) {
      findings.warning("correlation_alias", at, {
        message: `alias \`${name}\` is used neither in group-by nor as field`,
        value: name,
        remedy: "use it or remove it",
      });
    }
    return [name, Object.fromEntries(byRule)];
  };
  return Object.fromEntries(draft.body?.aliases.map(linkOne) ?? []);
}

/** Correlations behind all they refer to. Those in a circle are reported and left out. */
function inOrder(linked: readonly Linked[], known: ReadonlySet<string>): readonly Linked[] {
  const placed = new Set(known);
  const ordered: Linked[] = [];
  let waiting = linked;
  for (;;) {
    const [ready, rest] = [
      waiting.filter(({ rules }) => rules.every((id) => placed.has(id))),
      waiting.filter(({ rules }) => !rules.every((id) => placed.has(id))),
    ];
    for (const item of ready) placed.add(item.head.id);
    ordered.push(...ready);
    waiting = rest;
    if (ready.length === 0) break;
  }
  const stuck = new Map(waiting.map((item) => [item.head.id, item]));
  for (const item of waiting) {
    const { findings, references, typeAt } = item.draft;
    if (reaches(item.head.id, stuck)) {
      findings.error("correlation_cycle", references[0]?.at ?? typeAt, {
        message: `the correlation \`${item.head.title}\` refers to itself, directly or through others`,
        value: item.head.id,
        remedy: "break the circle",
      });
    } else {
      const broken = item.rules.find((id) => !placed.has(id)) ?? "";
      findings.error("correlation_rule_failed", references[0]?.at ?? typeAt, {
        message: `the correlation \`${broken}\` has errors`,
        value: broken,
        remedy: "mend that correlation first",
      });
    }
  }
  return ordered;
}

/** True when following references from `id` leads back to it. */
function reaches(id: string, stuck: ReadonlyMap<string, Linked>): boolean {
  const seen = new Set<string>();
  const next = [...(stuck.get(id)?.rules ?? [])];
  for (let rule = next.pop(); rule !== undefined; rule = next.pop()) {
    if (rule === id) return true;
    if (!seen.has(rule)) next.push(...(stuck.get(rule)?.rules ?? []));
    seen.add(rule);
  }
  return false;
}
