/**
 * The file source on real folders: what it finds and in which order, floors, positions, what it does with files afterwards,
 * and the spool folder under a clock turned by hand.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Batch, Source } from "../../src/contracts.ts";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { SagewatchError } from "../../src/model/errors.ts";
import { createSource, type SourceConfig, sourceRegistry } from "../../src/sources/registry.ts";
import { commitPositions, examineSource, readBatches, textsOf } from "../contracts/source-exam.ts";
import { call, createFolder, delivery, deliveryName, type Folder } from "./records.ts";

let folder: Folder;
let warnings: string[];
beforeEach(() => {
  folder = createFolder();
  warnings = [];
});
afterEach(() => folder.remove());

type Settings = Omit<Partial<SourceConfig>, "lateness" | "follow"> & { lateness?: string; follow?: string };

function open(settings: Settings = {}, deps: { clock?: Clock; onScanned?: () => void } = {}): Source {
  const config = sourceRegistry.file.schema.parse({ type: "file", paths: [folder.path], mode: "once", ...settings });
  return createSource(config, { clock: systemClock, warn: (text) => warnings.push(text), ...deps });
}

const idsOf = (batches: readonly Batch[]): string[] =>
  batches.flatMap(textsOf).map((text) => (JSON.parse(text) as { eventID: string }).eventID);
/** Of each file in order: its first record, its floors before the last batch, and the floor of that. */
function floorsOf(batches: readonly Batch[]): unknown[] {
  const files = Map.groupBy(batches, ({ origin }) => origin.path);
  return [...files.values()].map((all) => [
    idsOf(all)[0],
    [...new Set(all.slice(0, -1).map(({ floorMs }) => floorMs))],
    all.at(-1)!.floorMs,
  ]);
}
const slotMs = (minute: number): number => Date.UTC(2026, 0, 2, 3, minute);

const many = Array.from({ length: 2500 }, (_, at) => call(`m${at}`));
const examFolder = createFolder();
examFolder.write(deliveryName("20260102T0305Z"), delivery(call("a"), call("b")));
examFolder.write(deliveryName("20260102T0300Z"), delivery(...many));
examFolder.write("plain.ndjson", [call("c"), "junk", '{"digestStartTime":1,"digestEndTime":2}', call("d")].join("\n"));
examineSource({
  name: "file",
  open: async () => {
    const config = sourceRegistry.file.schema.parse({ type: "file", paths: [examFolder.path], mode: "once" });
    return { source: createSource(config, { clock: systemClock, warn: () => {} }), close: async () => {} };
  },
  records: [...many, call("a"), call("b"), call("c"), call("d")],
  rejected: 1,
  skipped: 1,
});

