/**
 * The modifiers behind a field name: which exist, which may stand together, and what they ask for.
 *
 * The legal chains are one table of regular expressions over the names, so that the specification's matrix can be read
 * off it. `all`, `neq` and `cased` may stand anywhere and are taken out first. Many public rules have `windash` or `expand`
 * behind `contains`, where they mean the same: only strict mode refuses that. Unknown or ill-placed modifiers are reported;
 * nothing is ever ignored.
 */
import type { Comparison, TextStep, TimePart } from "../ast.ts";
import type { Findings } from "../problems.ts";
import type { YamlScalar } from "../yaml.ts";

/** Where a regular expression or field reference must stand; both ends mean contains. */
export type Anchor = "contains" | "startswith" | "endswith";

/** A chain of modifiers, understood. */
export type Chain = {
  readonly kind: "text" | "regex" | "cidr" | "fieldref" | "exists" | "compare" | "timepart";
  /** Text only. */
  readonly steps: readonly TextStep[];
  readonly expand: boolean;
  /** Regex and fieldref. */
  readonly anchor: Anchor | null;
  /** Regex: letters of i, m, s. */
  readonly flags: string;
  /** Compare. */
  readonly operator: Comparison | null;
  /** Compare and timepart. */
  readonly part: TimePart | null;
  readonly all: boolean;
  readonly neq: boolean;
  readonly cased: boolean;
};

const PARTS = "minute|hour|day|week|month|year";
const COMPARISONS = "gt|gte|lt|lte";
const ANCHORS = "contains|startswith|endswith";
const FLAGS = "i|ignorecase|m|multiline|s|dotall";
const ENCODINGS = "utf16le|utf16be|utf16|wide|base64|base64offset";

/** Every modifier, for messages. */
const MODIFIERS: readonly string[] =
  `${ENCODINGS}|windash|expand|${ANCHORS}|re|${FLAGS}|cidr|fieldref|exists|${COMPARISONS}|${PARTS}|all|neq|cased`.split(
    "|",
  );

/** Where a chain of text begins. */
const ENCODED = "^(?:(?:utf16le|utf16be|utf16|wide) ?)?(?:(?:base64offset|base64) ?)?";
/** Chains of text whose end stands in any order. */
const ANY_ORDER = new RegExp(`${ENCODED}(?:(?:windash|expand|${ANCHORS}) ?)*$`);

/** The legal chains over names joined by spaces, without all, neq and cased. */
const CHAINS: readonly (readonly [Chain["kind"], RegExp])[] = [
  ["text", new RegExp(`${ENCODED}(?:windash ?)?(?:expand ?)?(?:(?:${ANCHORS}) ?)*$`)],
  ["regex", new RegExp(`^re(?: (?:${FLAGS}))*(?: expand)?(?: (?:${ANCHORS}))?$`)],
  ["cidr", /^cidr$/],
  ["fieldref", new RegExp(`^fieldref(?: (?:${ANCHORS}))?$`)],
  ["exists", /^exists$/],
  ["compare", new RegExp(`^(?:(?:${PARTS}) )?(?:${COMPARISONS})$`)],
  ["timepart", new RegExp(`^(?:${PARTS})$`)],
];
/** Modifiers that may stand anywhere. */
const FREE: ReadonlySet<string> = new Set(["all", "neq", "cased"]);
/** Kinds whose comparison has no case. */
const CASELESS: ReadonlySet<Chain["kind"]> = new Set(["cidr", "exists", "compare", "timepart"]);

/** A field's key, taken apart. `field` null for keywords; `chain` null where the modifiers are wrong, which is reported. */
export type FieldKey = { readonly field: string | null; readonly chain: Chain | null };

/** A bare field name. */
const NO_MODIFIERS: Chain = {
  kind: "text",
  steps: [],
  expand: false,
  anchor: null,
  flags: "",
  operator: null,
  part: null,
  all: false,
  neq: false,
  cased: false,
};

/** Reads "field|modifier|modifier". */
export function parseFieldKey(keyNode: YamlScalar, key: string, findings: Findings): FieldKey {
  const [name = "", ...modifiers] = key.split("|");
  return { field: name === "" ? null : name, chain: parseChain(keyNode, { name, modifiers }, findings) };
}

