/**
 * One run's folder and processes: input, rules, state and sink under one temporary folder; daemons started on it and killed.
 *
 * Nothing outlives the harness: folders go when it ends in whatever way it can notice, those of one that was killed go with
 * the next harness, and a daemon ends when the pipe to its harness does.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PLANTED_CREDENTIALS, seekSecrets } from "../support/secrets.ts";
import { writeRules } from "./rules.ts";
import type { Break, FailPoint, Plan } from "./plan.ts";

/** A topic of the run's own. `direct`: brokers for the harness, `plain`: for the daemons. */
export type KafkaPlace = {
  readonly plain: readonly string[];
  readonly direct: readonly string[];
  readonly topic: string;
};

/** Folders and files of a run. */
export type World = {
  readonly root: string;
  readonly input: string;
  readonly state: string;
  readonly sink: string;
  readonly rules: string;
  /** Also alerts go there, beside the sink's file. */
  readonly kafka: KafkaPlace | null;
  /** Read instead of `input`, where there are any. */
  readonly sources: readonly object[] | null;
  /** Newest time slot of the files that were put into `input`, epoch ms. */
  newestSlotMs: number;
  remove(): void;
};

/** How the daemons of a run are set up. */
export type Setup = {
  readonly mode: "once" | "watch";
  readonly afterRead: "keep" | "delete" | "move";
  readonly break: Break | null;
};

/** Process clocks run so fast in watch mode: a file is taken 0.2 s after it stands still instead of 2 s. */
const WATCH_SPEED = 10;

const PREFIX = "sagewatch-chaos-";
/** Compiled code of the daemons, kept from run to run: it makes their start twice as fast. */
const CACHE = join(import.meta.dirname, "../../node_modules/.cache/sagewatch-chaos");
/** Folders of this process that are not removed yet. */
const roots = new Set<string>();
/** Younger folders are left alone: their process may be one that cannot be seen from here. */
const STALE_MS = 3_600_000;

let isTidy = false;

/** Once: removes the folders of harnesses that were killed, and sees to those of this one. */
function keepTidy(): void {
  if (isTidy) return;
  isTidy = true;
  for (const name of readdirSync(tmpdir()).filter((one) => one.startsWith(PREFIX))) {
    const path = join(tmpdir(), name);
    const isStale = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) > STALE_MS;
    if (isStale && !isAlive(Number(name.slice(PREFIX.length).split("-")[0])))
      rmSync(path, { recursive: true, force: true });
  }
  process.on("exit", () => {
    for (const root of roots) rmSync(root, { recursive: true, force: true });
  });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Makes the folders and rules of a run in `mode`. */
export function createWorld(
  mode: "once" | "watch",
  kafka: KafkaPlace | null = null,
  sources: World["sources"] = null,
): World {
  keepTidy();
  const root = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  roots.add(root);
  const input = join(root, "input");
  mkdirSync(input);
  return {
    root,
    input,
    state: join(root, "state"),
    sink: join(root, "alerts.ndjson"),
    rules: writeRules(join(root, "rules"), mode),
    kafka,
    sources,
    newestSlotMs: -Infinity,
    remove: () => {
      rmSync(root, { recursive: true, force: true });
      roots.delete(root);
    },
  };
}

const LATENESS_MIN = 45;
/**
 * Lateness: the simulator's 20 min, 10 min of disorder in arrival, and room. Never idle: a machine that stalls must not
 * move a watermark.
 */
const TIMING = { lateness: `${LATENESS_MIN}m`, idle: "24h" };

/** Over queues: an acknowledgement takes its time, and one that came too early must be seen by a kill. */
const QUEUED_COMMIT = { intervalMs: 300, records: 200 };

/** A daemon of a run. Small units, so that there are many commits to be killed in. */
function toConfig(world: World, { mode, afterRead }: Setup): string {
  const after = afterRead === "move" ? { moveTo: join(world.root, "done") } : afterRead;
  return JSON.stringify({
    state: { dir: world.state },
    sources: world.sources ?? [
      { type: "file", name: "in", paths: [world.input], mode, afterRead: after, ...(mode === "watch" ? TIMING : {}) },
    ],
    sinks: [{ type: "file", path: world.sink }, ...toKafkaSinks(world)],
    rules: { paths: [world.rules] },
    commit: world.sources === null ? { intervalMs: 40, records: 20 } : QUEUED_COMMIT,
    updateEvery: "1s",
  });
}

/** The daemon's clocks may run ten times as fast: its time-out is then half a second. */
function toKafkaSinks({ kafka }: World): object[] {
  if (kafka === null) return [];
  return [{ type: "kafka", brokers: kafka.plain, topic: kafka.topic, format: "native" }];
}

/** A started daemon. */
export type Daemon = {
  readonly process: ChildProcess;
  /** Its windows are restored, or it has ended. */
  readonly opened: Promise<void>;
  /** How it ended: the exit code or the signal, and what it printed. */
  readonly ended: Promise<{ code: number | null; signal: string | null; said: string }>;
};

/** Starts a daemon on the run's folders. */
export function startDaemon(world: World, setup: Setup, fail: Plan["fail"] = null): Daemon {
  const plan: Plan = {
    config: toConfig(world, setup),
    speed: setup.mode === "watch" && world.sources === null ? WATCH_SPEED : 1,
    break: setup.break,
    reachedMs: world.newestSlotMs - LATENESS_MIN * 60_000,
    fail,
  };
  const path = join(world.root, "plan.json");
  writeFileSync(path, JSON.stringify(plan));
  const child = spawn(process.execPath, [join(import.meta.dirname, "daemon.ts"), path], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...PLANTED_CREDENTIALS, ...process.env, NODE_COMPILE_CACHE: CACHE },
  });
  let said = "";
  const { promise: opened, resolve } = Promise.withResolvers<void>();
  child.stdout.on("data", (bytes: Buffer) => {
    said += bytes.toString();
    if (said.includes("open\n")) resolve();
  });
  const ended = once(child, "close").then(([code, signal]) => {
    resolve();
    // What a killed one wrote is still there when the last one ends.
    seekSecrets(process.env, [said], signal === null ? world.state : undefined);
    return { code: code as number | null, signal: signal as string | null, said };
  });
  return { process: child, opened, ended };
}

/** A way for a daemon to die: at a point, or `afterMs` after its start or after it is open. */
export type Death = {
  readonly fail: { readonly point: FailPoint; readonly passage: number } | null;
  readonly afterMs: number;
  readonly from: "start" | "open";
};

/** Runs a daemon until it dies so, or ends by itself. `died` names the point, "random", or is null when it ended first. */
export async function runToDeath(
  daemon: Daemon,
  death: Death,
): Promise<{ died: FailPoint | "random" | null; code: number | null; said: string }> {
  const timer = new AbortController();
  const killer = (async () => {
    if (death.from === "open") await daemon.opened;
    await sleep(death.afterMs, undefined, { signal: timer.signal });
    return daemon.process.kill("SIGKILL");
  })().catch(() => false);
  const { code, signal, said } = await daemon.ended;
  timer.abort();
  const isRandom = await killer;
  if (signal !== "SIGKILL") return { died: null, code, said };
  return { died: isRandom ? "random" : (death.fail?.point ?? "random"), code, said };
}
