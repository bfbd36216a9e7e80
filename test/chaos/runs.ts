/**
 * One run of the chaos test: an input, daemons that die on the way through it, and the verdict (reliability.md T1).
 *
 * A run in mode `once` has the whole input in its folder from the start; one in mode `watch` gets it file by file, a
 * third of it while no daemon runs. Everything that can be chosen follows from the seed; where a kill by time strikes
 * does not.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { createRandom, type Random } from "../../src/lib/random.ts";
import { isDelivered, openTopic, readAlerts } from "../kafka/chaos-topic.ts";
import type { Kafka } from "../support/kafka/broker.ts";
import { makeInput, planDrops, type PlannedFile, writeWhole } from "./input.ts";
import { type Expected, judge, readRuleSet } from "./judge.ts";
import { recordsOf } from "./mixture.ts";
import { type Break, FAIL_POINTS, type FailPoint } from "./plan.ts";
import { type Findings, isComplete, readHeld, verify } from "./verify.ts";
import { createWorld, type Death, runToDeath, type Setup, startDaemon, type World } from "./world.ts";

/** What to run. */
export type RunOptions = {
  readonly seed: string;
  readonly mode: Setup["mode"];
  readonly break: Break | null;
  /** Benign records of the input. */
  readonly records: number;
  /** Most daemons that are killed. */
  readonly kills: number;
  /** What the daemons read: files, or an EventBridge queue, S3 and a Kafka topic at once (aws.ts). Default files. */
  readonly sources?: "files" | "aws";
  /** Kafka as a sink beside the file, or as a source of `aws`; default none. */
  readonly kafka?: Pick<Kafka, "plain" | "direct"> | null;
};

export type RunResult = Findings & { readonly kills: ReadonlyMap<FailPoint | "random", number> };

/** How long a run in mode `watch` may take to finish after the last kill. */
const FINISH_MS = 30_000;

type Run = { readonly options: RunOptions; readonly random: Random; readonly world: World; readonly setup: Setup };
export type Kills = Map<FailPoint | "random", number>;

/** Carries out a run and judges it. Its folder is removed. */
export async function runChaos(options: RunOptions): Promise<RunResult> {
  const random = createRandom(`chaos ${options.mode} ${options.seed}`);
  const layout = options.mode === "once" && random.chance(0.4) ? "bundled" : "delivered";
  const { files, items, totals } = makeInput(random.fork("input"), layout, options.records);
  const world = createWorld(options.mode, await openTopic(options.kafka ?? null));
  const isDeleted = options.break === "ack-first" || random.chance(0.25);
  const afterRead = isDeleted ? "delete" : random.chance(0.3) ? "move" : "keep";
  const run: Run = { options, random, world, setup: { mode: options.mode, afterRead, break: options.break } };
  try {
    const expected: Expected = judge(
      readRuleSet([world.rules]),
      recordsOf(items, "cloudtrail"),
      recordsOf(items, "guardduty"),
    );
    const kills = options.mode === "once" ? await runOnce(run, files) : await runWatch(run, files, totals.read);
    const held = readHeld(world);
    const findings = verify(held, expected, totals);
    if (world.kafka === null) return { ...findings, kills };
    return { ...join(findings, verify({ ...held, lines: await readAlerts(world.kafka) }, expected, totals)), kills };
  } finally {
    world.remove();
  }
}

/** What was found in the file and in the topic. */
function join(file: Findings, topic: Findings): Findings {
  const sum = (name: "lost" | "spurious" | "wrong" | "deliveries" | "repeats"): number => file[name] + topic[name];
  const problems = [...file.problems, ...topic.problems.map((problem) => `in the topic: ${problem}`)];
  return {
    alerts: file.alerts,
    lost: sum("lost"),
    spurious: sum("spurious"),
    wrong: sum("wrong"),
    deliveries: sum("deliveries"),
    repeats: sum("repeats"),
    problems,
  };
}

