/**
 * What one commit of the store costs: 500 new window members in 50 groups, with evidence of a tenth of them, positions and
 * counts, on disk with synchronous FULL.
 *
 * The reference, in the same run on the same disk, is what SQLite itself needs for as many rows: one transaction of 500
 * inserts of the members' JSON texts into one plain table, WAL and FULL. Commits of both sides alternate. Prints one JSON
 * line.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { CommitUnit, MemberDelta } from "../src/contracts.ts";
import { sha256Hex } from "../src/lib/canonical.ts";
import { systemClock } from "../src/lib/clock.ts";
import { openStore } from "../src/store/store.ts";
import { evidence, member, START, unit } from "../test/store/make.ts";
import { describeMachine, print, quantile, round } from "./machine.ts";

const COMMITS = 200;
/** The first commits grow the file and warm the code. */
const WARM_UP = 20;
const [GROUPS, MEMBERS] = [50, 10] as const;
const EVIDENCE_EACH = 10;
const RECORD = new TextEncoder().encode(`{"eventName":"CreateEndpoint","padding":"${"x".repeat(1200)}"}`);

/** The unit of commit `index`: members never seen before, in groups that come again. */
function makeUnit(index: number): CommitUnit {
  const members: MemberDelta[] = Array.from({ length: GROUPS }, (_, group) => ({
    stateKey: `state-${group % 5}`,
    group: JSON.stringify([`arn:aws:iam::111122223333:role/team-${group}`]),
    slice: Math.floor(index / 40),
    members: Array.from({ length: MEMBERS }, (__, at) => member(sha256Hex(`${index} ${group} ${at}`))),
  }));
  const found = members.flatMap(({ stateKey, group, slice, members: of }) =>
    of.filter((_, at) => at % EVIDENCE_EACH === 0).map(({ key }) => evidence(key, RECORD, { stateKey, group, slice })),
  );
  return unit({
    nowMs: START + index * 250,
    members,
    evidence: found,
    counts: [{ source: "trail", read: 2000, evaluated: 2000, quarantined: 0, skipped: {}, late: 0, repeated: 0 }],
    positions: [{ source: "trail", key: "file", value: String(index) }],
    watermarks: [{ source: "trail", logsource: "aws/cloudtrail", watermarkMs: START + index }],
  });
}

/** Commits a unit's members as plain rows. */
function openPlain(file: string): { readonly commit: (made: CommitUnit) => void; readonly close: () => void } {
  const sqlite = new DatabaseSync(file);
  sqlite.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE plain (row TEXT)");
  const insert = sqlite.prepare("INSERT INTO plain VALUES (?)");
  const commit = ({ members }: CommitUnit): void => {
    sqlite.exec("BEGIN IMMEDIATE");
    for (const { members: of } of members) for (const one of of) insert.run(JSON.stringify(one));
    sqlite.exec("COMMIT");
  };
  return { commit, close: () => sqlite.close() };
}

function measure(folder: string): { readonly storeMs: readonly number[]; readonly plainMs: readonly number[] } {
  const store = openStore({ dir: join(folder, "state"), clock: systemClock, engine: "bench" });
  const plain = openPlain(join(folder, "plain.db"));
  const [storeMs, plainMs]: [number[], number[]] = [[], []];
  try {
    for (let index = 0; index < COMMITS + WARM_UP; index += 1) {
      const made = makeUnit(index);
      const begunMs = performance.now();
      store.commit(made);
      const betweenMs = performance.now();
      plain.commit(made);
      if (index < WARM_UP) continue;
      storeMs.push(betweenMs - begunMs);
      plainMs.push(performance.now() - betweenMs);
    }
  } finally {
    plain.close();
    store.close();
  }
  return { storeMs, plainMs };
}

/** The whole result. The files lie in .cache/, not in the system's temporary folder, which may be memory. */
export function benchCommit(): Record<string, unknown> {
  const cache = join(import.meta.dirname, "../.cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "bench-"));
  try {
    const { storeMs, plainMs } = measure(folder);
    const toFigures = (times: readonly number[]): Record<string, number> => ({
      p50Ms: round(quantile(times, 0.5), 2),
      p99Ms: round(quantile(times, 0.99), 2),
    });
    return {
      ...describeMachine("commit"),
      commits: COMMITS,
      members: GROUPS * MEMBERS,
      evidence: GROUPS,
      store: toFigures(storeMs),
      plain: toFigures(plainMs),
      ratio: round(quantile(storeMs, 0.5) / quantile(plainMs, 0.5), 2),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (import.meta.main) print(benchCommit());
