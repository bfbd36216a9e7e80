/**
 * A soak (reliability.md T12): the daemon over emulators of SQS and S3 and over files, under steady load with attacks in it.
 *
 * In the first third it is killed (SIGKILL, then SIGTERM, in turn) and started again at once; from then on one process
 * lives, meets faults of the network in turn and reloads its rules each minute, and is measured. At the end faults stop and
 * everything must arrive. What that process holds then, with all garbage collected, is held against a process that is
 * started on the same state and has worked for half a minute: a leak is what the one has and the other has not, whatever
 * windows and alerts weigh. Both are stopped in order. judge.ts says what must hold.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { CountDelta } from "../../src/contracts.ts";
import { openViews } from "../../src/store/views.ts";
import { type Emulator, type Queue, startEmulator } from "../fakes/emulator.ts";
import { type LiveDaemon, type LogLine, startLive } from "../live/daemon.ts";
import { createHeapGauge, type HeapGauge, type Held } from "../live/heap.ts";
import { type AlertFile, followAlerts } from "../live/lines.ts";
import { writeLiveRules } from "../live/rules.ts";
import { createReader } from "../sinks/aws/receivers.ts";
import { createFaults } from "./faults.ts";
import { BUCKET, createLoad, type Load } from "./load.ts";

/** Times in ms. */
export type SoakOptions = {
  readonly lengthMs: number;
  readonly rate: number;
  readonly seed: number;
  readonly kills: number;
  /** From one fault to the next, of which a sixth is fault. */
  readonly faultEveryMs: number;
  readonly reloadEveryMs: number;
};

/** Taken of the process that lives longest. */
export type Sample = {
  readonly atMs: number;
  readonly rss: number;
  readonly fds: number;
  /** Messages that wait in both queues or are in flight. */
  readonly queued: number;
  /** Database and its log, bytes. */
  readonly stored: number;
  /** Bytes that the daemon counts for windows of correlations; of the last look, twelve seconds apart. */
  readonly windows: number;
};

export type Soaked = {
  readonly options: SoakOptions;
  readonly load: Load;
  readonly alerts: AlertFile;
  /** Event ids that came out of the SQS sink. */
  readonly sent: ReadonlySet<string>;
  readonly samples: readonly Sample[];
  readonly lines: readonly LogLine[];
  readonly strays: readonly string[];
  readonly counts: readonly CountDelta[];
  readonly kills: { sigkill: number; sigterm: number };
  readonly faults: Readonly<Record<string, number>>;
  readonly reloads: number;
  /** How processes that were not killed ended. */
  readonly exits: readonly (number | string)[];
  /** From the end of the load to the last alert. */
  readonly drainMs: number;
  readonly alertsHeld: number;
  /** What the process that lived long held in the end, and what one holds that was started after it. */
  readonly held: { readonly long: Held; readonly fresh: Held };
};

/** Share of the time after which no process is killed any more, and after which faults stop. */
const [KILLS_UNTIL, FAULTS_UNTIL] = [0.3, 0.92];
/** Longest wait for the rest to arrive: twice the visibility, and a slow machine. */
const DRAIN_MS = 120_000;
/** Seconds of load for the process that the long one is held against: rules compiled, clients loaded, connections open. */
const FRESH_BEATS = 30;
/** Metrics are asked for each so many beats. */
const METRICS_EVERY = 12;

type World = {
  readonly folder: string;
  readonly emulator: Emulator;
  readonly queues: { readonly trail: Queue; readonly push: Queue; readonly alerts: Queue };
  readonly config: object;
  readonly gauge: HeapGauge;
};

async function createWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), "sagewatch-soak-"));
  const emulator = await startEmulator();
  await emulator.createBucket(BUCKET);
  const queues = {
    trail: await emulator.createQueue("trail"),
    push: await emulator.createQueue("push"),
    alerts: await emulator.createQueue("alerts"),
  };
  const aws = { region: "eu-west-1", endpoint: emulator.endpoint };
  const polled = { ...aws, wait: "5s", visibility: "30s" };
  const config = {
    state: { dir: join(folder, "state") },
    sources: [
      { ...polled, type: "sqs-s3", name: "trail", queue: queues.trail.url, digests: false },
      { ...polled, type: "sqs-eventbridge", name: "push", queue: queues.push.url },
      { type: "file", name: "files", paths: [join(folder, "input")], afterRead: "delete" },
    ],
    sinks: [
      { type: "file", name: "file", path: join(folder, "alerts.ndjson"), maxBytes: 1e12 },
      { ...aws, type: "sqs", name: "queue", queue: queues.alerts.url },
    ],
    rules: { paths: ["shipped", writeLiveRules(join(folder, "rules", "live.yml"))] },
  };
  return { folder, emulator, queues, config, gauge: createHeapGauge(folder) };
}

