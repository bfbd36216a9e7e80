/**
 * `sagewatch rules coverage`: what the rules cover of ATT&CK and ATLAS, and what must be switched on for them.
 *
 * For a detection engineer who looks for gaps, and a platform engineer who must know which logs to pay for. Layers for the
 * Navigators are written only where --out asks for them. Tags that name no known technique or tactic are told: they cover
 * nothing that anyone could look up.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { openRules } from "../../compose/rules.ts";
import { loadConfig } from "../../config/load.ts";
import { ADAPTERS } from "../../config/registries.ts";
import { toLayer } from "../../encode/navigator.ts";
import { type KnownTechnique, knownTechnique, tacticNames } from "../../encode/technique.ts";
import { safeJson, safeLine } from "../../lib/safe-text.ts";
import { renderColumns } from "../../lib/text-table.ts";
import { SagewatchError, toMessage } from "../../model/errors.ts";
import { print, remark, type Terminal, widthOf } from "../../ops/terminal.ts";
import { DATA_SOURCES, toDataSources } from "../../rules/data-sources.ts";
import type { RuleSet } from "../../sigma/ast.ts";
import { toRules } from "./rules.ts";

export type CoverRules = {
  readonly paths: readonly string[];
  readonly out?: string;
  readonly format: "table" | "json";
  readonly config?: string;
};

type Matrix = "attack" | "atlas";
type Covered = KnownTechnique & { readonly rules: readonly string[] };
/** What the rules of a set that alert cover. */
type Coverage = {
  readonly rules: readonly {
    readonly id: string;
    readonly name: string;
    readonly title: string;
    readonly needs: readonly string[];
  }[];
  readonly attack: readonly Covered[];
  readonly atlas: readonly Covered[];
  readonly unknown: readonly { readonly tag: string; readonly rules: readonly string[] }[];
};

const NAMES: Readonly<Record<Matrix, string>> = { attack: "ATT&CK", atlas: "ATLAS" };

/** Prints the coverage, and writes the layers. Errors: config_*, rules_rejected, not_found; usage where a layer cannot be written. */
export async function coverRules(
  { paths, out, format, config: path }: CoverRules,
  terminal: Terminal,
): Promise<number> {
  const { config } = loadConfig({ path, adapters: ADAPTERS, secrets: "unread" });
  const { ruleSet } = openRules(config, paths.length === 0 ? null : paths, () => undefined);
  const coverage = toCoverage(ruleSet);
  if (out !== undefined) for (const matrix of ["attack", "atlas"] as const) writeLayer(out, matrix, coverage[matrix]);
  if (format === "json") await print(terminal, `${safeJson(JSON.stringify(coverage))}\n`);
  else await print(terminal, renderCoverage(coverage, widthOf(terminal.stdout)));
  if (out !== undefined)
    remark(terminal, safeLine(`Wrote ${join(out, "attack-layer.json")} and ${join(out, "atlas-layer.json")}.`));
  return 0;
}

function writeLayer(out: string, of: Matrix, covered: readonly Covered[]): void {
  const path = join(out, `${of}-layer.json`);
  try {
    mkdirSync(out, { recursive: true });
    writeFileSync(path, `${JSON.stringify(toLayer(of, covered), null, 2)}\n`);
  } catch (error) {
    throw new SagewatchError("usage", `rules coverage: ${path} cannot be written: ${toMessage(error)}`, {
      cause: error,
    });
  }
}

/** Only rules that alert cover anything; a correlation covers what its own tags say. */
function toCoverage(ruleSet: RuleSet): Coverage {
  const needs = toDataSources(ruleSet);
  const rules = toRules(ruleSet).filter(({ alerts }) => alerts);
  const names = new Map(rules.map((rule) => [rule.id, nameOf(rule.place.file)]));
  const byTechnique = new Map<string, Set<string>>();
  const unknown = new Map<string, Set<string>>();
  for (const { id, tags } of rules) {
    for (const tag of tags) {
      const technique = toTechniqueId(tag);
      if (technique === null || isTactic(tag)) continue;
      const into = knownTechnique(technique) === null ? unknown : byTechnique;
      const key = into === unknown ? tag : technique;
      into.set(key, (into.get(key) ?? new Set()).add(names.get(id) ?? id));
    }
  }
  const covered = [...byTechnique]
    .flatMap(([id, of]) => {
      const known = knownTechnique(id);
      return known === null ? [] : [{ ...known, rules: [...of].toSorted() }];
    })
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return {
    rules: rules.map(({ id, title }) => ({ id, name: names.get(id) ?? id, title, needs: needs.get(id) ?? [] })),
    attack: covered.filter(({ id }) => !id.startsWith("AML.")),
    atlas: covered.filter(({ id }) => id.startsWith("AML.")),
    unknown: [...unknown].map(([tag, of]) => ({ tag, rules: [...of].toSorted() })),
  };
}

