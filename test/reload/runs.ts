/**
 * One run of the reload test (reliability.md T13): the real composition over a watched folder, its rules changed under load.
 *
 * Files of a simulated day drop in while the daemon reads; after a random number of batches the rules are changed by a
 * random move and a reload is asked for, by SIGHUP's callback or through the socket. What happened in which order is noted
 * at the rims (source, store, signals), and a slow reference says what must have come of it.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { composeRun, type Wraps } from "../../src/compose.ts";
import { parseConfig } from "../../src/config/load.ts";
import { ADAPTERS } from "../../src/config/registries.ts";
import type { Config } from "../../src/config/schema.ts";
import { createRandom, type Random } from "../../src/lib/random.ts";
import type { Signal } from "../../src/model/signal.ts";
import { callControl, CONTROL_SOCKET, RULES_RELOAD } from "../../src/ops/control.ts";
import { ATTACK_NAMES } from "../../src/simulate/attacks/catalog.ts";
import { generateRecords } from "../../src/simulate/simulation.ts";
import { type PlannedFile, toRecordsText, writeWhole } from "../chaos/input.ts";
import { readRuleSet } from "../chaos/judge.ts";
import { readHeld } from "../chaos/verify.ts";
import { type Active, type Happening, judgeRun } from "./reference.ts";
import { FIRST, type Move, MOVES, type Settings, toLists, toListTable, writeSettings } from "./rules.ts";

export type ReloadRun = { readonly seed: string; readonly records: number; readonly reloads: number };

/** What came of a run. `problems` names each difference from the reference. */
export type ReloadResult = {
  readonly alerts: number;
  readonly problems: readonly string[];
  readonly moves: ReadonlyMap<Move, number>;
  /** Of each reload that exchanged the rules, ms. */
  readonly pausesMs: readonly number[];
  readonly elapsedMs: readonly number[];
  readonly rejected: number;
};

/** Files that drop in at once; all of them drop in over the time of the reloads. */
const CLUMP = 4;
const RELOAD_MS = 120;
/** While no batches come, the next reload comes after so long: a file is taken 2 s after it came. */
const QUIET_MS = 3_000;
/** For the last commit by time. */
const SETTLE_MS = 200;
/** Until all records are read. */
const FINISH_MS = 60_000;

/** Carries out a run and judges it. Its folder is removed. */
export async function runReloads(options: ReloadRun): Promise<ReloadResult> {
  const random = createRandom(`reload ${options.seed}`);
  const { files, count } = makeFiles(random.fork("input"), options.records);
  const root = mkdtempSync(join(tmpdir(), "sagewatch-reload-"));
  const world = createWorld(root, { random, records: count });
  try {
    await Promise.all([
      world.run(),
      (async () => {
        const { reloads } = options;
        const pauseMs = (reloads * RELOAD_MS * CLUMP) / files.length;
        const spread = Math.max(1, Math.floor((2 * files.length) / reloads) - 1);
        await Promise.all([dropAll(world.input, files, pauseMs), world.reloadUnderLoad(reloads, spread)]);
        await world.readAll();
        world.stop();
      })(),
    ]);
    const problems = compare(world.state, judgeRun(world.first, world.happenings));
    return { ...problems, ...world.figures() };
  } finally {
    world.stop();
    rmSync(root, { recursive: true, force: true });
  }
}

/** A simulated day as CloudTrail delivers it, some records twice. */
function makeFiles(random: Random, records: number): { files: PlannedFile[]; count: number } {
  const attacks = ATTACK_NAMES.filter(() => random.chance(0.4));
  const placed = [...generateRecords({ seed: random.int(1, 1_000_000), records, attacks, duplicateShare: 0.05 })];
  const files = [...Map.groupBy(placed, ({ file }) => file)].map(([path, inside]): PlannedFile => {
    const bytes = gzipSync(toRecordsText(inside), { level: 1 });
    return { path, slotMs: inside[0]?.slotMs ?? 0, records: inside.length, bytes };
  });
  return { files, count: placed.length };
}

async function dropAll(input: string, files: readonly PlannedFile[], pauseMs: number): Promise<void> {
  for (const [at, file] of files.toSorted((a, b) => a.slotMs - b.slotMs).entries()) {
    writeWhole(input, file);
    if (at % CLUMP === CLUMP - 1) await sleep(pauseMs);
  }
}

type World = {
  readonly input: string;
  readonly state: string;
  readonly first: Active;
  readonly happenings: readonly Happening[];
  run(): Promise<void>;
  /** A reload after 1 to `spread` batches each. */
  reloadUnderLoad(reloads: number, spread: number): Promise<void>;
  readAll(): Promise<void>;
  stop(): void;
  figures(): Pick<ReloadResult, "moves" | "pausesMs" | "elapsedMs" | "rejected">;
};