/** The chain behind a name; null when something was wrong, which is reported. */
function parseChain(
  keyNode: YamlScalar,
  { name, modifiers }: { readonly name: string; readonly modifiers: readonly string[] },
  findings: Findings,
): Chain | null {
  if (modifiers.length === 0) return NO_MODIFIERS;
  let index = name.length + 1;
  let known = true;
  for (const modifier of modifiers) {
    if (!MODIFIERS.includes(modifier)) {
      known = false;
      findings.error("modifier_unknown", findings.inside(keyNode, index), {
        message: `unknown modifier \`${modifier}\`${findings.suggest(modifier, MODIFIERS)}`,
        value: modifier,
        remedy: `use one of ${MODIFIERS.join(", ")}`,
      });
    }
    index += modifier.length + 1;
  }
  if (!known) return null;
  const at = findings.inside(keyNode, name.length + 1);
  const ordered = inOrder(modifiers);
  const chain = toChain(ordered);
  const value = modifiers.join("|");
  if (typeof chain !== "string") {
    if (ordered !== modifiers) {
      const message = `the modifiers \`${value}\` stand in another order than Sigma has them`;
      findings.lapse("modifier_chain", at, { message, value, remedy: `write \`${ordered.join("|")}\`` });
    }
    return chain;
  }
  findings.error("modifier_chain", at, {
    message: chain,
    value,
    remedy: "see the legal chains of modifiers in docs/rule-language.md",
  });
  return null;
}

/** The modifiers with `windash` and `expand` before what they stand behind, where that alone is wrong; else the same array. */
function inOrder(modifiers: readonly string[]): readonly string[] {
  const names = modifiers.filter((modifier) => !FREE.has(modifier));
  if (!ANY_ORDER.test(names.join(" ")) || CHAINS.some(([, shape]) => shape.test(names.join(" ")))) return modifiers;
  const places = ["windash", "expand", ...ANCHORS.split("|")];
  const rank = (name: string): number => Math.min(places.indexOf(name), places.indexOf("contains"));
  const sorted = names.toSorted((a, b) => rank(a) - rank(b));
  return [...sorted, ...modifiers.filter((modifier) => FREE.has(modifier))];
}

/** The chain, or what is wrong with it. */
function toChain(modifiers: readonly string[]): Chain | string {
  const names = modifiers.filter((modifier) => !FREE.has(modifier));
  if (new Set(modifiers).size < modifiers.length) return "a modifier stands twice";
  const kind = CHAINS.find(([, shape]) => shape.test(names.join(" ")))?.[0];
  if (kind === undefined) return whyNot(names);
  const cased = modifiers.includes("cased");
  const flags = names.flatMap((name) => (FLAGS.split("|").includes(name) ? [shortFlag(name)] : []));
  if (cased && (CASELESS.has(kind) || flags.includes("i")))
    return `\`cased\` has no meaning with \`${names.join("|")}\``;
  if (new Set(flags).size < flags.length) return "a flag of the regular expression stands twice";
  return {
    kind,
    steps: kind === "text" ? names.filter((name): name is TextStep => name !== "expand") : [],
    expand: names.includes("expand"),
    anchor:
      kind === "regex" || kind === "fieldref"
        ? (names.find((name): name is Anchor => ANCHORS.split("|").includes(name)) ?? null)
        : null,
    flags: flags.join(""),
    operator: names.find((name): name is Comparison => COMPARISONS.split("|").includes(name)) ?? null,
    part: names.find((name): name is TimePart => PARTS.split("|").includes(name)) ?? null,
    all: modifiers.includes("all"),
    neq: modifiers.includes("neq"),
    cased,
  };
}

function shortFlag(name: string): string {
  return name === "dotall" ? "s" : name.charAt(0);
}

function whyNot(names: readonly string[]): string {
  const has = (list: string): boolean => names.some((name) => list.split("|").includes(name));
  if (has(FLAGS) && names[0] !== "re")
    return `the flag \`${names.find((name) => FLAGS.split("|").includes(name))}\` needs \`re\` before it`;
  if (has("cidr") && has("expand"))
    return "`cidr` is not needed with `expand`: a list of networks says its type itself";
  return `the modifiers \`${names.join("|")}\` cannot stand together in this order`;
}
