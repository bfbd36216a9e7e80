/**
 * One value of a field under its chain of modifiers, to the expression that tests it.
 *
 * A value that modifiers turn into several texts (base64offset, windash) becomes an `or`, also under `all`. Numbers under
 * text modifiers are taken by their text in lenient mode. What cannot be tested is reported and gives null.
 */
import type { Expression, Pattern, Test, TextStep } from "../ast.ts";
import { normalisePattern } from "../leaf/text.ts";
import type { LeafFault } from "../plan/leaf-check.ts";
import type { Findings } from "../problems.ts";
import type { YamlScalar } from "../yaml.ts";
import { anyOf, leaf } from "./expression.ts";
import type { Chain } from "./modifiers.ts";
import { toNetworkText } from "./network.ts";
import { listsOf, parsePattern, partsOf } from "./pattern.ts";
import { checkRegex, regexWork } from "./regex.ts";
import { joinTexts, splitPlaceholders } from "./regex-placeholders.ts";
import { isEncoding, type StepFault, takeSteps } from "./steps.ts";

/** What a value belongs to. `keyAt`: where its field stands. */
export type Item = {
  readonly field: string | null;
  readonly chain: Chain;
  readonly findings: Findings;
  readonly keyAt: number;
  /** The field of the record that a name in a value stands for; null when there is none, which is reported. */
  readonly refer: (name: string, node: YamlScalar) => string | null;
  /** What lists and fields have to say of a leaf; null: they are not at hand. */
  readonly check: ((leaf: LeafExpression) => LeafFault | null) | null;
  /** Names of the lists there are; null: placeholders are not checked. */
  readonly lists: ReadonlySet<string> | null;
};
type LeafExpression = Extract<Expression, { op: "leaf" }>;
/** What making the tests of a value needs to know. */
type Values = Omit<Item, "keyAt" | "check" | "lists">;

/** The smallest and largest value of each part of a timestamp; the week is the ISO week. */
const PART_RANGE = {
  minute: [0, 59],
  hour: [0, 23],
  day: [1, 31],
  week: [1, 53],
  month: [1, 12],
  year: [1, 9999],
} as const;

/** The expression of one value, or null when it was refused. */
export function toExpression(node: YamlScalar, item: Item): Expression | null {
  const tests = toTests(node, item);
  if (tests.length === 0) return null;
  const leaves = tests.map((test) => leaf(item.field, test));
  const written = { at: node.at, fieldAt: item.keyAt, source: node.source };
  for (const made of leaves) {
    item.findings.writtenAs.set(made, written);
    if (!checkLeaf(made, node, item)) return null;
  }
  return anyOf(leaves);
}

/** False for what lists and fields refuse, which is reported. */
function checkLeaf(made: LeafExpression, node: YamlScalar, { check, findings, keyAt, lists }: Item): boolean {
  const { test } = made;
  const missing = lists === null ? undefined : listsOf(partsOf(test)).find((list) => !lists.has(list));
  if (missing !== undefined) {
    findings.error("expand_list_unknown", node.at, {
      message: `no list is called \`${missing}\`${findings.suggest(missing, lists ?? [])}`,
      value: `%${missing}%`,
      remedy: `define \`${missing}\` under \`lists\` in the configuration; it may be empty`,
    });
    return false;
  }
  const wrong = check?.(made) ?? null;
  if (wrong === null) return true;
  const { code, part, ...words } = wrong;
  findings.error(code, part === "field" ? keyAt : node.at, words);
  return false;
}

function toTests(node: YamlScalar, item: Values): readonly Test[] {
  switch (item.chain.kind) {
    case "text":
      return toTextTests(node, item);
    case "regex":
      return toRegex(node, item);
    case "cidr":
      return toCidr(node, item);
    case "fieldref":
      return toFieldref(node, item);
    case "exists":
      return toExists(node, item);
    case "compare":
    case "timepart":
      return toNumeric(node, item);
  }
}

function toTextTests(node: YamlScalar, item: Values): readonly Test[] {
  const { field, chain, findings } = item;
  const { value } = node;
  const plain = chain.steps.length === 0 && !chain.expand && field !== null;
  if (plain && value === null) return [{ type: "null" }];
  if (plain && typeof value === "boolean") return [{ type: "boolean", value }];
  if (plain && typeof value === "number") {
    if (Number.isFinite(value)) return [{ type: "number", value, text: node.source }];
    findings.error("detection_value", node.at, {
      message: `${node.source} is no number that a record can hold`,
      value: node.source,
      remedy: "quote it to mean the text",
    });
    return [];
  }
  if (value === null) {
    const code = field === null ? "keyword_value" : "modifier_value";
    findings.error(code, node.at, {
      message: "nothing (null) is no text to look for",
      value: "null",
      remedy: "write `field: null` without modifiers, or the text",
    });
    return [];
  }
  if (typeof value !== "string" && field !== null) {
    findings.lapse("modifier_value", node.at, {
      message: `text modifiers stand on a ${typeof value}; its text is used`,
      value: node.source,
      remedy: "quote the value",
    });
  }
  return toTexts(node, typeof value === "string" ? value : node.source, item);
}

