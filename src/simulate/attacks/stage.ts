/**
 * What every planted attack is written with: a clock that moves on, and the callers that attackers have.
 *
 * An attack is a small script of real calls. Its user agents are those of ordinary tools and its addresses come from one
 * network outside the company, so that nothing but the behaviour gives it away.
 */
import type { Random } from "../../lib/random.ts";
import type { Scene } from "../calls.ts";
import { buildRecord, type Call, type Caller, type Json, type SimulatedRecord } from "../record.ts";
import { FOREIGN_NETWORK, type Account, type Region } from "../world.ts";

/** What an attack can trip; the names of the rules are in EXPECTED_RULES. */
type Expectation =
  | "gpuLaunch"
  | "gpuLaunchFailures"
  | "bulkEndpoints"
  | "gpuSpike"
  | "offHoursTraining"
  | "largeTraining"
  | "modelAccessThenInvoke"
  | "llmjackingClassic"
  | "invocationLoggingOff"
  | "trailOff"
  | "guardDutyOff"
  | "modelDownload";

/** The rules that the attacks are expected to trip: file names in detections/, without the ending. Named nowhere else. */
export const EXPECTED_RULES: Readonly<Record<Expectation, string>> = {
  gpuLaunch: "gpu-instances-launched",
  gpuLaunchFailures: "gpu-launch-failures",
  bulkEndpoints: "sm-bulk-endpoint-create",
  gpuSpike: "sm-gpu-spike",
  offHoursTraining: "sm-training-off-hours",
  largeTraining: "sm-training-gpu-large",
  modelAccessThenInvoke: "br-model-access-then-invoke",
  llmjackingClassic: "llmjacking-classic",
  invocationLoggingOff: "br-invocation-logging-off",
  trailOff: "log-trail-off",
  guardDutyOff: "log-guardduty-off",
  modelDownload: "s3-model-artifact-download",
};

/** Where and when an attack plays. */
export type Stage = {
  readonly random: Random;
  readonly ids: Random;
  /** The present moment of the script, epoch ms. */
  now(): number;
  scene(account: Account, region: Region): Scene;
  /** Moves on by whole seconds, drawn from [low, high]. */
  wait(low: number, high: number): void;
  /** Makes the calls one after another; each waits for its own `afterSeconds` first. */
  perform(caller: Caller, region: Region, ...calls: readonly Call[]): void;
  /** All records so far. */
  records(): readonly SimulatedRecord[];
};

/** What an attack leaves behind, beside its records. */
export type Outcome = {
  readonly account: Account;
  readonly regions: readonly Region[];
  /** As an alert names it: ARN of the role behind a session, or of the user. */
  readonly principal: string;
};

/** An attack that can be planted. */
export type Attack = {
  readonly title: string;
  readonly what: string;
  /** When it begins: hours after the start of the run, or the first such hour of the day in UTC. */
  readonly begins: { readonly afterHours: number } | { readonly atUtcHour: number };
  /** Values of EXPECTED_RULES. */
  readonly rules: readonly string[];
  readonly note: string;
  readonly play: (stage: Stage) => Outcome;
};

/** Makes the stage of one attack, which begins at `startMs`. */
export function createStage(options: { random: Random; ids: Random; startMs: number }): Stage {
  const { random, ids } = options;
  const records: SimulatedRecord[] = [];
  let timeMs = options.startMs;
  return {
    random,
    ids,
    now: () => timeMs,
    scene: (account, region) => ({ random, ids, account, region, timeMs }),
    wait: (low, high) => {
      timeMs += random.int(low, high) * 1000;
    },
    perform: (caller, region, ...calls) => {
      for (const call of calls) {
        timeMs += (call.afterSeconds ?? 0) * 1000;
        records.push(buildRecord(caller, call, { region, timeMs, random }));
      }
    },
    records: () => records,
  };
}

/** Agents of ordinary tools, as attackers have them too. */
export const ORDINARY_AGENTS = {
  cli: "aws-cli/2.27.49 md/awscrt#0.26.1 ua/2.1 os/linux#6.8.0-57-generic md/arch#x86_64 lang/python#3.13.4 md/pyimpl#CPython m/E,b,Z cfg/retry-mode#standard md/installer#exe",
  boto: "Boto3/1.38.36 md/Botocore#1.38.36 ua/2.1 os/linux#5.15.0-139-generic md/arch#x86_64 lang/python#3.12.3 md/pyimpl#CPython m/Z,b cfg/retry-mode#legacy Botocore/1.38.36",
} as const;

/**
 * A caller with stolen credentials, from outside.
 * @param from last byte of the address (1 to 254), and the agent; default: the AWS CLI
 */
export function foreignCaller(account: Account, identity: Json, from: { host: number; userAgent?: string }): Caller {
  const userAgent = from.userAgent ?? ORDINARY_AGENTS.cli;
  return { accountId: account.id, identity, address: `${FOREIGN_NETWORK}.${from.host}`, userAgent };
}

/** The call with which nearly every thief begins. */
export function whoAmI(region: Region): Call {
  return { source: "sts", name: "GetCallerIdentity", readOnly: true, host: `sts.${region}.amazonaws.com` };
}
