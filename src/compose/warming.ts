/**
 * Which correlations are still warming up: their windows may know less than they should until one time span has passed.
 *
 * A reload and a start begin it (rules/changes.ts says for which rules); it goes on over restarts, so it is kept in a small
 * file of the state folder, written whole and renamed, which `rules list` reads without opening the store. What is over, or
 * of rules that are gone, is left out. A file that cannot be read counts as none: nothing hangs on it but what is told.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isObject } from "../lib/json.ts";
import { toMessage } from "../model/errors.ts";
import type { Emit } from "../model/signal.ts";
import type { Warming } from "../rules/changes.ts";
import { renameDurably, touchPrivate } from "../store/folder.ts";
import type { Rules } from "./rules.ts";

/** Name of the file in the state folder. */
export const WARMING = "rules-warming.json";

/** Signals of warming rules at once; the file has all. */
const SHOWN = 100;

/** Rule id → until when, epoch ms in whole seconds, of the rules that are warming at `nowMs`. */
export function readWarming(dir: string, nowMs: number): Map<string, number> {
  try {
    const kept: unknown = JSON.parse(readFileSync(join(dir, WARMING), "utf8"));
    if (!isObject(kept)) return new Map();
    return new Map(
      Object.entries(kept).filter(
        (entry): entry is [string, number] => typeof entry[1] === "number" && entry[1] > nowMs,
      ),
    );
  } catch {
    return new Map();
  }
}

/**
 * Notes that `begun` warm up from now on, beside those that do already. `told`: which are told by signals, those that begin
 * or all.
 */
export function noteWarming(
  at: { readonly dir: string; readonly nowMs: number; readonly emit: Emit },
  { ruleSet }: Pick<Rules, "ruleSet">,
  of: { readonly begun: readonly Warming[]; readonly told: "none" | "begun" | "all" },
): void {
  const { dir, nowMs, emit } = at;
  const kept = readWarming(dir, nowMs);
  const ids = new Set(ruleSet.correlations.map(({ id }) => id));
  const warming = new Map([...kept].filter(([id]) => ids.has(id)));
  for (const { id, timespanMs } of of.begun) warming.set(id, Math.ceil((nowMs + timespanMs) / 1000) * 1000);
  if (of.begun.length > 0 || warming.size < kept.size) keep(dir, warming, emit);
  if (of.told === "none") return;
  const begun = new Set(of.begun.map(({ id }) => id));
  const told = [...warming].filter(([id]) => of.told === "all" || begun.has(id));
  for (const [ruleId, untilMs] of told.slice(0, SHOWN)) emit({ type: "rule_warming", ruleId, untilMs });
}

function keep(dir: string, warming: ReadonlyMap<string, number>, emit: Emit): void {
  const path = join(dir, WARMING);
  const making = `${path}.new`;
  try {
    touchPrivate(making);
    writeFileSync(making, `${JSON.stringify(Object.fromEntries(warming))}\n`, { mode: 0o600 });
    renameDurably(making, path);
  } catch (error) {
    emit({ type: "rules_not_kept", path, detail: toMessage(error) });
    rmSync(making, { force: true });
  }
}
