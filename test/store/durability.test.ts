/**
 * The store against a model, across crashes (reliability.md T5): whatever is cut from or flipped in the log of a stopped
 * writer, opening gives the state after some first k commits, whole, or a refusal; a killed writer loses no commit that it
 * knew of. The model of k commits is another store that made the same units.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { createRandom } from "../../src/lib/random.ts";
import { SagewatchError } from "../../src/model/errors.ts";
import { openStore } from "../../src/store/store.ts";
import { WRITER, start } from "./child.ts";
import { clockAt, countUnits, dump, makeUnit } from "./make.ts";
import { createModel, open, stateDir } from "./temp.ts";

const COMMITS = 40;

/** Number of commits that a folder holds, checked against the model; the code when it is refused. */
function examine(dir: string, model: (k: number) => string): number | string {
  try {
    const store = openStore({ dir, clock: clockAt, engine: "0.1.0", limits: { reserveBytes: 0 } });
    try {
      const held = countUnits(store);
      expect(dump(store) === model(held), `the state is that after ${held} commits`).toBe(true);
      return held;
    } finally {
      store.close();
    }
  } catch (error) {
    if (error instanceof SagewatchError) return error.code;
    throw error;
  }
}

/** What a folder holds, or that it was refused, at open or when it was read. */
function readOrCode(dir: string): string {
  try {
    const store = openStore({ dir, clock: clockAt, engine: "0.1.0", limits: { reserveBytes: 0 } });
    try {
      return dump(store);
    } finally {
      store.close();
    }
  } catch (error) {
    if (error instanceof SagewatchError && error.code === "store_corrupt") return error.code;
    throw error;
  }
}

test("a log cut or flipped anywhere gives the state after the first k commits, or a refusal", async () => {
  const dir = stateDir();
  const writer = start(WRITER, [dir, "0", String(COMMITS)]);
  await writer.line((line) => line === String(COMMITS));
  writer.process.kill("SIGSTOP");
  const [base, log] = ["store.db", "store.db-wal"].map((name) => fs.readFileSync(path.join(dir, name))) as [
    Buffer,
    Buffer,
  ];
  await writer.kill();
  const model = createModel();
  const tryLog = (name: string, bytes: Uint8Array): number | string => {
    const copy = path.join(path.dirname(dir), name);
    fs.mkdirSync(copy);
    fs.writeFileSync(path.join(copy, "store.db"), base);
    fs.writeFileSync(path.join(copy, "store.db-wal"), bytes);
    return examine(copy, model);
  };
  expect(tryLog("whole", log)).toBe(COMMITS);
  const random = createRandom("log damage");
  const outcomes = new Set<number | string>();
  for (let n = 0; n < 40; n += 1) {
    const at = random.int(0, log.length - 1);
    const cut = log.subarray(0, at);
    const flipped = Buffer.from(log);
    flipped[at] = flipped[at]! ^ (1 << random.int(0, 7));
    outcomes.add(tryLog(`cut-${n}`, cut)).add(tryLog(`flip-${n}`, flipped));
  }
  // The damage fell on many commits, not always on the same.
  expect(outcomes.size).toBeGreaterThan(15);
  expect([...outcomes].filter((outcome) => typeof outcome === "string" && outcome !== "store_corrupt")).toEqual([]);
});

test("a writer killed at any time, checkpoints included, loses nothing that it knew to be committed", async () => {
  const dir = stateDir();
  const model = createModel();
  const random = createRandom("kills");
  let known = 0;
  for (let n = 0; n < 6; n += 1) {
    // A checkpoint after every 4 pages: nearly every commit makes one.
    const writer = start(WRITER, [dir, "4", "100000"]);
    await writer.line((line) => Number(line) > known);
    await setTimeout(random.int(0, 40));
    await writer.kill();
    known = Number(writer.last());
    const held = examine(dir, model);
    expect([known, known + 1]).toContain(held);
    known = held as number;
  }
  expect(known).toBeGreaterThan(6);
});

test("a flipped bit in the file is refused, or changes nothing that the store says", () => {
  const dir = stateDir();
  const store = open(dir);
  const model = createModel();
  const random = createRandom("file damage");
  const file = path.join(dir, "store.db");
  for (let i = 0; i < 12; i += 1) store.commit(makeUnit(i));
  store.close();
  const whole = fs.readFileSync(file);
  let refused = 0;
  for (let n = 0; n < 80; n += 1) {
    const flipped = Buffer.from(whole);
    const at = random.int(0, whole.length - 1);
    flipped[at] = flipped[at]! ^ (1 << random.int(0, 7));
    fs.writeFileSync(file, flipped);
    const read = readOrCode(dir);
    if (read === "store_corrupt") refused += 1;
    expect(read === "store_corrupt" || read === model(12), `bit flipped in byte ${at}`).toBe(true);
    for (const end of ["-wal", "-shm", ".corrupt"]) fs.rmSync(file + end, { force: true });
  }
  expect(refused).toBeGreaterThan(0);
});
