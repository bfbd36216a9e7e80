/**
 * The attacks that can be planted, by the names of `simulate --attacks`, and the planting itself.
 *
 * One line an attack: a new one is a file beside this and a line here. Planting gives the records and what is true about
 * them; it draws from a generator of its own and so never changes the benign stream.
 */
import type { Random } from "../../lib/random.ts";
import { SagewatchError } from "../../model/errors.ts";
import type { SimulatedRecord } from "../record.ts";
import { bulkEndpoints } from "./bulk-endpoints.ts";
import { credentialTheftGpu } from "./credential-theft-gpu.ts";
import { llmjacking } from "./llmjacking.ts";
import { loggingOff } from "./logging-off.ts";
import { offHoursTraining } from "./off-hours-training.ts";
import { createStage, type Attack, type Outcome } from "./stage.ts";
import { weightsCopiedOut } from "./weights-copied-out.ts";

const HOUR_MS = 3_600_000;
const DAY_HOURS = 24;

const ATTACKS: Readonly<Record<string, Attack>> = {
  "credential-theft-gpu": credentialTheftGpu,
  "bulk-endpoints": bulkEndpoints,
  "off-hours-training": offHoursTraining,
  llmjacking,
  "logging-off": loggingOff,
  "weights-copied-out": weightsCopiedOut,
};

/** Names of all attacks, in the order of the help text. */
export const ATTACK_NAMES: readonly string[] = Object.keys(ATTACKS);

/** An attack in the stream. */
export type PlantedAttack = Outcome & {
  readonly name: string;
  readonly attack: Attack;
  readonly records: readonly SimulatedRecord[];
};

/**
 * The names in a list as the command line has it: `all`, `none`, or names with commas between them.
 * @throws SagewatchError `usage` for a name that is not known
 */
export function parseAttacks(list: string): readonly string[] {
  if (list === "all") return ATTACK_NAMES;
  if (list === "none") return [];
  const names = list.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !ATTACK_NAMES.includes(name));
  if (unknown === undefined) return ATTACK_NAMES.filter((name) => names.includes(name));
  throw new SagewatchError(
    "usage",
    `simulate: --attacks: unknown attack "${unknown}"; use all, none or some of ${ATTACK_NAMES.join(",")}`,
  );
}

/** When the attack begins. A start by hour of the day is at most one day after the start of the run. */
function beginsAt(attack: Attack, run: { startMs: number; hours: number }): number {
  const { begins } = attack;
  if ("afterHours" in begins) {
    return run.startMs + Math.round((begins.afterHours / DAY_HOURS) * run.hours * 60) * 60_000;
  }
  const day = Math.floor(run.startMs / (DAY_HOURS * HOUR_MS)) * DAY_HOURS * HOUR_MS;
  const first = day + begins.atUtcHour * HOUR_MS;
  return first >= run.startMs ? first : first + DAY_HOURS * HOUR_MS;
}

/** Plants the named attacks into a run of `hours` from `startMs`. */
export function plantAttacks(
  random: Random,
  names: readonly string[],
  run: { startMs: number; hours: number },
): readonly PlantedAttack[] {
  return names.map((name) => {
    const attack = ATTACKS[name] as Attack;
    const stage = createStage({ random: random.fork(`attack/${name}`), ids: random, startMs: beginsAt(attack, run) });
    const outcome = attack.play(stage);
    return { ...outcome, name, attack, records: stage.records() };
  });
}
