/**
 * A hot key: one group that takes 1 M events, commit by commit, its alert drafted anew with each. The last 100,000 must not
 * take much longer than the first.
 *
 * Matches are made as the matcher would; detector and store are the real ones, the store on disk. Each case in a process
 * of its own: event_count and value_count (1,800 distinct values), events in order and up to a minute out of order. Times
 * are those of apply, deltas and commit; `ratio` is of the CPU time, which other work on the machine blurs least.
 * `--events N` for another number. Prints one JSON line.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Match } from "../src/contracts.ts";
import { createDetector } from "../src/detect/detector.ts";
import { systemClock } from "../src/lib/clock.ts";
import { createRandom, type Random } from "../src/lib/random.ts";
import type { Correlation } from "../src/sigma/ast.ts";
import { openStore } from "../src/store/store.ts";
import { HOUR, makeCorrelation, makeDetection, makeMatch, MINUTE } from "../test/detect/make.ts";
import { unit } from "../test/store/make.ts";
import { describeMachine, print, round } from "./machine.ts";

const [COMMIT, PART, VALUES] = [2000, 100_000, 1800] as const;
const LATENESS = 30 * MINUTE;
const KINDS = ["event_count", "value_count"] as const;

function makeRule(kind: (typeof KINDS)[number]): Correlation {
  const bounds = [{ operator: "gte" as const, value: 100 }];
  return makeCorrelation(kind, { kind, timespanMs: 24 * HOUR, bounds, fields: kind === "value_count" ? ["x"] : [] });
}

/** 50 events a second, a million in under six hours: all in one bucket and one window. */
function makeHot(rule: Correlation, index: number, { random, spreadMs }: { random: Random; spreadMs: number }): Match {
  const atMs = HOUR + index * 20 + Math.floor(random.float() * spreadMs);
  const { recordHash: _hash, ...match } = makeMatch(rule, { atMs, key: `${random.uuid()}/111122223333` });
  const value = rule.kind === "value_count" ? `model-${random.int(1, VALUES)}` : null;
  return { ...match, eventId: match.key.slice(0, 36), recordHash: random.hex(64), value };
}

function runChild(name: string, events: number, dir: string): void {
  const [kind, order] = name.split(" ") as [(typeof KINDS)[number], "ordered" | "mixed"];
  const rule = makeRule(kind);
  const store = openStore({ dir, clock: systemClock, engine: "bench" });
  const detector = createDetector(
    { detections: [makeDetection("base", { alerts: false })], correlations: [rule] },
    { names: new Map() },
  );
  const random = createRandom(name);
  const cpuMs: number[] = [];
  const wallMs: number[] = [];
  for (let at = 0; at < events; at += COMMIT) {
    const matches = Array.from({ length: COMMIT }, (_, i) =>
      makeHot(rule, at + i, { random, spreadMs: order === "mixed" ? MINUTE : 0 }),
    );
    const newest = matches.reduce((latest, { timeMs }) => Math.max(latest, timeMs), 0);
    const before = process.cpuUsage();
    const begunMs = performance.now();
    detector.apply(matches);
    detector.advance("aws/cloudtrail", newest - LATENESS);
    const { alerts, pressure: _pressure, ...deltas } = detector.deltas();
    store.commit(unit({ ...deltas, alerts: alerts.map((draft) => ({ ...draft, sinks: [] })) }));
    wallMs.push(performance.now() - begunMs);
    const { user, system } = process.cpuUsage(before);
    cpuMs.push((user + system) / 1000);
  }
  const sum = (times: readonly number[]): number => round(times.reduce((total, ms) => total + ms, 0));
  const commits = PART / COMMIT;
  const size = detector.size();
  const [first, last] = [cpuMs.slice(0, commits), cpuMs.slice(-commits)];
  print({
    case: name,
    ...size,
    residentMib: round(process.memoryUsage.rss() / 1024 ** 2),
    firstMs: { cpu: sum(first), wall: sum(wallMs.slice(0, commits)) },
    lastMs: { cpu: sum(last), wall: sum(wallMs.slice(-commits)) },
    ratio: round(sum(last) / sum(first), 2),
  });
  store.close();
}

function spawnCase(name: string, events: number): unknown {
  const cache = join(import.meta.dirname, "../.cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "bench-"));
  try {
    const args = ["--case", name, "--events", String(events), "--dir", join(folder, "state")];
    const flags = [...process.execArgv, import.meta.filename];
    const { status, stdout } = spawnSync(process.execPath, [...flags, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    if (status !== 0) throw new Error(`${name} failed`);
    return JSON.parse(String(stdout));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const { values } = parseArgs({
  options: {
    events: { type: "string", default: "1000000" },
    case: { type: "string", multiple: true },
    dir: { type: "string" },
  },
});
const events = Number(values.events);
const named = values.case ?? KINDS.flatMap((kind) => [`${kind} ordered`, `${kind} mixed`]);
if (values.dir === undefined) {
  print({ ...describeMachine("hot-key"), events, cases: named.map((name) => spawnCase(name, events)) });
} else for (const name of named) runChild(name, events, values.dir);
