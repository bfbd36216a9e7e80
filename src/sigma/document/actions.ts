/**
 * `action: global`, `reset` and `repeat` of Sigma 1: documents that lend their keys to the documents behind them.
 *
 * Precedence as in pySigma: what a global document says overrides the rule's own keys; `repeat` lays its keys over the
 * rule before it. Merging works on trees, so every value keeps the place where it was written.
 */
import type { Findings } from "../problems.ts";
import { shownAs, valueOf, type YamlEntry, type YamlMap, type YamlNode } from "../yaml.ts";

const NOTHING: YamlMap = { kind: "map", entries: [], at: 0 };

/** The documents that stand for rules, with actions carried out. A document that is no map is reported. */
export function applyActions(roots: readonly YamlNode[], findings: Findings): readonly YamlMap[] {
  const documents: YamlMap[] = [];
  let lent = NOTHING;
  let previous = NOTHING;
  for (const root of roots) {
    if (root.kind !== "map") {
      findings.error("document_kind", root.at, {
        message: "a rule document must be a map",
        value: shownAs(root),
        remedy: "begin with `title:`",
      });
      continue;
    }
    const actionNode = valueOf(root, "action");
    const action = actionNode === undefined ? "none" : shownAs(actionNode);
    const own: YamlMap = { ...root, entries: root.entries.filter((entry) => entry.key !== "action") };
    if (action === "global") lent = merge(lent, own);
    else if (action === "reset") lent = NOTHING;
    else if (action === "none" || action === "repeat") {
      previous = action === "none" ? own : { ...merge(previous, own), at: own.at };
      warnConflicts(own, lent, findings);
      documents.push({ ...merge(previous, lent), at: own.at });
    } else {
      findings.error("action_unknown", actionNode?.at ?? root.at, {
        message: `action \`${action}\` does not exist`,
        value: action,
        remedy: "use global, reset or repeat",
      });
    }
  }
  return documents;
}

/** `over` laid upon `under`: maps merge, anything else replaces. */
function merge(under: YamlMap, over: YamlMap): YamlMap {
  if (over.entries.length === 0) return under;
  const entries: YamlEntry[] = under.entries.map((entry) => {
    const above = over.entries.find(({ key }) => key === entry.key);
    if (above === undefined) return entry;
    const { value } = above;
    const isBoth = entry.value.kind === "map" && value.kind === "map";
    return isBoth ? { ...above, value: merge(entry.value, value) } : above;
  });
  const added = over.entries.filter(({ key }) => !under.entries.some((entry) => entry.key === key));
  const merged: YamlMap = { ...under, entries: [...entries, ...added] };
  return over.isBroken === true ? { ...merged, isBroken: true } : merged;
}

function warnConflicts(own: YamlMap, lent: YamlMap, findings: Findings): void {
  for (const entry of own.entries) {
    const above = valueOf(lent, entry.key);
    if (above === undefined) continue;
    if (above.kind === "map" && entry.value.kind === "map") warnConflicts(entry.value, above, findings);
    else {
      findings.warning("action_conflict", entry.keyNode.at, {
        message: `the global document overrides \`${entry.key}\``,
        value: shownAs(entry.value),
        remedy: "state the key in one of the two documents only",
      });
    }
  }
}