describe("what is read", () => {
  test("files, folders and globs, each file once, unfinished ones not", async () => {
    folder.write("a/b/one.json", call("1"));
    folder.write("a/two.json.gz", call("2"));
    folder.write("a/three.txt", call("3"));
    folder.write(".hidden", call("x"));
    folder.write("a/.git/x.json", call("x"));
    folder.write("a/x.json.tmp", call("x"));
    folder.write("a/x.json.part", call("x"));
    expect(idsOf(await readBatches(open(), new Map())).toSorted()).toEqual(["1", "2", "3"]);
    const read = async (...paths: string[]): Promise<string[]> =>
      idsOf(await readBatches(open({ paths: paths.map((path) => join(folder.path, path)) }), new Map())).toSorted();
    expect(await read("a/two.json.gz", "a/*")).toEqual(["2", "3"]);
    expect(await read("**/*.json")).toEqual(["1"]);
    expect(await read("a/{two,three}.*", "a/b")).toEqual(["1", "2", "3"]);
    expect(idsOf(await readBatches(open({ pattern: "*.json*" }), new Map())).toSorted()).toEqual(["1", "2"]);
    expect(idsOf(await readBatches(open({ pattern: "a/b/*" }), new Map()))).toEqual(["1"]);
  });

  test("gzip is told by the bytes, not the name", async () => {
    folder.write("packed.json", gzipSync(call("1")));
    folder.write("plain.gz", new TextEncoder().encode(call("2")));
    expect(idsOf(await readBatches(open(), new Map())).toSorted()).toEqual(["1", "2"]);
  });

  test("a path that does not exist is an error that names it", async () => {
    const missing = join(folder.path, "nowhere");
    const reading = readBatches(open({ paths: [missing] }), new Map());
    await expect(reading).rejects.toThrow(
      new SagewatchError("not_found", `There is no file or folder ${JSON.stringify(missing)}. Check the path.`),
    );
  });

  test("an empty folder ends with a warning", async () => {
    expect(await readBatches(open(), new Map())).toEqual([]);
    expect(warnings).toEqual([`There are no files in ${folder.path}.`]);
  });

  test("a file that went away or may not be read is a warning, the others are read", async () => {
    folder.write("b.json", call("b"));
    const gone = folder.write("c.json", call("c"));
    folder.write("d.json", call("d"));
    const batches: Batch[] = [];
    for await (const batch of open().read(new Map(), new AbortController().signal)) {
      batches.push(batch);
      rmSync(gone, { force: true });
      batch.settle();
    }
    expect(idsOf(batches)).toEqual(["b", "d"]);
    expect(warnings).toEqual([`Cannot read ${gone}: ENOENT; what is left of it is not read.`]);
  });

  test.skipIf(process.getuid?.() === 0)("a file without permission is a warning", async () => {
    chmodSync(folder.write("b.json", call("b")), 0);
    expect(await readBatches(open(), new Map())).toEqual([]);
    expect(warnings[0]).toContain("EACCES");
  });

  test("a file without records gives one empty batch, so that it counts as done", async () => {
    folder.write("empty.json", "");
    folder.write("none.json", delivery());
    const batches = await readBatches(open(), new Map());
    expect(batches.map(({ offsets, positions }) => [offsets.length, positions[0]?.value])).toEqual([
      [0, "done"],
      [0, "done"],
    ]);
    expect(await readBatches(open(), commitPositions(new Map(), batches))).toEqual([]);
  });

  test("a truncated gzip delivers what could be read and rejects the rest", async () => {
    const packed = gzipSync(delivery(...many));
    folder.write("cut.json.gz", packed.subarray(0, packed.length >> 1));
    const batches = await readBatches(open(), new Map());
    const ids = idsOf(batches);
    expect(ids).toEqual(many.slice(0, ids.length).map((text) => (JSON.parse(text) as { eventID: string }).eventID));
    expect(ids.length).toBeGreaterThan(1000);
    expect(batches.flatMap(({ rejected }) => rejected)).toMatchObject([
      { reason: "truncated", pointer: { index: ids.length } },
    ]);
  });

  test("a bomb, junk behind gzip and damage in gzip are each one rejected piece", async () => {
    folder.write("a.gz", gzipSync(Buffer.concat([Buffer.from(`${call("1")}\n`), Buffer.alloc(20 << 20, 0x20)])));
    folder.write("b.gz", Buffer.concat([gzipSync(call("2")), Buffer.from("junk")]));
    folder.write("c.gz", Buffer.concat([gzipSync(call("3")).subarray(0, -8), Buffer.alloc(8)]));
    folder.write("d.gz", Buffer.concat([gzipSync(`${call("4")}\n`), gzipSync(call("5")), Buffer.alloc(512)]));
    const batches = await readBatches(open(), new Map());
    expect(idsOf(batches)).toEqual(["1", "2", "3", "4", "5"]);
    expect(
      batches.flatMap(({ rejected }) => rejected.map(({ reason, pointer }) => [basename(pointer.path), reason])),
    ).toEqual([
      ["a.gz", "gzip_ratio"],
      ["b.gz", "gzip_bad"],
      ["c.gz", "gzip_bad"],
    ]);
  });
});

describe("historic order", () => {
  test("files come by slot, those without one first; floors say what is complete", async () => {
    folder.write(`z/${deliveryName("20260102T0300Z")}`, delivery(call("0")));
    folder.write(`b/${deliveryName("20260102T0310Z", "b")}`, delivery(call("10b")));
    folder.write(`a/${deliveryName("20260102T0310Z", "a")}`, delivery(call("10a")));
    folder.write(`a/${deliveryName("20260102T0305Z")}`, delivery(...many));
    folder.write("zz.json", call("none"));
    const batches = await readBatches(open(), new Map());
    expect(floorsOf(batches)).toEqual([
      ["none", [], slotMs(0)],
      ["0", [], slotMs(5)],
      ["m0", [slotMs(5)], slotMs(10)],
      ["10a", [], slotMs(10)],
      ["10b", [], Infinity],
    ]);
  });

  test("while a file without a slot is open or unread, nothing is complete", async () => {
    folder.write("a.ndjson", many.join("\n"));
    folder.write("b.json", call("b"));
    folder.write(deliveryName("20260102T0300Z"), delivery(call("0")));
    expect(floorsOf(await readBatches(open(), new Map()))).toEqual([
      ["m0", [-Infinity], -Infinity],
      ["b", [], slotMs(0)],
      ["0", [], Infinity],
    ]);
  });

  test("timing follows the settings", () => {
    expect(open({ follow: "10m", lateness: "1h" }).timing).toEqual({
      mode: "historic",
      latenessMs: 3_600_000,
      idleMs: 1_200_000,
      followMs: 600_000,
    });
    expect(open({ mode: "watch" }).timing).toEqual({
      mode: "live",
      latenessMs: 1_800_000,
      idleMs: 1_200_000,
      followMs: null,
    });
  });
});

