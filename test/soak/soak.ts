/**
 * A soak (reliability.md T12): the daemon over emulators of SQS and S3 and over files, under steady load with attacks in it.
 *
 * In the first third it is killed (SIGKILL, then SIGTERM, in turn) and started again at once; from then on one process
 * lives, meets faults of the network in turn and reloads its rules each minute, and is measured. At the end faults stop,
 * everything must arrive, and the daemon is stopped in order. judge.ts says what must hold.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { CountDelta } from "../../src/contracts.ts";
import { openViews } from "../../src/store/views.ts";
import { type Emulator, type Queue, startEmulator } from "../fakes/emulator.ts";
import { type LiveDaemon, type LogLine, startLive } from "../live/daemon.ts";
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
};

/** Share of the time after which no process is killed any more, and after which faults stop. */
const [KILLS_UNTIL, FAULTS_UNTIL] = [0.3, 0.92];
/** Longest wait for the rest to arrive: twice the visibility, and a slow machine. */
const DRAIN_MS = 120_000;

type World = {
  readonly folder: string;
  readonly emulator: Emulator;
  readonly queues: { readonly trail: Queue; readonly push: Queue; readonly alerts: Queue };
  readonly config: object;
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
  return { folder, emulator, queues, config };
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
  const { folder, emulator, queues } = world;
  const alerts = followAlerts(join(folder, "alerts.ndjson"));
  const readQueue = createReader(emulator, queues.alerts);
  const faults = createFaults(emulator.proxy);
  const daemons: LiveDaemon[] = [];
  const start = (): LiveDaemon => daemons[daemons.push(startLive(world)) - 1] as LiveDaemon;
  const [samples, exits]: [Sample[], (number | string)[]] = [[], []];
  const kills = { sigkill: 0, sigterm: 0 };
  let [daemon, reloads] = [start(), 0];
  await daemon.opened;
  const begunMs = performance.now();
  const at = (): number => performance.now() - begunMs;
  const killEveryMs = (options.lengthMs * KILLS_UNTIL) / (options.kills + 1);
  let [nextFaultMs, nextReloadMs] = [options.lengthMs * KILLS_UNTIL, options.reloadEveryMs];
  for (let beat = 1; at() < options.lengthMs; beat += 1) {
    await load.beat();
    alerts.look();
    const done = kills.sigkill + kills.sigterm;
    if (done < options.kills && at() >= killEveryMs * (done + 1)) {
      const name = done % 2 === 0 ? "SIGKILL" : "SIGTERM";
      daemon.process.kill(name);
      const ended = await daemon.ended;
      if (name === "SIGTERM") exits.push(ended);
      kills[name === "SIGKILL" ? "sigkill" : "sigterm"] += 1;
      daemon = start();
      await daemon.opened;
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
    samples.push(await sample(world, daemon, at()));
    if (beat % 60 === 0) tell(`${Math.round(at() / 1000)} s: ${JSON.stringify(samples.at(-1))}`);
    await sleep(Math.max(0, beat * 1000 - at()));
  }
  faults.mend();
  const endMs = performance.now();
  const sent = new Set<string>();
  while (performance.now() - endMs < DRAIN_MS) {
    alerts.look();
    for (const { body } of await readQueue())
      for (const id of (JSON.parse(body) as { eventIds: string[] }).eventIds) sent.add(id);
    const { queued } = await sample(world, daemon, 0);
    const isRead = queued === 0 && readdirSync(join(folder, "input")).length === 0;
    if (isRead && [...load.sent.keys()].every((id) => alerts.byEvent.has(id) && sent.has(id))) break;
    await sleep(250);
  }
  const drainMs = performance.now() - endMs;
  daemon.process.kill("SIGTERM");
  exits.push(await daemon.ended);
  const lines = daemons.flatMap((one) => one.lines);
  const strays = daemons.flatMap((one) => one.strays);
  return { alerts, sent, samples, lines, strays, kills, faults: faults.counts, reloads, exits, drainMs };
}

async function sample({ folder, emulator, queues }: World, daemon: LiveDaemon, atMs: number): Promise<Sample> {
  const left = await Promise.all([emulator.counts(queues.trail), emulator.counts(queues.push)]);
  const queued = left.reduce((sum, { waiting, inFlight }) => sum + waiting + inFlight, 0);
  const size = (name: string): number => statSync(join(folder, "state", name), { throwIfNoEntry: false })?.size ?? 0;
  return { atMs, rss: daemon.rss(), fds: daemon.fds(), queued, stored: size("store.db") + size("store.db-wal") };
}