/** How a daemon is to die: at a point, or by time, at most `latestMs` after it is open. */
export function chooseDeath({ random }: Pick<Run, "random">, latestMs: number): Death {
  const point = random.pick<FailPoint | "random">([...FAIL_POINTS, "random", "random", "random"]);
  const from = random.chance(0.3) ? "start" : "open";
  if (point === "random") return { fail: null, from, afterMs: random.int(0, latestMs) };
  const passage = point === "at_start_after_load" ? 1 : random.int(1, random.pick([3, 12, 40]));
  return { fail: { point, passage }, from: "open", afterMs: latestMs };
}

/** Counts a daemon that died. */
export function count(kills: Kills, died: FailPoint | "random"): void {
  kills.set(died, (kills.get(died) ?? 0) + 1);
}

function total(kills: Kills): number {
  return [...kills.values()].reduce((sum, n) => sum + n, 0);
}

async function runOnce(run: Run, files: readonly PlannedFile[]): Promise<Kills> {
  const { world, setup, options } = run;
  for (const file of files) put(world, file);
  const kills: Kills = new Map();
  while (total(kills) < options.kills) {
    const death = chooseDeath(run, 600);
    const { died, code, said } = await runToDeath(startDaemon(world, setup, death.fail), death);
    if (died === null) {
      expectEnd(code, said);
      break;
    }
    count(kills, died);
  }
  const { code, said } = await startDaemon(world, setup).ended;
  expectEnd(code, said);
  return kills;
}

function put(world: World, file: PlannedFile): void {
  writeWhole(world.input, file);
  world.newestSlotMs = Math.max(world.newestSlotMs, file.slotMs);
}

/** Throws where a daemon ended badly that was to end by itself. */
export function expectEnd(code: number | null, said: string): void {
  if (code !== 0) throw new Error(`a daemon that nobody killed ended with ${code}: ${said}`);
}

async function runWatch(run: Run, files: readonly PlannedFile[], records: number): Promise<Kills> {
  const { world, options, random } = run;
  const drops = planDrops(files, random.fork("drops"));
  const kills: Kills = new Map();
  await underFire(run, kills, { most: Math.ceil(options.kills / 2), drop: drops.before });
  // Unread files with slots hold a watermark back by themselves: half of the runs have none when the backlog comes.
  if (options.break === "no-hold" || random.chance(0.5)) await runUntil(run, sum(drops.before), "SIGKILL");
  for (const file of drops.backlog) put(world, file);
  await underFire(run, kills, { most: options.kills, drop: drops.after });
  await runUntil(run, records, "SIGTERM");
  return kills;
}

function sum(files: readonly PlannedFile[]): number {
  return files.reduce((total, { records }) => total + records, 0);
}

/** Lets a daemon work until `records` are read and delivered, then ends it. */
async function runUntil({ world, setup }: Run, records: number, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
  const daemon = startDaemon(world, setup);
  await daemon.opened;
  const isDone = (): boolean =>
    isComplete(readHeld(world), records) && (world.kafka === null || isDelivered(world.state));
  for (let waitedMs = 0; waitedMs < FINISH_MS && !isDone(); waitedMs += 50) await sleep(50);
  daemon.process.kill(signal);
  const { code, said } = await daemon.ended;
  if (signal === "SIGTERM") expectEnd(code, said);
}

/** Drops files one after another while daemons are started and killed; at the end all are dropped and none runs. */
async function underFire(run: Run, kills: Kills, order: { most: number; drop: readonly PlannedFile[] }): Promise<void> {
  const { world, setup } = run;
  let isDropped = false;
  const dropping = (async () => {
    for (const [at, file] of order.drop.entries()) {
      put(world, file);
      if (at % 8 === 7) await sleep(40);
    }
    isDropped = true;
  })();
  try {
    while (!isDropped || total(kills) < order.most) {
      const death = chooseDeath(run, 900);
      const { died, code, said } = await runToDeath(startDaemon(world, setup, death.fail), death);
      if (died === null) throw new Error(`a daemon that watches ended with ${code}: ${said}`);
      count(kills, died);
    }
  } finally {
    await dropping;
  }
}