function nameOf(file: string): string {
  return basename(file).replace(/\.ya?ml$/i, "");
}

/** "T1078.004" of attack.t1078.004, "AML.T0040" of atlas.aml.t0040; null for tags of other name spaces. */
function toTechniqueId(tag: string): string | null {
  const [space = "", ...rest] = tag.split(".");
  if (!["attack", "atlas"].includes(space.toLowerCase())) return null;
  return rest.join(".").toUpperCase();
}

function isTactic(tag: string): boolean {
  const [space = "", name = ""] = tag.toLowerCase().split(".");
  if (space !== "attack" && space !== "atlas") return false;
  return tacticNames(space).some((tactic) => tactic.toLowerCase().replaceAll(" ", "-") === name.replaceAll("_", "-"));
}

function renderCoverage(coverage: Coverage, width: number): string {
  const parts = [
    renderMatrix("attack", coverage.attack, width),
    renderMatrix("atlas", coverage.atlas, width),
    renderNeeds(coverage, width),
    renderUnknown(coverage),
  ];
  return parts.filter((part) => part !== "").join("\n");
}

/** Tactic by tactic; a technique with several tactics stands under each. Tactics without a rule are named: they are the gaps. */
function renderMatrix(of: Matrix, covered: readonly Covered[], width: number): string {
  const tactics = tacticNames(of);
  const rows = tactics.flatMap((tactic) =>
    covered
      .filter((technique) => technique.tactics.includes(tactic))
      .map(({ id, name, rules }, index) => [index === 0 ? tactic : "", `${id} ${name}`, toRuleCell(rules)]),
  );
  const retired = covered.filter((technique) => technique.tactics.length === 0);
  const rest = retired.map(({ id, name, rules }, index) => [
    index === 0 ? "(retired)" : "",
    `${id} ${name}`,
    toRuleCell(rules),
  ]);
  const empty = tactics.filter((tactic) => !covered.some((technique) => technique.tactics.includes(tactic)));
  const head = `${NAMES[of]}: ${covered.length} techniques in ${tactics.length - empty.length} of ${tactics.length} tactics`;
  const table = renderColumns(
    ["TACTIC", "TECHNIQUE", "RULES"],
    [...rows, ...rest].map((row) => row.map(safeLine)),
    {
      floors: { TACTIC: 14, TECHNIQUE: 28, RULES: 20 },
      width,
    },
  );
  const gaps = empty.length === 0 ? [] : [`No rule: ${empty.join(", ")}.`];
  return [head, "", `${table}${gaps.map((line) => `${line}\n`).join("")}`].join("\n");
}

/** "13: br-invoke-burst, …": the number first, since the names are cut. */
function toRuleCell(rules: readonly string[]): string {
  return `${rules.length}: ${rules.join(", ")}`;
}

/** What to switch on, and what would see nothing without it. */
function renderNeeds({ rules }: Coverage, width: number): string {
  const rows = DATA_SOURCES.flatMap((source) => {
    const needing = rules.filter(({ needs }) => needs.includes(source)).map(({ name }) => name);
    return needing.length === 0 ? [] : [[source, toRuleCell([...new Set(needing)])].map(safeLine)];
  });
  const table = renderColumns(["SWITCH ON", "RULES THAT NEED IT"], rows, {
    floors: { "SWITCH ON": 38, "RULES THAT NEED IT": 20 },
    width,
  });
  return `Data sources\n\n${table}`;
}

function renderUnknown({ unknown }: Coverage): string {
  if (unknown.length === 0) return "";
  const lines = unknown.map(({ tag, rules }) => safeLine(`  ${tag}  in ${rules.join(", ")}`));
  return `Tags that name no known technique or tactic\n${lines.join("\n")}\n`;
}
