/**
 * The modifiers behind a field name: which exist, which may stand together, and what they ask for.
 *
 * The legal chains are one table of regular expressions over the names, so that the specification's matrix can be read
 * off it. `all`, `neq` and `cased` may stand anywhere and are taken out first; `contains`, `startswith`, `endswith`,
 * `windash` and `expand` commute. Unknown or ill-placed modifiers are reported; nothing is ever ignored.
 */
import type { Comparison, TimePart } from "../ast.ts";
import type { Findings } from "../problems.ts";
import type { YamlScalar } from "../yaml.ts";

/** What a chain does to text, in the order written. */
export type TextStep =
  | "utf16le"
  | "utf16be"
  | "utf16"
  | "wide"
  | "base64"
  | "base64offset"
  | "windash"
  | "contains"
  | "startswith"
  | "endswith";

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

/** The legal chains over names joined by spaces, without all, neq and cased. */
const CHAINS: readonly (readonly [Chain["kind"], RegExp])[] = [
  [
    "text",
    new RegExp(`^(?:(?:utf16le|utf16be|utf16|wide) ?)?(?:(?:base64offset|base64) ?)?(?:(?:windash|${ANCHORS}) ?)*$`),
  ],
  ["text", new RegExp(`^(?:(?:windash|expand|${ANCHORS}) ?)*$`)],
  ["regex", new RegExp(`^re(?: (?:${FLAGS}))*(?: expand)?(?: (?:${ANCHORS}))?$`)],
  ["cidr", /^cidr$/],
  ["fieldref", new RegExp(`^fieldref(?: (?:${ANCHORS}))?$`)],
  ["exists", /^exists$/],
  ["compare", new RegExp(`^(?:(?:${PARTS}) )?(?:${COMPARISONS})$`)],
  ["timepart", new RegExp(`^(?:${PARTS})$`)],
];
/** Kinds whose comparison has no case. */
const CASELESS: ReadonlySet<Chain["kind"]> = new Set(["cidr", "exists", "compare", "timepart"]);

/** A field's key, taken apart. `field` null for keywords. */
export type FieldKey = { readonly field: string | null; readonly chain: Chain };

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

/** Reads "field|modifier|modifier". Null when something was wrong, which is reported. */
export function parseFieldKey(keyNode: YamlScalar, key: string, findings: Findings): FieldKey | null {
  const [name = "", ...modifiers] = key.split("|");
  const field = name === "" ? null : name;
  if (modifiers.length === 0) return { field, chain: NO_MODIFIERS };
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
  const chain = toChain(modifiers);
  if (typeof chain !== "string") return { field, chain };
  findings.error("modifier_chain", findings.inside(keyNode, name.length + 1), {
    message: chain,
    value: modifiers.join("|"),
    remedy: "see the legal chains of modifiers in docs/rule-language.md",
  });
  return null;
}

/** The chain, or what is wrong with it. */
function toChain(modifiers: readonly string[]): Chain | string {
  const free = new Set(["all", "neq", "cased"]);
  const names = modifiers.filter((modifier) => !free.has(modifier));
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
  if (has(ENCODINGS) && has("expand")) return "a placeholder cannot be encoded: its values are known only later";
  return `the modifiers \`${names.join("|")}\` cannot stand together in this order`;
}
