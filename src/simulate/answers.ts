/**
 * The answer file: what was planted, where, and which rules should say so.
 *
 * The demo prints it beside what was found; tests and benches judge by it. It is part of the output and as deterministic
 * as the records.
 */
import { toUtcText } from "../lib/clock.ts";
import type { PlantedAttack } from "./attacks/catalog.ts";
import type { Simulation } from "./simulation.ts";
import { ACCOUNTS } from "./world.ts";

/** One planted attack. */
export type AttackAnswer = {
  readonly name: string;
  readonly title: string;
  /** One sentence about what happens. */
  readonly what: string;
  readonly accountId: string;
  readonly accountName: string;
  readonly regions: readonly string[];
  /** As an alert names it: ARN of the role behind a session, or of the user. */
  readonly principal: string;
  readonly firstEventTime: string;
  readonly lastEventTime: string;
  /** Every record of the attack, in event-time order; also those that no rule needs. */
  readonly eventIds: readonly string[];
  /** Rules (file names in detections/) that must fire, and what to know when judging. */
  readonly expect: { readonly rules: readonly string[]; readonly note: string };
};

/** The whole file. */
export type Answers = {
  readonly seed: number;
  /** RFC 3339, UTC. */
  readonly start: string;
  readonly end: string;
  /** Records written, copies included. */
  readonly records: number;
  /** How many of them are copies of another record. */
  readonly copies: number;
  readonly files: number;
  readonly accounts: readonly {
    readonly id: string;
    readonly name: string;
    readonly env: string;
    readonly owner: string;
  }[];
  readonly attacks: readonly AttackAnswer[];
};

function toAnswer(planted: PlantedAttack): AttackAnswer {
  const { name, attack, account, regions, principal, records } = planted;
  const times = records.map(({ timeMs }) => timeMs);
  return {
    name,
    title: attack.title,
    what: attack.what,
    accountId: account.id,
    accountName: account.name,
    regions,
    principal,
    firstEventTime: toUtcText(Math.min(...times)),
    lastEventTime: toUtcText(Math.max(...times)),
    eventIds: records.map(({ eventId }) => eventId),
    expect: { rules: attack.rules, note: attack.note },
  };
}

/** The answers of a simulation that has been written. */
export function toAnswers(
  simulation: Simulation,
  written: { records: number; copies: number; files: number },
): Answers {
  return {
    seed: simulation.seed,
    start: toUtcText(simulation.startMs),
    end: toUtcText(simulation.endMs),
    records: written.records,
    copies: written.copies,
    files: written.files,
    accounts: ACCOUNTS.map(({ id, name, env, owner }) => ({ id, name, env, owner })),
    attacks: simulation.planted.map(toAnswer),
  };
}
