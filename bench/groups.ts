/**
 * What a live group costs: memory over an empty engine with 1 M groups of one event_count, one member each, and the time
 * to load them at a restart.
 *
 * The matches are made here, as the matcher would make them (texts of their own, evidence, a record of 1 KiB); detector and
 * store are the real ones, the store on disk. Three processes, one after another, so that none measures another's heap: an
 * empty engine; one that takes the groups in, commit by commit; one that starts on the file the second left. The figure is
 * what the kernel counts as resident, after a collection. `--groups N` for another number. Prints one JSON line.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { CommitUnit, Detector, Match } from "../src/contracts.ts";
import { createDetector } from "../src/detect/detector.ts";
import { systemClock } from "../src/lib/clock.ts";
import { createRandom, type Random } from "../src/lib/random.ts";
import { openStore } from "../src/store/store.ts";
import { makeCorrelation, makeDetection, MINUTE, START } from "../test/detect/make.ts";
import { makeCall, makePrincipal } from "../test/flood/make.ts";
import { unit } from "../test/store/make.ts";
import { describeMachine, print, round } from "./machine.ts";

const COMMIT = 2000;
const MIB = 1024 * 1024;
const HOUR = 60 * MINUTE;
const rule = makeCorrelation("many-calls", { timespanMs: 24 * HOUR, bounds: [{ operator: "gte", value: 10 }] });
const RECORD = new TextEncoder().encode(`{"eventName":"InvokeModel","padding":"${"x".repeat(960)}"}`);

/** A call of a principal that no other call shares, in one hour. */
function makeMatch(random: Random, index: number, total: number): Match {
  const timeMs = START + Math.floor((index / total) * 3600) * 1000;
  return makeCall(rule, { index, timeMs, principal: makePrincipal(random, index), random, record: RECORD });
}

const makeDetector = (): Detector =>
  createDetector(
    { detections: [makeDetection("base", { alerts: false })], correlations: [rule] },
    { names: new Map() },
  );

function toUnit(detector: Detector): CommitUnit {
  const { alerts, ...deltas } = detector.deltas();
  return unit({ ...deltas, alerts: alerts.map((draft) => ({ ...draft, sinks: [] })) });
}

/** Resident bytes after a collection. */
function residentBytes(): number {
  for (let i = 0; i < 3; i += 1) globalThis.gc?.();
  return process.memoryUsage.rss();
}

function runChild(part: string, dir: string, groups: number): void {
  const store = openStore({ dir, clock: systemClock, engine: "bench" });
  const detector = makeDetector();
  const begunMs = performance.now();
  const loaded = store.load();
  detector.restore(loaded.state);
  const elapsedMs = performance.now() - begunMs;
  const random = createRandom(part);
  let commitMs = 0;
  if (part === "live") {
    for (let at = 0; at < groups; at += COMMIT) {
      const matches = Array.from({ length: Math.min(COMMIT, groups - at) }, (_, i) =>
        makeMatch(random, at + i, groups),
      );
      const fromMs = performance.now();
      detector.apply(matches);
      store.commit(toUnit(detector));
      commitMs += performance.now() - fromMs;
    }
  } else detector.deltas();
  print({
    ...detector.size(),
    loadMs: round(elapsedMs),
    commitMs: round(commitMs),
    residentBytes: residentBytes(),
    countedBytes: detector.size().bytes,
    peakMib: round(process.resourceUsage().maxRSS / 1024),
  });
  store.close();
}

type Part = {
  readonly groups: number;
  readonly loadMs: number;
  readonly commitMs: number;
  readonly residentBytes: number;
  readonly peakMib: number;
};

function spawnPart(part: string, dir: string, groups: number): Part {
  const flags = [...process.execArgv, "--expose-gc"];
  const { status, stdout } = spawnSync(
    process.execPath,
    [...flags, import.meta.filename, "--part", part, "--dir", dir, "--groups", String(groups)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  if (status !== 0) throw new Error(`part ${part} failed`);
  return JSON.parse(String(stdout)) as Part;
}

/** The whole result. Files lie in .cache/, not in the system's temporary folder, which may be memory. */
function benchGroups(groups: number): Record<string, unknown> {
  const cache = join(import.meta.dirname, "../.cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "bench-"));
  try {
    const empty = spawnPart("empty", join(folder, "empty"), 0);
    const figures = (part: string): Record<string, number> => {
      const found = spawnPart(part, join(folder, "state"), groups);
      if (found.groups !== groups) throw new Error(`${found.groups} of ${groups} groups are live`);
      const bytes = found.residentBytes - empty.residentBytes;
      return {
        overEmptyMib: round(bytes / MIB),
        bytesAGroup: round(bytes / groups),
        peakOverEmptyMib: found.peakMib - round(empty.residentBytes / MIB),
        loadMs: found.loadMs,
        commitMs: found.commitMs,
      };
    };
    return {
      ...describeMachine("groups"),
      groups,
      emptyMib: round(empty.residentBytes / MIB),
      live: figures("live"),
      restarted: figures("restarted"),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const { values } = parseArgs({
  options: { groups: { type: "string", default: "1000000" }, part: { type: "string" }, dir: { type: "string" } },
});
if (values.part === undefined) print(benchGroups(Number(values.groups)));
else runChild(values.part, values.dir ?? "", Number(values.groups));
