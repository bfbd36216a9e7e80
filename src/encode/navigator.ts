/**
 * Layers for MITRE's ATT&CK Navigator and ATLAS Navigator: which techniques rules name, shaded by how many do.
 *
 * ATT&CK: layer format 4.5 (https://github.com/mitre-attack/attack-navigator, layers/spec/v4.5/layerformat.md). ATLAS: the
 * form of MITRE's own layers, format 4.3 and the domain atlas-atlas (https://github.com/mitre-atlas/atlas-navigator-data).
 * A technique without a tactic of its own in the layer is shown under each tactic that it has. Pure.
 */
import { ATLAS_VERSION, ATTACK_VERSION } from "./attack-table.ts";

/** A technique and the rules that name it. `rules`: file names or titles, each once. */
export type LayerEntry = { readonly id: string; readonly rules: readonly string[] };

/** A layer as the Navigator reads it. */
export type Layer = Readonly<Record<string, unknown>> & {
  readonly techniques: readonly Readonly<Record<string, unknown>>[];
};

/** From few rules to many. Told apart also by eyes that see no red or green. */
const COLOURS = ["#deebf7", "#08519c"];
/** The Navigators that read these forms: the oldest with which MITRE publishes them. */
const NAVIGATORS = { attack: "5.2.0", atlas: "4.6.4" };
const LAYER_FORMS = { attack: "4.5", atlas: "4.3" };

/** The layer of one matrix. */
export function toLayer(of: "attack" | "atlas", entries: readonly LayerEntry[]): Layer {
  const most = entries.reduce((max, { rules }) => Math.max(max, rules.length), 1);
  const version = of === "attack" ? ATTACK_VERSION : ATLAS_VERSION;
  return {
    name: of === "attack" ? "Sagewatch rules" : "Sagewatch rules (ATLAS)",
    versions: {
      ...(of === "attack" ? { attack: version } : {}),
      navigator: NAVIGATORS[of],
      layer: LAYER_FORMS[of],
    },
    domain: of === "attack" ? "enterprise-attack" : "atlas-atlas",
    description: "Techniques that the rules name. The score is the number of rules; the comment names them.",
    ...(of === "attack" ? { filters: { platforms: ["IaaS", "SaaS", "Identity Provider"] } } : {}),
    sorting: 3,
    layout: {
      layout: "side",
      showID: true,
      showName: true,
      showAggregateScores: false,
      countUnscored: false,
      aggregateFunction: "max",
      expandedSubtechniques: "annotated",
    },
    hideDisabled: false,
    techniques: toTechniques(entries),
    gradient: { colors: COLOURS, minValue: 0, maxValue: most },
    legendItems: [],
    metadata: [{ name: of === "attack" ? "ATT&CK version" : "atlas_data_version", value: version }],
    links: [],
    showTacticRowBackground: false,
    tacticRowBackground: "#dddddd",
    selectTechniquesAcrossTactics: true,
    selectSubtechniquesWithParent: false,
    selectVisibleTechniques: false,
  };
}

/** Entries by id; a technique whose sub-techniques are named shows them, whether it is named itself or not. */
function toTechniques(entries: readonly LayerEntry[]): Layer["techniques"] {
  const parents = new Set(entries.map(({ id }) => parentOf(id)).filter((id) => id !== ""));
  const named = new Set(entries.map(({ id }) => id));
  const unnamed = [...parents].filter((id) => !named.has(id));
  const all = [
    ...unnamed.map((id) => ({ techniqueID: id, enabled: true, showSubtechniques: true })),
    ...entries.map(({ id, rules }) => ({
      techniqueID: id,
      enabled: true,
      score: rules.length,
      comment: rules.join(", "),
      metadata: rules.map((rule) => ({ name: "rule", value: rule })),
      ...(parents.has(id) ? { showSubtechniques: true } : {}),
    })),
  ];
  return all.toSorted((a, b) => (a.techniqueID < b.techniqueID ? -1 : 1));
}

function parentOf(id: string): string {
  return /^((?:AML\.)?T\d{4})\.\d{3}$/.exec(id)?.[1] ?? "";
}
