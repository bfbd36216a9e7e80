/**
 * A flood of made-up principals, each seen once, over a day, and one slow attack in it: four events more than its rule's
 * limit, evenly spread, so that a million others come between two of them.
 *
 * Run as a program (run.ts starts it): the loop, detector and store of the daemon, the matches made here. Prints one JSON
 * line: whether the attack alerted, what was evicted and how it was told, and what the process took over an empty engine.
 */
import { parseArgs } from "node:util";
import type { Batch, Match, Matcher } from "../../src/contracts.ts";
import { createDetector } from "../../src/detect/detector.ts";
import { createWatermarks } from "../../src/detect/watermark.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { createRandom } from "../../src/lib/random.ts";
import type { Signal } from "../../src/model/signal.ts";
import { createLoop, type Loop } from "../../src/pipeline/loop.ts";
import { openStore } from "../../src/store/store.ts";
import { HOUR, makeCorrelation, makeDetection, MINUTE, START } from "../detect/make.ts";
import { makeCall, makePrincipal } from "./make.ts";

const COMMIT = 2000;
const [LIMIT, ATTACK_EVENTS] = [10, 14];
const ATTACKER = "arn:aws:iam::111122223333:role/slow";
const SPAN_MS = 20 * HOUR;
const rule = makeCorrelation("flooded", { timespanMs: 24 * HOUR, bounds: [{ operator: "gte", value: LIMIT }] });

/** What the flood came to. Bytes are MiB. */
export type Flooded = {
  readonly keys: number;
  readonly capMib: number;
  /** Events of the attack that its alert counts; 0: there is none. */
  readonly attackEvents: number;
  readonly evicted: number;
  /** Groups that the signals name. */
  readonly signalled: number;
  /** Alerts sagewatch.state_pressure. */
  readonly told: number;
  readonly liveGroups: number;
  readonly overEmptyMib: number;
  readonly seconds: number;
};

type Sums = { evicted: number; signalled: number; peak: number };

/** A batch stands for the matches that the matcher makes of it. */
function makeBatch(matches: readonly Match[], sent: { matches: readonly Match[] }): Batch {
  sent.matches = matches;
  return {
    kind: "cloudtrail",
    chunk: new Uint8Array(1),
    offsets: new Int32Array(0),
    flags: null,
    origin: { source: "trail", path: "flood", indexes: new Int32Array(0) },
    rejected: [],
    skipped: {},
    positions: [],
    floorMs: -Infinity,
    settle: () => undefined,
  };
}

function openLoop(options: { capBytes: number; dir: string | null; sums: Sums }): {
  loop: Loop;
  store: ReturnType<typeof openStore>;
  sent: { matches: readonly Match[] };
  groups: () => number;
} {
  const { capBytes, dir, sums } = options;
  const sent: { matches: readonly Match[] } = { matches: [] };
  const matcher: Matcher = {
    match: () => ({
      read: sent.matches.length,
      evaluated: sent.matches.length,
      rejected: [],
      skipped: {},
      newestMs: sent.matches.at(-1)?.timeMs ?? -Infinity,
      late: 0,
      groupless: new Map(),
      matches: sent.matches,
    }),
  };
  const detector = createDetector(
    { detections: [makeDetection("base", { alerts: false })], correlations: [rule] },
    { names: new Map(), memory: { maxBytes: capBytes, ruleShare: 1, accountShare: 1 } },
  );
  const store = openStore({ dir, clock: systemClock, engine: "flood" });
  const counting = {
    ...store,
    commit: (unit: Parameters<typeof store.commit>[0]) => {
      sums.evicted += unit.evictions.length;
      return store.commit(unit);
    },
  };
  const timing = { mode: "historic" as const, latenessMs: 30 * MINUTE, idleMs: 0, followMs: 30 * MINUTE };
  const source = { name: "trail", logsources: ["aws/cloudtrail" as const], timing, read: () => never() };
  const loop = createLoop({
    sources: [source],
    matcher,
    detector,
    watermarks: createWatermarks([source], []),
    store: counting,
    route: () => ["sink"],
    operational: true,
    wake: () => undefined,
    fullSink: () => null,
    clock: systemClock,
    emit: (signal: Signal) => void (signal.type === "state_pressure" && (sums.signalled += signal.groups)),
    commit: { intervalMs: 0, records: COMMIT, bytes: Infinity, matches: COMMIT },
    stageMs: { match: 0, detect: 0, commit: 0 },
  });
  return { loop, store, sent, groups: () => detector.size().groups };
}

async function* never(): AsyncGenerator<Batch> {}

/** Floods and says what came of it. */
function flood(keys: number, capBytes: number, dir: string | null): Flooded {
  const begunMs = performance.now();
  const sums: Sums = { evicted: 0, signalled: 0, peak: 0 };
  const { loop, store, sent, groups } = openLoop({ capBytes, dir, sums });
  const random = createRandom("flood");
  const attackEvery = Math.floor(keys / ATTACK_EVENTS);
  globalThis.gc?.();
  const empty = process.memoryUsage.rss();
  for (let at = 0; at < keys; at += COMMIT) {
    const matches: Match[] = [];
    for (let index = at; index < at + COMMIT; index += 1) {
      const timeMs = START + Math.floor((index / keys) * SPAN_MS);
      const call = { index, timeMs, random, record: null };
      matches.push(makeCall(rule, { ...call, principal: makePrincipal(random, index) }));
      if (index % attackEvery === 0) matches.push(makeCall(rule, { ...call, principal: ATTACKER }));
    }
    loop.intake(makeBatch(matches, sent), "historic");
    loop.commit();
    sums.peak = Math.max(sums.peak, process.memoryUsage.rss());
  }
  const alerts = store.views.alerts({ ruleId: rule.id, limit: 10 });
  const told = store.views.alerts({ ruleId: "sagewatch.state_pressure", limit: 100 }).length;
  const liveGroups = groups();
  store.close();
  return {
    keys,
    capMib: capBytes / 1024 ** 2,
    attackEvents: alerts.find(({ principal }) => principal === ATTACKER)?.eventCount ?? 0,
    evicted: sums.evicted,
    signalled: sums.signalled,
    told,
    liveGroups,
    overEmptyMib: Math.round((sums.peak - empty) / 1024 ** 2),
    seconds: Math.round((performance.now() - begunMs) / 1000),
  };
}

const { values } = parseArgs({
  options: { keys: { type: "string" }, cap: { type: "string" }, dir: { type: "string" } },
});
process.stdout.write(`${JSON.stringify(flood(Number(values.keys), Number(values.cap), values.dir ?? null))}\n`);