/** The tests that a text comes to by its modifiers. */
function toTexts(node: YamlScalar, text: string, item: Values): readonly Test[] {
  const { chain, findings } = item;
  const pattern = parsePattern(text, chain.expand);
  const isExpanded = pattern.some((part) => typeof part === "object");
  if (chain.expand && !isExpanded) warnNoPlaceholder(node, text, findings);
  const steps = toSteps(node, item);
  if (isExpanded && steps.some(isEncoding)) {
    // The entries are what is encoded: a word in their place tells whether the text around them can be.
    const sample = pattern.map((part) => (typeof part === "object" ? "word" : part));
    const made = takeSteps(normalisePattern(sample, true), steps);
    return "code" in made ? tell(made, node, findings) : [{ type: "encoded", pattern, steps, cased: chain.cased }];
  }
  const patterns = takeSteps(pattern, steps);
  if ("code" in patterns) return tell(patterns, node, findings);
  if (patterns.some(isSought) && !findings.spend(SOUGHT_WORK)) {
    findings.error("rule_too_large", node.at, {
      message: "the values of this file look for too many texts with `?` or optional dashes inside longer ones",
      value: node.source,
      remedy: "write the characters out, anchor the value at its start or end, or split the file",
    });
    return [];
  }
  return patterns.map((made) => ({ type: "text", pattern: made, cased: chain.cased }));
}

/**
 * What looking for a text with single characters inside a longer one counts for, as work of regular expressions: on a text
 * of 1 MiB made for it one takes 5 ms, so a file is held to some 5 s on the worst record that is read.
 */
const SOUGHT_WORK = 500;

/** True for a pattern with single characters between two `*`. */
function isSought(pattern: Pattern): boolean {
  const stars = pattern.flatMap((part, index) => (part === 0 ? [index] : []));
  const [first, last] = [stars[0] ?? 0, stars.at(-1) ?? 0];
  return pattern.slice(first, last).some((part) => part === 1 || part === 2);
}

function warnNoPlaceholder(node: YamlScalar, value: string, findings: Findings): void {
  findings.warning("expand_no_placeholder", node.at, {
    message: "the value has no %placeholder%",
    value,
    remedy: "remove `expand`, or write the name of a list between percent signs",
  });
}

function tell({ code, message, remedy }: StepFault, node: YamlScalar, findings: Findings): readonly Test[] {
  findings.error(code, node.at, { message, value: node.source, remedy });
  return [];
}

/** The steps of a chain with what they imply, which is told: keywords are sought inside texts, and so are parts of base64. */
function toSteps(node: YamlScalar, { field, chain, findings }: Values): readonly TextStep[] {
  const { steps } = chain;
  const placed = steps.some((step) => step === "contains" || step === "startswith" || step === "endswith");
  const isOffset = steps.includes("base64offset");
  const utf16 = steps.some((step) => step.startsWith("utf16") || step === "wide");
  if (utf16 && !steps.some((step) => step.startsWith("base64"))) {
    findings.warning("encoding_alone", node.at, {
      message: "UTF-16 without base64 matches only text with zero characters in it",
      value: node.source,
      remedy: "add base64 or base64offset",
    });
  }
  if (isOffset && !placed) {
    findings.warning("encoding_alone", node.at, {
      message: "`base64offset` finds a part of longer text; `contains` is implied",
      value: node.source,
      remedy: "add `|contains`",
    });
  }
  return (field === null || isOffset) && !placed ? [...steps, "contains"] : steps;
}