describe("after reading", () => {
  test.for(["keep", "delete", "move"] as const)(
    "%s: only once all of a file is committed",
    async (afterRead, { expect }) => {
      const path = folder.write("in/a.ndjson", many.join("\n"));
      const done = join(folder.path, "done");
      mkdirSync(done);
      writeFileSync(join(done, "a.ndjson"), "taken");
      const source = open({
        paths: [join(folder.path, "in")],
        afterRead: afterRead === "move" ? { moveTo: done } : afterRead,
      });
      const batches: Batch[] = [];
      for await (const batch of source.read(new Map(), new AbortController().signal)) batches.push(batch);
      for (const batch of batches) {
        expect(existsSync(path)).toBe(true);
        batch.settle();
      }
      expect(existsSync(path)).toBe(afterRead === "keep");
      expect(readdirSync(done)).toEqual(afterRead === "move" ? ["a.ndjson", "a.ndjson.1"] : ["a.ndjson"]);
    },
  );

  test("a file of which a batch was given up stays, and one that changed meanwhile as well", async () => {
    const path = folder.write("a.ndjson", many.join("\n"));
    const batches: Batch[] = [];
    for await (const batch of open({ afterRead: "delete" }).read(new Map(), new AbortController().signal))
      batches.push(batch);
    for (const [at, batch] of batches.entries()) batch.settle(at === 0 ? new Error("given up") : undefined);
    expect(existsSync(path)).toBe(true);
    const again: Batch[] = [];
    for await (const batch of open({ afterRead: "delete" }).read(new Map(), new AbortController().signal))
      again.push(batch);
    writeFileSync(path, call("new"));
    for (const batch of again) batch.settle();
    expect(existsSync(path)).toBe(true);
  });

  test("a file committed before a crash is followed up at the next start", async () => {
    const path = folder.write("a.json", call("a"));
    const positions = commitPositions(new Map(), await readBatches(open(), new Map()));
    expect(await readBatches(open({ afterRead: "delete" }), positions)).toEqual([]);
    expect(existsSync(path)).toBe(false);
  });
});

/** A clock whose sleeps end when the test lets time go by. */
function createHandClock(): Clock & { pass(ms: number): Promise<void> } {
  let nowMs = 0;
  const sleepers = new Set<{ untilMs: number; wake: () => void }>();
  /** Until the source sleeps again: then it has done all that this moment asks for. */
  const asleep = async (): Promise<void> => {
    for (let turn = 0; turn < 5000 && sleepers.size === 0; turn += 1) await systemClock.sleep(1);
  };
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    random: () => 0.5,
    sleep(ms, signal) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const sleeper = { untilMs: nowMs + ms, wake: resolve };
      sleepers.add(sleeper);
      signal?.addEventListener("abort", () => resolve(), { once: true });
      return promise;
    },
    async pass(ms) {
      const endMs = nowMs + ms;
      await asleep();
      while (nowMs < endMs) {
        nowMs = Math.min(endMs, nowMs + 500);
        for (const sleeper of sleepers) {
          if (sleeper.untilMs > nowMs) continue;
          sleepers.delete(sleeper);
          sleeper.wake();
        }
        await asleep();
      }
    },
  };
}

