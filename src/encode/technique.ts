/**
 * Looks MITRE techniques up in the checked-in table: names for people, `attack` objects for OCSF.
 *
 * Ids come from rules, so any text may arrive here; an id that the table does not know is passed on as it is, without a
 * name. Pure.
 */
import type { Technique } from "../model/alert.ts";
import { ATLAS_VERSION, ATTACK_VERSION, TACTICS, TECHNIQUES } from "./attack-table.ts";

type Named = { readonly uid: string; readonly name?: string };

/** OCSF 1.8.0 object `attack`: one technique under one tactic. */
export type OcsfAttack = {
  readonly technique: Named;
  readonly sub_technique?: Named;
  readonly tactic?: Named;
  readonly version?: string;
};

/** Name of a technique; of a sub-technique "PARENT: NAME". Empty when the id is not known. */
export function techniqueName(id: Technique): string {
  const name = find(id)?.name ?? "";
  const parent = find(parentId(id))?.name ?? "";
  return parent === "" || name === "" ? name : `${parent}: ${name}`;
}

/**
 * One `attack` object for each tactic of the technique (OCSF has retired the list `tactics` inside one object), one
 * without a tactic when the id is revoked or not known. `version` stands only where the id is valid in that version.
 */
export function toOcsfAttacks(id: Technique): OcsfAttack[] {
  const parent = parentId(id);
  const technique = parent === "" ? { technique: named(id) } : { technique: named(parent), sub_technique: named(id) };
  const tacticIds = find(id)?.tacticIds ?? [];
  if (tacticIds.length === 0) return [technique];
  const version = id.startsWith("AML.") ? ATLAS_VERSION : ATTACK_VERSION;
  return tacticIds.map((uid) => Object.assign({ tactic: { uid, name: TACTICS[uid] ?? uid }, version }, technique));
}

function find(id: string): { name: string; tacticIds: readonly string[] } | undefined {
  const row = Object.hasOwn(TECHNIQUES, id) ? TECHNIQUES[id] : undefined;
  if (row === undefined) return undefined;
  const [name, ...tacticIds] = row;
  return { name, tacticIds };
}

/** "T1078" of "T1078.004", "AML.T0010" of "AML.T0010.001"; empty for a technique and for any other text. */
function parentId(id: string): string {
  return /^((?:AML\.)?T\d{4})\.\d{3}$/.exec(id)?.[1] ?? "";
}

function named(uid: string): Named {
  const row = find(uid);
  return row === undefined ? { uid } : { uid, name: row.name };
}

/** A technique or tactic that a table has: `tactics` empty when it is revoked, `page` where MITRE describes it. */
export type KnownTechnique = {
  readonly id: Technique;
  readonly name: string;
  readonly tactics: readonly string[];
  readonly page: string;
};

/** The technique with the names of its tactics and its page; null when the table does not know the id. */
export function knownTechnique(id: Technique): KnownTechnique | null {
  const row = find(id);
  if (row === undefined) return null;
  const tactics = row.tacticIds.map((uid) => TACTICS[uid] ?? uid);
  return { id, name: techniqueName(id), tactics, page: toPage(id) };
}

/** https://attack.mitre.org, https://atlas.mitre.org */
function toPage(id: Technique): string {
  if (id.startsWith("AML.")) return `https://atlas.mitre.org/techniques/${id}`;
  return `https://attack.mitre.org/techniques/${id.replace(".", "/")}`;
}

/** Names of the tactics of ATT&CK or ATLAS, in the order of the matrix. */
export function tacticNames(of: "attack" | "atlas"): readonly string[] {
  return Object.entries(TACTICS)
    .filter(([uid]) => uid.startsWith("AML.") === (of === "atlas"))
    .map(([, name]) => name);
}
