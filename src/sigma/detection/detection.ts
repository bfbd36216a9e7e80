/**
 * One named detection (search identifier) of a rule to an expression: maps are `and`, lists are `or`, bare texts are
 * keywords.
 *
 * Mixed and nested lists join everything by `or`, as pySigma reads them. Everything wrong in a detection is reported at
 * its place; null means that at least one thing was.
 */
import type { Expression } from "../ast.ts";
import { fold } from "../leaf/fold.ts";
import type { Findings } from "../problems.ts";
import { shownAs, typeOf, type YamlEntry, type YamlList, type YamlNode, type YamlScalar } from "../yaml.ts";
import { allOf, anyOf, not } from "./expression.ts";
import { parseFieldKey } from "./modifiers.ts";
import { toExpression, type Item } from "./values.ts";

/** Values of one list. Larger sets belong into a list file and `expand`. */
const VALUES_MAX = 10_000;
/** Tests that the values of one field may stand for after modifiers. */
const TESTS_MAX = 50_000;

/** The expression of a detection, or null when it has errors. */
export function parseDetection(name: string, node: YamlNode, findings: Findings): Expression | null {
  const isEmpty =
    node.kind === "scalar"
      ? node.value === null
      : node.kind === "map"
        ? node.entries.length === 0
        : node.items.length === 0;
  if (isEmpty) {
    findings.error("detection_empty", node.at, {
      message: `detection \`${name}\` is empty`,
      value: name,
      remedy: "write fields or keywords, or remove it",
    });
    return null;
  }
  if (node.kind === "list") return parseAlternatives(name, node, findings);
  if (node.kind === "map")
    return whole(
      node.entries.map((entry) => parseItem(entry, findings)),
      allOf,
    );
  return keyword(node, findings);
}

function parseAlternatives(name: string, node: YamlList, findings: Findings): Expression | null {
  const parts = unique(node.items).map((item) =>
    item.kind === "scalar" ? keyword(item, findings) : parseDetection(name, item, findings),
  );
  return whole(parts, anyOf);
}

function keyword(node: YamlScalar, findings: Findings): Expression | null {
  const parsed = parseFieldKey(node, "", findings);
  return parsed === null ? null : toExpression(node, { ...parsed, findings });
}

/** The joined expression when no part failed. */
function whole(
  parts: readonly (Expression | null)[],
  join: (parts: readonly Expression[]) => Expression,
): Expression | null {
  const good = parts.filter((part) => part !== null);
  return good.length === parts.length ? join(good) : null;
}

function parseItem(entry: YamlEntry, findings: Findings): Expression | null {
  const { value, keyNode } = entry;
  if (value.kind === "map") {
    const inner = value.entries[0]?.key ?? "subfield";
    findings.error("detection_map_value", value.at, {
      message: `the value of \`${entry.key}\` is a map`,
      value: shownAs(value),
      remedy: `write the field as ${entry.key}.${inner}`,
    });
    return null;
  }
  const parsed = parseFieldKey(keyNode, entry.key, findings);
  if (parsed === null) return null;
  const item: Item = { ...parsed, findings };
  const { chain, field } = parsed;
  if (field === null && chain.kind !== "text" && chain.kind !== "regex") {
    findings.error("keyword_value", keyNode.at, {
      message: `modifiers \`${entry.key}\` need a field before them`,
      value: entry.key,
      remedy: "write the name of a field",
    });
    return null;
  }
  const values = value.kind === "list" ? listValues(entry.key, value, item) : [value];
  if (values === null) return null;
  if (chain.all && values.length < 2) {
    findings.lapse("modifier_all_single", keyNode.at, {
      message: "`all` stands with a single value",
      value: entry.key,
      remedy: "remove `all`, or give a list of values",
    });
  }
  const made = whole(expand(values, item), chain.all ? allOf : anyOf);
  return made !== null && chain.neq ? not(made) : made;
}

/** The expression of each value, while they stay in bounds: windash makes many of one. */
function expand(values: readonly YamlScalar[], item: Item): readonly (Expression | null)[] {
  const made: (Expression | null)[] = [];
  let tests = 0;
  for (const node of values) {
    const one = toExpression(node, item);
    made.push(one);
    tests += one?.op === "or" ? one.of.length : 1;
    if (tests <= TESTS_MAX) continue;
    item.findings.error("rule_too_large", node.at, {
      message: `the values stand for more than ${TESTS_MAX} tests`,
      value: node.source,
      remedy: "split the values over several rules",
    });
    return [null];
  }
  return made;
}

/** The scalars of a list of values, each once; null when something else stands in it. */
function listValues(key: string, list: YamlList, { chain, findings, field }: Item): readonly YamlScalar[] | null {
  if (list.items.length === 0 || list.items.length > VALUES_MAX) {
    const code = list.items.length === 0 ? "detection_empty" : "rule_too_large";
    const message =
      list.items.length === 0
        ? `the list of values of \`${key}\` is empty`
        : `\`${key}\` has more than ${VALUES_MAX} values`;
    findings.error(code, list.at, {
      message,
      value: key,
      remedy:
        list.items.length === 0
          ? "give values; for no value at all write null"
          : "keep them in a list and use `expand`",
    });
    return null;
  }
  const wrong = list.items.find((item) => item.kind !== "scalar");
  if (wrong !== undefined) {
    findings.error("detection_value", wrong.at, {
      message: `${typeOf(wrong)} stands in the list of values of \`${key}\``,
      value: shownAs(wrong),
      remedy: "give texts, numbers, true or false",
    });
    return null;
  }
  const scalars = list.items.filter((item): item is YamlScalar => item.kind === "scalar");
  const empty = scalars.find((scalar) => scalar.value === null);
  if (empty !== undefined && chain.kind === "text" && chain.steps.length === 0 && field !== null) {
    findings.lapse("detection_null_in_list", empty.at, {
      message: `null stands in the list of values of \`${key}\``,
      value: "null",
      remedy: "make two detections, one with null, and join them by `or`",
    });
  }
  const sensitive =
    chain.cased ||
    chain.kind === "regex" ||
    chain.kind === "fieldref" ||
    chain.steps.some((step) => step.startsWith("base64"));
  return unique(scalars, sensitive);
}

/** The nodes without scalars that say the same again: the same type and, unless `sensitive`, the same text without case. */
function unique<N extends YamlNode>(nodes: readonly N[], sensitive = false): readonly N[] {
  const seen = new Set<string>();
  return nodes.filter((node) => {
    if (node.kind !== "scalar") return true;
    const text = typeof node.value === "string" ? node.value : node.source;
    const key = `${typeof node.value} ${sensitive ? text : fold(text)}`;
    return !seen.has(key) && seen.add(key);
  });
}
