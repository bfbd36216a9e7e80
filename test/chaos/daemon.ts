/**
 * The daemon of the chaos runs: daemon.ts PLAN. The real composition with wrappers around its parts, in a process of its
 * own that can be killed at any instruction. Says "open" when its windows are restored; ends with 0, or with the code of
 * the error as its last line and the exit code of that error.
 */
import { readFileSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { composeRun, type Wraps } from "../../src/compose.ts";
import { parseConfig } from "../../src/config/load.ts";
import { ADAPTERS } from "../../src/config/registries.ts";
import type { Source } from "../../src/contracts.ts";
import { SagewatchError } from "../../src/model/errors.ts";
import { ackFirst, createPass, markSink, markSource, markStore, noHold, partPieces, splitCommit } from "./breaks.ts";
import type { Plan } from "./plan.ts";

/** Makes all clocks and waits of this process run `speed` times as fast. */
function hasten(speed: number): void {
  const { setTimeout: wait } = globalThis;
  const [wallMs, monotonicMs] = [Date.now.bind(Date), performance.now.bind(performance)];
  const startMs = wallMs();
  Date.now = () => Math.floor(startMs + (wallMs() - startMs) * speed);
  performance.now = () => monotonicMs() * speed;
  globalThis.setTimeout = ((run: () => void, ms = 0) => wait(run, ms / speed)) as typeof globalThis.setTimeout;
}

function breakSource(source: Source, plan: Plan): Source {
  if (plan.break === "part-pieces") return partPieces(source);
  return plan.break === "ack-first" ? ackFirst(source) : source;
}

function toWraps(plan: Plan): Wraps {
  const pass = createPass(plan.fail);
  return {
    sink: (sink) => markSink(sink, pass),
    source: (source) => markSource(breakSource(source, plan), pass),
    store: (store) => {
      const marked = markStore(store, pass);
      if (plan.break === "split-commit") return splitCommit(marked);
      return plan.break === "no-hold" ? noHold(marked, plan.reachedMs) : marked;
    },
  };
}

// Without its harness it has nothing to do.
process.stdin.on("end", () => process.kill(process.pid, "SIGKILL")).resume();
if (process.stdin instanceof Socket) process.stdin.unref();
const plan = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as Plan;
hasten(plan.speed);
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
const { config } = parseConfig(plan.config, { adapters: ADAPTERS, path: null });
try {
  await composeRun({
    config,
    emit: (signal) => void (signal.type === "store_opened" && writeSync(1, "open\n")),
    signal: stop.signal,
    wraps: toWraps(plan),
  });
  process.exitCode = 0;
} catch (error) {
  const known = error instanceof SagewatchError ? error : null;
  writeSync(1, `${known?.code ?? String(error)}\n${known === null ? ((error as Error).stack ?? "") : known.message}\n`);
  process.exitCode = known?.exitCode ?? 70;
}
