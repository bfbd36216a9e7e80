/** Many runs of the chaos test, a few at a time, and their sums as the command prints them. */
import type { Break } from "./plan.ts";
import { runAws } from "./aws.ts";
import { runChaos, type RunOptions, type RunResult } from "./runs.ts";

/** Sums of all runs. */
export type Summary = {
  /** Runs in each mode. */
  runs: number;
  /** Daemons killed, by where. */
  kills: Record<string, number>;
  alerts: number;
  lost: number;
  spurious: number;
  wrong: number;
  /** Share of deliveries that repeated a revision, in per cent. */
  duplicateDeliveriesPercent: number;
  seconds: number;
  problems: string[];
};

/** Size of a run: benign records of its input, and the most daemons that are killed on the way. */
export type Size = { readonly records: number; readonly kills: number };
/** A day that yields about 250 alerts, in a few seconds. */
export const FULL: Size = { records: 700, kills: 6 };

/** The runs that a command line asks for: each seed in both modes; a break in the mode that it concerns. */
export function toRuns(order: {
  runs: number;
  seed: string;
  break: Break | null;
  size: Size;
  kafka?: RunOptions["kafka"];
  sources?: RunOptions["sources"];
}): RunOptions[] {
  const { sources = "files" } = order;
  const chosen =
    order.break === null ? (["once", "watch"] as const) : ([order.break === "no-hold" ? "watch" : "once"] as const);
  // What comes by AWS's ways has no end.
  const modes = sources === "aws" ? (["watch"] as const) : chosen;
  return Array.from({ length: order.runs }, (_, n) => n).flatMap((n) =>
    modes.map((mode) => ({
      seed: `${order.seed}.${n}`,
      mode,
      break: order.break,
      kafka: order.kafka ?? null,
      sources,
      ...order.size,
    })),
  );
}

/** Carries the runs out, `atOnce` at a time. A run that breaks off counts as wrong, with its seed. */
export async function runAll(runs: readonly RunOptions[], atOnce: number): Promise<Summary> {
  const begunMs = performance.now();
  const left = [...runs];
  const results: RunResult[] = [];
  const problems: string[] = [];
  const work = async (): Promise<void> => {
    for (let run = left.shift(); run !== undefined; run = left.shift()) {
      const name = `${run.mode} ${run.seed}`;
      try {
        const result = await (run.sources === "aws" ? runAws(run) : runChaos(run));
        results.push(result);
        problems.push(...result.problems.map((problem) => `${name}: ${problem}`));
      } catch (error) {
        problems.push(`${name}: broke off: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  const sum = (pick: (result: RunResult) => number): number => results.reduce((total, one) => total + pick(one), 0);
  const kills: Record<string, number> = {};
  for (const result of results) for (const [point, n] of result.kills) kills[point] = (kills[point] ?? 0) + n;
  return {
    runs: runs.length,
    kills,
    alerts: sum(({ alerts }) => alerts),
    lost: sum(({ lost }) => lost),
    spurious: sum(({ spurious }) => spurious),
    wrong: sum(({ wrong }) => wrong) + (runs.length - results.length),
    duplicateDeliveriesPercent:
      Math.round(
        (1000 * sum(({ repeats }) => repeats)) /
          Math.max(
            1,
            sum((one) => one.deliveries),
          ),
      ) / 10,
    seconds: Math.round((performance.now() - begunMs) / 1000),
    problems,
  };
}
