/**
 * Routing: which sinks want an alert, judged once a revision, inside the commit.
 *
 * A sink names a least severity, and may name tags, accounts, rules and sources: of each list one must fit, and all lists
 * must. What Sagewatch says of itself has none of these, so it passes the lists, unless the sink keeps it out; severity
 * counts for it too. Pure: the same alert, rules and settings always give the same sinks.
 */
import type { AlertDraft } from "../contracts.ts";
import { SEVERITIES, type Severity } from "../model/alert.ts";
import type { When } from "../model/outbox.ts";

/** What routing needs of a sink's settings. */
export type RoutedSink = { readonly name: string; readonly minSeverity: Severity; readonly when?: When | undefined };
/** What routing needs of a rule beside its id. */
export type RoutedRule = { readonly name: string | null; readonly title: string; readonly tags: readonly string[] };
/** An alert as routing looks at it. */
export type Routable = Pick<AlertDraft, "content" | "records">;
/** Names of the sinks that want an alert. */
export type Route = (alert: Routable) => readonly string[];

const NO_RULE: RoutedRule = { name: null, title: "", tags: [] };

/** `ruleOf`: the rule in use with this id; undefined where there is none any more. */
export function createRoute(sinks: readonly RoutedSink[], ruleOf: (id: string) => RoutedRule | undefined): Route {
  return (alert) => {
    const rule = ruleOf(alert.content.ruleId) ?? NO_RULE;
    return sinks.filter((sink) => isWanted(sink, alert, rule)).map(({ name }) => name);
  };
}

function isWanted({ minSeverity, when = {} }: RoutedSink, { content, records }: Routable, rule: RoutedRule): boolean {
  const least = SEVERITIES.indexOf(when.minSeverity ?? minSeverity);
  if (SEVERITIES.indexOf(content.severity) < least) return false;
  if (content.ruleId.startsWith("sagewatch.")) return when.operational !== false;
  return (
    fits(when.tags, rule.tags) &&
    fits(when.accounts, [content.accountId, content.accountName]) &&
    fits(when.rules, [content.ruleId, rule.name ?? "", rule.title, content.ruleName]) &&
    fits(
      when.sources,
      records.map(({ pointer }) => pointer.source),
    )
  );
}

/** True where no list is given, or one of its patterns fits one of the values. */
function fits(patterns: readonly string[] | undefined, values: readonly string[]): boolean {
  return patterns === undefined || patterns.some((pattern) => values.some((value) => isFit(pattern, value)));
}

/** Upper and lower case are the same; `*` at the end stands for any rest. */
function isFit(pattern: string, value: string): boolean {
  const [wanted, found] = [pattern.toLowerCase(), value.toLowerCase()];
  return wanted.endsWith("*") ? found !== "" && found.startsWith(wanted.slice(0, -1)) : found === wanted;
}

/** A pattern that no rule fits: probably mistyped. */
export type Unmatched = { readonly sink: string; readonly key: "tags" | "rules"; readonly pattern: string };

/** Patterns of tags and rules that none of the rules fits; `rules` by id. */
export function findUnmatched(
  sinks: readonly RoutedSink[],
  rules: ReadonlyMap<string, RoutedRule>,
): readonly Unmatched[] {
  const all = [...rules];
  const isKnown = {
    tags: (pattern: string) => all.some(([, { tags }]) => fits([pattern], tags)),
    rules: (pattern: string) => all.some(([id, { name, title }]) => fits([pattern], [id, name ?? "", title])),
  };
  return sinks.flatMap(({ name: sink, when = {} }) =>
    (["tags", "rules"] as const).flatMap((key) =>
      (when[key] ?? []).filter((pattern) => !isKnown[key](pattern)).map((pattern) => ({ sink, key, pattern })),
    ),
  );
}
