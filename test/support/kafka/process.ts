/**
 * One broker as a process: formatted, started, frozen, killed, started again on the same data.
 *
 * It runs behind a guard, so that it never outlives the tests. Frozen and killed means the virtual machine itself.
 */
import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { archiveFlags, CLASS_PATH, JVM } from "./place.ts";
import { CLUSTER_ID, type NodePlan, SCRAM_USERS, writeProperties } from "./properties.ts";

/** A broker of a cluster. */
export type Broker = {
  /** Freezes it (SIGSTOP): its connections stay open and silent. */
  pause(): void;
  resume(): void;
  /** kill -9. */
  kill(): Promise<void>;
  /** SIGTERM: it hands its partitions over first, where it can. */
  stop(): Promise<void>;
  /** Starts it again on its data. */
  start(): Promise<void>;
  /** The first file of a partition's log. */
  segment(topic: string, partition: number): string;
  /** The last part of what it logged. */
  log(): string;
  /** kill -9 and no folder any more. */
  remove(): Promise<void>;
};

/** Java, and flags for its virtual machine beside the usual. */
export type Launch = { readonly java: string; readonly version: string; readonly flags?: readonly string[] };

const FORMAT_MS = 60_000;
const START_MS = 120_000;
const STOP_MS = 30_000;
const LOG_CHARACTERS = 200_000;

/** Writes its settings and formats its data folder. */
export function prepareBroker(plan: NodePlan, launch: Launch): Broker {
  mkdirSync(plan.dir, { recursive: true });
  const settings = writeProperties(plan);
  const flags = [
    ...JVM,
    ...(launch.flags ?? archiveFlags(launch.version)),
    `-Dlog4j2.configurationFile=${join(import.meta.dirname, "log4j2.properties")}`,
    `-Dkafka.logs.dir=${plan.dir}`,
    "-cp",
    CLASS_PATH,
  ];
  const users = plan.id === 1 ? SCRAM_USERS.flatMap((user) => ["--add-scram", user]) : [];
  const tool = ["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", settings, ...users];
  const { status, stdout, stderr } = spawnSync(launch.java, [...flags, ...tool], {
    encoding: "utf8",
    timeout: FORMAT_MS,
  });
  if (status !== 0) throw new Error(`the broker's folder could not be formatted: ${stdout}${stderr}`);
  return createBroker(launch.java, [...flags, "kafka.Kafka", settings], plan.dir);
}

type Running = { readonly guard: ChildProcess; readonly pid: number; readonly over: Promise<void> };

function createBroker(java: string, args: readonly string[], dir: string): Broker {
  let log = "";
  let running: Running | null = null;
  const end = async (signal: "SIGKILL" | "SIGTERM"): Promise<void> => {
    if (running === null) return;
    const { guard, pid, over } = running;
    const give = (sent: NodeJS.Signals): void => void (guard.exitCode ?? quietly(() => process.kill(pid, sent)));
    give("SIGCONT");
    give(signal);
    const late = new AbortController();
    await Promise.race([over, sleep(STOP_MS, undefined, { signal: late.signal }).catch(() => undefined)]);
    late.abort();
    give("SIGKILL");
    await over;
    running = null;
  };
  return {
    pause: () => void (running && process.kill(running.pid, "SIGSTOP")),
    resume: () => void (running && process.kill(running.pid, "SIGCONT")),
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
    start: async () => {
      running = await launchGuarded(java, args, (text) => (log = (log + text).slice(-LOG_CHARACTERS)));
    },
    segment: (topic, partition) => join(dir, "data", `${topic}-${partition}`, `${"0".repeat(20)}.log`),
    log: () => log,
    remove: async () => {
      await end("SIGKILL");
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Starts it behind a guard; resolves when it says that it has started. */
async function launchGuarded(java: string, args: readonly string[], hear: (text: string) => void): Promise<Running> {
  const guard = fork(join(import.meta.dirname, "guard.ts"), [java, ...args], { silent: true, execArgv: [] });
  const { promise: started, resolve, reject } = Promise.withResolvers<void>();
  const { promise: pid, resolve: tellPid } = Promise.withResolvers<number>();
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  let said = "";
  const timer = setTimeout(() => reject(new Error(`the broker did not start in time: ${said}`)), START_MS);
  for (const stream of [guard.stdout, guard.stderr])
    stream?.on("data", (bytes: Buffer) => {
      hear(bytes.toString());
      said = (said + bytes.toString()).slice(-4000);
      if (said.includes("Kafka Server started")) resolve();
    });
  guard.on("message", (message) => tellPid((message as { pid: number }).pid));
  guard.on("exit", (code) => {
    end();
    reject(new Error(`the broker ended with ${code}: ${said}`));
  });
  try {
    await started;
  } catch (error) {
    guard.kill("SIGKILL");
    throw error;
  } finally {
    clearTimeout(timer);
  }
  return { guard, pid: await pid, over };
}

function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // It has ended by itself.
  }
}
