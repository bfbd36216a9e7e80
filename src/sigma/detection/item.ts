/**
 * One line of a detection, a field with its modifiers and values, to an expression.
 *
 * Values are alternatives, or all demanded under `all`; `neq` turns the whole line round. Where a name of another taxonomy
 * stands for several fields, any of them will do, and for `null` and `exists: false` all of them must be empty.
 */
import type { Expression } from "../ast.ts";
import { fold } from "../leaf/fold.ts";
import { shownAs, typeOf, type YamlEntry, type YamlList, type YamlNode, type YamlScalar } from "../yaml.ts";
import { allOf, anyOf, holdsOfNothing, leaf, not, UNREAD, whole } from "./expression.ts";
import { type FieldKey, parseFieldKey } from "./modifiers.ts";
import { overMembers } from "./selector.ts";
import { type Reading, type Target, toOneField, toTarget } from "./target.ts";
import { type Item, toExpression } from "./values.ts";

/** Values of one list. Larger sets belong into a list file and `expand`. */
const VALUES_MAX = 10_000;
/** Tests that the values of one field may stand for after modifiers. */
const TESTS_MAX = 50_000;

/** What a key of a detection says, before its value is read. */
export type Key = FieldKey & { readonly target: Target };

/** Reads a key; null when its name means nothing, which is reported. */
export function parseKey({ key, keyNode }: YamlEntry, reading: Reading): Key | null {
  const parsed = parseFieldKey(keyNode, key, reading.findings);
  const target = toTarget(parsed.field, keyNode, reading);
  return target === null ? null : { ...parsed, target };
}

/** The expression of a keyword, or null when it was refused. */
export function parseKeyword(node: YamlScalar, reading: Reading): Expression | null {
  const { chain } = parseFieldKey(node, "", reading.findings);
  return chain === null ? null : toExpression(node, toItem({ field: null, chain, keyAt: node.at }, reading));
}

function toItem(of: Pick<Item, "field" | "chain" | "keyAt">, reading: Reading): Item {
  const { findings, lists, check, isMember } = reading;
  return {
    ...of,
    findings,
    lists,
    check: check === null ? null : (leaf) => check(leaf, isMember),
    refer: (name, node) => toOneField(name, node, reading),
  };
}

/** The expression of a line whose value is no map; torn or null when it has errors. */
export function parseItem(entry: YamlEntry, of: Key, reading: Reading): Expression | null {
  const { value, keyNode } = entry;
  const { chain, target, field } = of;
  const { findings } = reading;
  if (chain === null) return toUnread(entry, target, reading);
  if (field === null && chain.kind !== "text" && chain.kind !== "regex") {
    findings.error("keyword_value", keyNode.at, {
      message: `modifiers \`${entry.key}\` need a field before them`,
      value: entry.key,
      remedy: "write the name of a field",
    });
    return null;
  }
  const isMember = reading.isMember || target.steps.length > 0;
  const item = toItem({ field, chain, keyAt: keyNode.at }, { ...reading, isMember });
  const values = value.kind === "list" ? listValues(entry.key, value, item) : [value];
  if (values === null) return null;
  if (chain.all && values.length < 2) {
    findings.lapse("modifier_all_single", keyNode.at, {
      message: "`all` stands with a single value",
      value: entry.key,
      remedy: "remove `all`, or give a list of values",
    });
  }
  const made = target.of.type === "outcome" ? toOutcome(values, item, target.of) : overFields(values, item, target);
  const line = overMembers(target.steps, chain.neq ? not(made) : made, true);
  if (line.op !== "leaf") findings.writtenAs.set(line, { at: value.at, fieldAt: keyNode.at, source: entry.key });
  return line;
}

/** A line whose modifiers are wrong: nothing is known of it but its fields, which are checked all the same. */
function toUnread({ key, keyNode, value }: YamlEntry, { of, steps }: Target, reading: Reading): Expression {
  const { findings, check, isMember } = reading;
  const names = of.type === "fields" ? of.fields.filter((name) => name !== null) : [];
  const leaves = names.map((name) => leaf(name, { type: "exists", value: true }));
  for (const made of leaves) {
    findings.writtenAs.set(made, { at: value.at, fieldAt: keyNode.at, source: key });
    const wrong = check?.(made, isMember || steps.length > 0) ?? null;
    if (wrong === null) continue;
    const { code, part: _field, ...words } = wrong;
    findings.error(code, keyNode.at, words);
  }
  return overMembers(steps, allOf([UNREAD, ...leaves]), true);
}

/** The values over each field that the name stands for. */
function overFields(values: readonly YamlNode[], item: Item, target: Target): Expression {
  const fields = target.of.type === "fields" ? target.of.fields : [];
  const made = fields.map((field) => whole(expand(values, { ...item, field }), item.chain.all ? allOf : anyOf));
  const [first] = made;
  return whole(made, first !== undefined && holdsOfNothing(first) ? allOf : anyOf);
}

/** What a failed call has in its record: an error, or a failed sign-in. */
function failed({ findings, keyAt }: Item, node: YamlScalar): Expression {
  const leaves = [
    leaf("errorCode", { type: "null" }),
    leaf("errorMessage", { type: "null" }),
    leaf("responseElements.ConsoleLogin", { type: "text", pattern: ["Failure"], cased: false }),
  ] as const;
  for (const made of leaves) findings.writtenAs.set(made, { at: node.at, fieldAt: keyAt, source: node.source });
  return anyOf([not(leaves[0]), not(leaves[1]), leaves[2]]);
}

/** Success or failure of a call, as the taxonomy words it. */
function toOutcome(
  values: readonly YamlNode[],
  item: Item,
  words: { readonly success: string; readonly failure: string },
): Expression {
  const { chain, findings } = item;
  const isPlain = chain.kind === "text" && chain.steps.length === 0 && !chain.expand;
  const made = values.map((node) => {
    if (node.kind !== "scalar") return null;
    const text = fold(typeof node.value === "string" ? node.value : node.source);
    if (isPlain && text === words.failure) return failed(item, node);
    if (isPlain && text === words.success) return not(failed(item, node));
    findings.error("taxonomy_field", node.at, {
      message: `only ${words.success} and ${words.failure} can be told from a record, without modifiers`,
      value: node.source,
      remedy: `write ${words.success} or ${words.failure}, or test errorCode in a rule of taxonomy sigma`,
    });
    return null;
  });
  return whole(made, chain.all ? allOf : anyOf);
}

/** The expression of each value, while they stay in bounds: windash makes many of one. */
function expand(values: readonly YamlNode[], item: Item): readonly (Expression | null)[] {
  const made: (Expression | null)[] = [];
  let tests = 0;
  for (const node of values) {
    if (node.kind !== "scalar") {
      made.push(null);
      continue;
    }
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

/** The values of a list, each once; null when there are none or too many. What is no scalar was reported. */
function listValues(key: string, list: YamlList, { chain, findings, field }: Item): readonly YamlNode[] | null {
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
  return unique(list.items, sensitive);
}

/** The nodes without scalars that say the same again: the same type and, unless `sensitive`, the same text without case. */
export function unique<N extends YamlNode>(nodes: readonly N[], sensitive = false): readonly N[] {
  const seen = new Set<string>();
  return nodes.filter((node) => {
    if (node.kind !== "scalar") return true;
    const text = typeof node.value === "string" ? node.value : node.source;
    const key = `${typeof node.value} ${sensitive ? text : fold(text)}`;
    return !seen.has(key) && seen.add(key);
  });
}