function createWorld(root: string, { random, records }: { random: Random; records: number }): World {
  const [input, state, folder] = [join(root, "input"), join(root, "state"), join(root, "rules")];
  mkdirSync(input);
  let settings = FIRST;
  writeSettings(folder, settings);
  const toActive = (): Active => ({ ruleSet: readRuleSet([folder]), lists: toListTable(settings) });
  const toConfigNow = (): Config => toConfig({ input, state, sink: join(root, "alerts.ndjson"), folder }, settings);
  const stop = new AbortController();
  const journal = createJournal(records, toActive);
  const moves = new Map<Move, number>();
  let hangup = (): void => undefined;

  const reload = async (): Promise<void> => {
    const move = random.pick(Object.keys(MOVES) as Move[]);
    moves.set(move, (moves.get(move) ?? 0) + 1);
    settings = MOVES[move]({ ...settings, isBroken: false }, random);
    writeSettings(folder, settings);
    const done = journal.nextReload();
    if (random.chance(0.3)) await callControl(join(state, CONTROL_SOCKET), RULES_RELOAD, {});
    else hangup();
    await done;
  };
  return {
    input,
    state,
    first: toActive(),
    happenings: journal.happenings,
    run: async () => {
      await composeRun({
        config: toConfigNow(),
        emit: journal.hear,
        signal: stop.signal,
        wraps: journal.wraps,
        reread: toConfigNow,
        onHangup: (ask) => {
          hangup = ask;
          return () => undefined;
        },
      });
    },
    reloadUnderLoad: async (reloads, spread) => {
      await journal.batches(1, FINISH_MS);
      for (let n = 0; n < reloads; n += 1) {
        await journal.batches(random.int(1, spread), QUIET_MS);
        await reload();
      }
    },
    readAll: async () => {
      for (let waitedMs = 0; journal.read() < records && waitedMs < FINISH_MS; waitedMs += 50) await sleep(50);
      await sleep(SETTLE_MS);
    },
    stop: () => stop.abort(),
    figures: () => ({ moves, ...journal.figures() }),
  };
}

/** Notes what happens, in order, from what passes at the rims; everything between two of its calls is synchronous. */
function createJournal(
  records: number,
  toActive: () => Active,
): {
  readonly happenings: readonly Happening[];
  readonly wraps: Wraps;
  readonly hear: (signal: Signal) => void;
  /** Resolves after so many batches, after `mostMs`, or when no more records come. */
  batches(count: number, mostMs: number): Promise<void>;
  nextReload(): Promise<void>;
  read(): number;
  figures(): Pick<ReloadResult, "pausesMs" | "elapsedMs" | "rejected">;
} {
  const happenings: Happening[] = [];
  const [pausesMs, elapsedMs]: [number[], number[]] = [[], []];
  let [read, taken, rejected] = [0, 0, 0];
  let given: readonly Uint8Array[] = [];
  let told = Promise.withResolvers<void>();
  let came = Promise.withResolvers<void>();
  const wraps: Wraps = {
    source: (source) => ({
      ...source,
      async *read(positions, signal) {
        for await (const batch of source.read(positions, signal)) {
          const { chunk, offsets } = batch;
          given = Array.from({ length: offsets.length / 2 }, (_, at) =>
            chunk.slice(offsets[2 * at], offsets[2 * at + 1]),
          );
          yield batch;
        }
      },
    }),
    store: (store) => ({
      ...store,
      commit: (unit) => {
        const line = unit.watermarks.find(({ logsource }) => logsource === "aws/cloudtrail");
        if (line !== undefined) happenings.push({ type: "committed", watermarkMs: line.watermarkMs });
        return store.commit(unit);
      },
    }),
  };
  return {
    happenings,
    wraps,
    hear: (signal) => {
      if (signal.type === "batch") {
        happenings.push({ type: "records", records: given });
        read += signal.read;
        taken += 1;
        came.resolve();
        came = Promise.withResolvers<void>();
      } else if (signal.type === "rules_reloaded") {
        // Told in the same turn as the exchange, so nothing was taken in since.
        if (signal.pauseMs > 0) {
          happenings.push({ type: "activated", rules: toActive() });
          pausesMs.push(signal.pauseMs);
          elapsedMs.push(signal.elapsedMs);
        }
        told.resolve();
      } else if (signal.type === "rules_rejected") {
        rejected += 1;
        told.resolve();
      }
    },
    batches: async (count, mostMs) => {
      const until = taken + count;
      const over = sleep(mostMs).then(() => true);
      while (taken < until && read < records) if (await Promise.race([came.promise.then(() => false), over])) return;
    },
    nextReload: () => {
      told = Promise.withResolvers<void>();
      return told.promise;
    },
    read: () => read,
    figures: () => ({ pausesMs, elapsedMs, rejected }),
  };
}

type Places = { readonly input: string; readonly state: string; readonly sink: string; readonly folder: string };

/** Lateness and idleness as in the chaos runs: the simulator's disorder, and no watermark that moves by the clock. */
function toConfig({ input, state, sink, folder }: Places, settings: Settings): Config {
  const text = JSON.stringify({
    state: { dir: state },
    sources: [{ type: "file", name: "in", paths: [input], mode: "watch", lateness: "45m", idle: "24h" }],
    sinks: [{ type: "file", path: sink }],
    rules: { paths: [folder], watch: false },
    lists: toLists(settings),
    commit: { intervalMs: 40, records: 20 },
    updateEvery: "1s",
  });
  return parseConfig(text, { adapters: ADAPTERS, path: null }).config;
}

/** What differs between the store and the reference. Operational alerts (refused rules) are counted apart. */
function compare(
  state: string,
  expected: ReturnType<typeof judgeRun>,
): { readonly alerts: number; readonly problems: readonly string[] } {
  const held = readHeld({ state, sink: "" }).alerts.filter(({ ruleId }) => !ruleId.startsWith("sagewatch."));
  const inStore = new Map(held.map((alert) => [alert.id, alert]));
  const lost = [...expected.values()].filter(({ id }) => !inStore.has(id)).map((one) => `lost: ${JSON.stringify(one)}`);
  const rest = held.flatMap((alert) => {
    const { id, ruleId, eventCount, eventIds, firstEventTime, lastEventTime } = alert;
    const evidence = alert.evidence.map(({ eventId }) => eventId);
    const is = JSON.stringify({ id, ruleId, eventCount, eventIds, firstEventTime, lastEventTime, evidence });
    const should = expected.get(id);
    if (should === undefined) return [`spurious: ${is}`];
    return JSON.stringify(should) === is ? [] : [`wrong: is ${is}, should be ${JSON.stringify(should)}`];
  });
  return { alerts: expected.size, problems: [...lost, ...rest] };
}