function toRegex(node: YamlScalar, { chain, findings }: Values): readonly Test[] {
  if (node.value === null || typeof node.value === "boolean") return refuse(node, findings, "`re` needs a text");
  const written = typeof node.value === "string" ? node.value : node.source;
  const parts = chain.expand ? splitPlaceholders(written) : [written];
  if (parts === null) {
    const remedy = "let placeholders stand outside [...] and \\Q...\\E";
    const message = "a placeholder stands where the regular expression takes letters one by one";
    findings.error("modifier_value", node.at, { message, value: written, remedy });
    return [];
  }
  const isExpanded = parts.some((part) => typeof part === "object");
  if (chain.expand && !isExpanded) warnNoPlaceholder(node, written, findings);
  if (!findings.spend(regexWork(written))) {
    findings.error("rule_too_large", node.at, {
      message: "the regular expressions of this file have too many bounded repetitions, wide ranges or Unicode classes",
      value: written,
      remedy: "use `+` or `*` in place of {n,m}, or split the file",
    });
    return [];
  }
  const has = (flag: string): boolean => chain.flags.includes(flag);
  const flags = { ignoreCase: has("i"), multiline: has("m"), dotAll: has("s") };
  // Any entry will do to see whether the expression around it is one.
  const sample = parts.map((part) => (typeof part === "object" ? "(?:x)" : part)).join("");
  const problem = checkRegex({ source: sample, ...flags });
  if (problem !== null) {
    findings.error(problem.code, node.at, { ...problem, value: written });
    return [];
  }
  const [before, behind] = ANCHORED[chain.anchor ?? "contains"];
  if (isExpanded) return [{ type: "regex_expand", parts: joinTexts([before, ...parts, behind]), ...flags }];
  return [{ type: "regex", source: before + sample + behind, ...flags }];
}

/** What stands around an expression: a search needs no `.*`; the other two fix an end, whatever alternatives there are. */
const ANCHORED = { contains: ["", ""], startswith: ["^(?:", ")"], endswith: ["(?:", ")$"] } as const;

function toCidr(node: YamlScalar, { findings }: Values): readonly Test[] {
  const network = typeof node.value === "string" ? toNetworkText(node.value) : null;
  if (network === null) {
    findings.error("cidr_invalid", node.at, {
      message: `\`${node.source}\` is no IPv4 or IPv6 network`,
      value: node.source,
      remedy: "write an address and a prefix length, such as 10.0.0.0/8 or 2001:db8::/32",
    });
    return [];
  }
  if (network.hostBits) {
    findings.lapse("cidr_host_bits", node.at, {
      message: `\`${node.source}\` has host bits set`,
      value: node.source,
      remedy: `write ${network.text}`,
    });
  }
  return [{ type: "cidr", network: network.text }];
}

function toFieldref(node: YamlScalar, { chain, findings, refer }: Values): readonly Test[] {
  if (typeof node.value !== "string" || node.value === "")
    return refuse(node, findings, "`fieldref` needs the name of a field");
  const field = refer(node.value, node);
  if (field === null) return [];
  return [{ type: "fieldref", field, mode: chain.anchor ?? "equals", cased: chain.cased }];
}

function toExists(node: YamlScalar, { findings }: Values): readonly Test[] {
  if (typeof node.value === "boolean") return [{ type: "exists", value: node.value }];
  const word = typeof node.value === "string" ? node.value.toLowerCase() : "";
  if (!["true", "yes", "false", "no"].includes(word)) return refuse(node, findings, "`exists` needs true or false");
  const value = word === "true" || word === "yes";
  findings.lapse("modifier_value", node.at, {
    message: "`exists` needs true or false, not a text",
    value: node.source,
    remedy: `write ${value} without quotes`,
  });
  return [{ type: "exists", value }];
}

function toNumeric(node: YamlScalar, { chain, findings }: Values): readonly Test[] {
  const isText = typeof node.value === "string" && /^-?\d+(?:\.\d+)?$/.test(node.value);
  const value = typeof node.value === "number" ? node.value : isText ? Number(node.value) : Number.NaN;
  const name = chain.part ?? chain.operator ?? "";
  if (!Number.isFinite(value)) return refuse(node, findings, `\`${name}\` needs a number`);
  if (isText)
    findings.lapse("modifier_value", node.at, {
      message: `\`${name}\` needs a number, not a text`,
      value: node.source,
      remedy: "remove the quotes",
    });
  if (chain.part !== null) {
    const [low, high] = PART_RANGE[chain.part];
    if (value < low || value > high || !Number.isInteger(value)) {
      const words = {
        message: `\`${chain.part}\` is a whole number from ${low} to ${high}`,
        value: node.source,
        remedy: "mend the number",
      };
      if (chain.operator === null) findings.error("modifier_value", node.at, words);
      else findings.warning("modifier_value", node.at, words);
      if (chain.operator === null) return [];
    }
  }
  if (chain.operator !== null) return [{ type: "compare", operator: chain.operator, value, part: chain.part }];
  return chain.part === null ? [] : [{ type: "timepart", part: chain.part, value }];
}

function refuse(node: YamlScalar, findings: Findings, message: string): readonly Test[] {
  findings.error("modifier_value", node.at, {
    message: `${message}; here stands \`${node.source === "" ? "nothing" : node.source}\``,
    value: node.source,
    remedy: "mend the value",
  });
  return [];
}