/** Runs one. `tell` gets a word on what goes on. */
export async function soak(options: SoakOptions, tell: (word: string) => void = () => undefined): Promise<Soaked> {
  const world = await createWorld();
  const { folder, emulator, queues } = world;
  try {
    const load = createLoad({ emulator, ...queues, input: join(folder, "input") }, options);
    const lived = await live(world, load, { options, tell });
    const views = openViews(join(folder, "state"));
    const [counts, alertsHeld] = [views.counts(), views.alerts({ limit: 1_000_000 }).length];
    views.close();
    return { options, load, counts, alertsHeld, ...lived };
  } finally {
    await emulator.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

type Lived = Omit<Soaked, "options" | "load" | "counts" | "alertsHeld">;
type Way = { readonly options: SoakOptions; readonly tell: (word: string) => void };

async function live(world: World, load: Load, { options, tell }: Way): Promise<Lived> {
  const { folder, emulator, queues, gauge } = world;
  const alerts = followAlerts(join(folder, "alerts.ndjson"));
  const readQueue = createReader(emulator, queues.alerts);
  const faults = createFaults(emulator.proxy);
  const daemons: LiveDaemon[] = [];
  const start = async (): Promise<LiveDaemon> => {
    const daemon = startLive({ ...world, ...gauge });
    daemons.push(daemon);
    await daemon.opened;
    return daemon;
  };
  const [samples, exits, sent]: [Sample[], (number | string)[], Set<string>] = [[], [], new Set()];
  const kills = { sigkill: 0, sigterm: 0 };
  let [daemon, reloads, windows] = [await start(), 0, 0];
  const begunMs = performance.now();
  const at = (): number => performance.now() - begunMs;
  const stop = async (): Promise<void> => {
    daemon.process.kill("SIGTERM");
    exits.push(await daemon.ended);
  };
  /** Waits until all has arrived that was sent. */
  const drain = async (): Promise<number> => {
    const fromMs = performance.now();
    while (performance.now() - fromMs < DRAIN_MS) {
      alerts.look();
      for (const { body } of await readQueue())
        for (const id of (JSON.parse(body) as { eventIds: string[] }).eventIds) sent.add(id);
      const isRead = (await countQueued(world)) === 0 && readdirSync(join(folder, "input")).length === 0;
      if (isRead && [...load.sent.keys()].every((id) => alerts.byEvent.has(id) && sent.has(id))) break;
      await sleep(250);
    }
    return performance.now() - fromMs;
  };
  const killEveryMs = (options.lengthMs * KILLS_UNTIL) / (options.kills + 1);
  let [nextFaultMs, nextReloadMs] = [options.lengthMs * KILLS_UNTIL, options.reloadEveryMs];
  for (let beat = 1; at() < options.lengthMs; beat += 1) {
    await load.beat();
    alerts.look();
    const done = kills.sigkill + kills.sigterm;
    if (done < options.kills && at() >= killEveryMs * (done + 1)) {
      kills[done % 2 === 0 ? "sigkill" : "sigterm"] += 1;
      if (done % 2 === 0) {
        daemon.process.kill("SIGKILL");
        await daemon.ended;
      } else await stop();
      daemon = await start();
    }
    if (at() >= nextFaultMs && at() < options.lengthMs * FAULTS_UNTIL) {
      faults.next();
      setTimeout(() => faults.mend(), options.faultEveryMs / 6);
      nextFaultMs += options.faultEveryMs;
    }
    if (at() >= nextReloadMs) {
      writeLiveRules(join(folder, "rules", "live.yml"), ` (${(reloads += 1)})`);
      daemon.process.kill("SIGHUP");
      nextReloadMs += options.reloadEveryMs;
    }
    if (daemon.process.exitCode !== null) throw new Error(`the daemon ended: ${JSON.stringify(daemon.lines.at(-1))}`);
    if (beat % METRICS_EVERY === 1) windows = (await readWindows(daemon)) ?? windows;
    samples.push({ atMs: at(), windows, ...(await sample(world, daemon)) });
    if (beat % 60 === 0) tell(`${Math.round(at() / 1000)} s: ${JSON.stringify(samples.at(-1))}`);
    await sleep(Math.max(0, beat * 1000 - at()));
  }
  faults.mend();
  const drainMs = await drain();
  const long = await gauge.read(daemon);
  await stop();
  daemon = await start();
  for (let beat = 1; beat <= FRESH_BEATS; beat += 1) {
    await load.beat();
    await sleep(1000);
  }
  await drain();
  const held = { long, fresh: await gauge.read(daemon) };
  await stop();
  const lines = daemons.flatMap((one) => one.lines);
  const strays = daemons.flatMap((one) => one.strays);
  return { alerts, sent, samples, lines, strays, kills, faults: faults.counts, reloads, exits, drainMs, held };
}

async function sample(world: World, daemon: LiveDaemon): Promise<Omit<Sample, "atMs" | "windows">> {
  const size = (name: string): number =>
    statSync(join(world.folder, "state", name), { throwIfNoEntry: false })?.size ?? 0;
  const stored = size("store.db") + size("store.db-wal");
  return { rss: daemon.rss(), fds: daemon.fds(), queued: await countQueued(world), stored };
}

/** Messages that wait in both queues or are in flight. */
async function countQueued({ emulator, queues }: World): Promise<number> {
  const left = await Promise.all([emulator.counts(queues.trail), emulator.counts(queues.push)]);
  return left.reduce((sum, { waiting, inFlight }) => sum + waiting + inFlight, 0);
}

/** Null: it has not said it yet, or is too busy to. */
async function readWindows(daemon: LiveDaemon): Promise<number | null> {
  const said = /^sagewatch_state_bytes(?:\{[^}]*\})? (\S+)$/m.exec(await daemon.metrics())?.[1];
  return said === undefined ? null : Number(said);
}