describe("watch", () => {
  type Watched = {
    readonly ids: string[];
    readonly held: Batch[];
    readonly clock: ReturnType<typeof createHandClock>;
    scanned: number;
    stop(): Promise<void>;
  };
  function watch(settings: Settings = {}, positions = new Map<string, string>(), hold = false): Watched {
    const clock = createHandClock();
    const end = new AbortController();
    const watched: Watched = {
      ids: [],
      held: [],
      clock,
      scanned: 0,
      stop: async () => {
        end.abort();
        await running;
      },
    };
    const source = open(
      { mode: "watch", ...settings },
      {
        clock,
        onScanned: () => {
          watched.scanned += 1;
        },
      },
    );
    const running = (async () => {
      for await (const batch of source.read(positions, end.signal)) {
        watched.ids.push(...idsOf([batch]));
        if (hold) watched.held.push(batch);
        else batch.settle();
      }
    })();
    return watched;
  }

  test("a file is taken once it stood still for two seconds, and again when it changed", async () => {
    const watched = watch();
    await watched.clock.pass(500);
    const path = folder.write("a.json", `${call("a")}\n`);
    await watched.clock.pass(1500);
    expect(watched.ids).toEqual([]);
    writeFileSync(path, `${call("a")}\n${call("b")}\n`);
    await watched.clock.pass(2000);
    expect(watched.ids).toEqual([]);
    await watched.clock.pass(1000);
    expect(watched.ids).toEqual(["a", "b"]);
    await watched.clock.pass(5000);
    expect(watched.ids).toEqual(["a", "b"]);
    utimesSync(path, 1, 1);
    await watched.clock.pass(4000);
    expect(watched.ids).toEqual(["a", "b", "a", "b"]);
    await watched.stop();
  });

  test("unfinished names wait for their rename; a vanished file is none of its business", async () => {
    const watched = watch();
    const path = folder.write("a.json.part", call("a"));
    const gone = folder.write("b.json", call("b"));
    await watched.clock.pass(1000);
    rmSync(gone);
    await watched.clock.pass(3000);
    expect(watched.ids).toEqual([]);
    renameSync(path, join(folder.path, "a.json"));
    await watched.clock.pass(3500);
    expect(watched.ids).toEqual(["a"]);
    expect(warnings).toEqual([]);
    await watched.stop();
  });

  test("the first scan is over when all it found is settled, and is told once", async () => {
    folder.write("a.json", call("a"));
    folder.write("b.json", call("b"));
    const watched = watch({}, new Map(), true);
    await watched.clock.pass(5000);
    expect(watched.ids).toEqual(["a", "b"]);
    expect(watched.scanned).toBe(0);
    for (const batch of watched.held) batch.settle();
    expect(watched.scanned).toBe(1);
    folder.write("c.json", call("c"));
    await watched.clock.pass(4000);
    for (const batch of watched.held.slice(2)) batch.settle();
    expect([watched.ids.length, watched.scanned]).toEqual([3, 1]);
    await watched.stop();
  });

  test("an empty folder is scanned at once; a file that keeps growing does not hold the scan up", async () => {
    const empty = watch();
    await empty.clock.pass(500);
    expect(empty.scanned).toBe(1);
    await empty.stop();
    const path = folder.write("a.json", call("a"));
    const watched = watch();
    await watched.clock.pass(1000);
    expect(watched.scanned).toBe(0);
    writeFileSync(path, call("a") + call("b"));
    await watched.clock.pass(1000);
    expect(watched.scanned).toBe(1);
    await watched.stop();
  });

  test("a restart does not take finished files again, and goes on inside others", async () => {
    folder.write("a.json", call("a"));
    folder.write("b.ndjson", many.join("\n"));
    const batches = await readBatches(open(), new Map());
    const positions = commitPositions(new Map(), batches.slice(0, -1));
    const watched = watch({}, positions);
    await watched.clock.pass(4000);
    const left = batches.at(-1)!;
    expect(watched.ids).toEqual(idsOf([left]));
    expect(watched.ids.length).toBeGreaterThan(0);
    await watched.stop();
  });

  test("a backlog is read in the order of its slots, and each batch says which slot still waits", async () => {
    folder.write(deliveryName("20260102T0310Z"), delivery(call("10")));
    folder.write(deliveryName("20260102T0300Z"), delivery(...many));
    folder.write(deliveryName("20260102T0305Z"), delivery(call("5")));
    const watched = watch({}, new Map(), true);
    await watched.clock.pass(4000);
    expect(floorsOf(watched.held)).toEqual([
      ["m0", [slotMs(0)], slotMs(5)],
      ["5", [], slotMs(10)],
      ["10", [], Infinity],
    ]);
    await watched.stop();
  });

  test("a watched folder that goes away is told once and awaited", async () => {
    const inner = join(folder.path, "spool");
    mkdirSync(inner);
    const watched = watch({ paths: [inner] });
    await watched.clock.pass(1000);
    rmSync(inner, { recursive: true });
    await watched.clock.pass(3000);
    expect(warnings).toEqual([`Cannot look at ${inner}: ENOENT.`]);
    folder.write("spool/a.json", call("a"));
    await watched.clock.pass(4000);
    expect(watched.ids).toEqual(["a"]);
    await watched.stop();
  });
});

describe("settings", () => {
  test.for([
    [{ type: "file" }, "paths"],
    [{ type: "file", paths: [] }, "paths"],
    [{ type: "file", paths: ["a"], mode: "tail" }, "mode"],
    [{ type: "file", paths: ["a"], afterRead: "burn" }, "afterRead"],
    [{ type: "file", paths: ["a"], lateness: "soon" }, "lateness"],
    [{ type: "file", paths: ["a"], limits: { recordBytes: "2 MiB" } }, "recordBytes"],
    [{ type: "file", paths: ["a"], colour: 1 }, ""],
  ] as const)("%j is refused", ([settings, key], { expect }) => {
    const result = sourceRegistry.file.schema.safeParse(settings);
    expect(result.success).toBe(false);
    expect(result.error?.issues[0]?.path.at(-1) ?? "").toBe(key);
  });

  test("limits given in part keep the other defaults", () => {
    const config = sourceRegistry.file.schema.parse({ type: "file", paths: ["a"], limits: { depth: 32 } });
    expect(config.limits).toEqual({ recordBytes: 1 << 20, depth: 32, gzipRatio: 200 });
  });
});
