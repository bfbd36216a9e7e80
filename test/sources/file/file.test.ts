/**
 * The file source on real folders: what it finds and in which order, floors, positions, what it does with files afterwards.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import type { Batch } from "../../../src/contracts.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { SagewatchError } from "../../../src/model/errors.ts";
import { createSource, sourceRegistry } from "../../../src/sources/registry.ts";
import { commitPositions, examineSource, readBatches } from "../../contracts/source-exam.ts";
import {
  call,
  createFolder,
  delivery,
  deliveryName,
  floorsOf,
  idsOf,
  many,
  mixed,
  slotMs,
  LIMITS,
} from "../records.ts";
import { useFileSource } from "../set-up.ts";

const { folder, warnings, open } = useFileSource("once");

const examFolder = createFolder();
afterAll(() => examFolder.remove());
examFolder.write(deliveryName("20260102T0305Z"), delivery(call("a"), call("b")));
examFolder.write(deliveryName("20260102T0300Z"), delivery(...many));
examFolder.write("plain.ndjson", [call("c"), "junk", '{"digestStartTime":1,"digestEndTime":2}', call("d")].join("\n"));
examFolder.write(
  "mixed.ndjson",
  [...mixed, "junk", '{"detail-type":"Scheduled Event","source":"a","detail":{}}'].join("\n"),
);
examineSource({
  name: "file",
  open: async () => {
    const config = sourceRegistry.file.schema.parse({ type: "file", paths: [examFolder.path], mode: "once" });
    return {
      source: createSource(config, { clock: systemClock, limits: LIMITS, warn: () => {} }),
      close: async () => {},
    };
  },
  records: [...many, ...mixed, call("a"), call("b"), call("c"), call("d")],
  rejected: 2,
  skipped: 2,
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

  test("a link to a file is read, a link to a folder is told of and read where it is named", async () => {
    const elsewhere = folder.write("elsewhere/one.json", call("1"));
    folder.write("in/two.json", call("2"));
    symlinkSync(elsewhere, join(folder.path, "in/link.json"));
    symlinkSync(join(folder.path, "in"), join(folder.path, "in/round"));
    const read = async (name: string): Promise<string[]> =>
      idsOf(await readBatches(open({ paths: [join(folder.path, name)], pattern: "*.json" }), new Map())).toSorted();
    expect(await read("in")).toEqual(["1", "2"]);
    expect(warnings).toEqual([
      `${join(folder.path, "in/round")} is a link to a folder, and none is followed; name it in \`paths\` if it is meant.`,
    ]);
    expect(await read("in/round")).toEqual(["1", "2"]);
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
      new SagewatchError("not_found", `There is no file or folder ${JSON.stringify(missing)}.`),
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
      asksMs: 1_200_000,
      followMs: 600_000,
    });
    expect(open({ mode: "watch" }).timing).toEqual({
      mode: "live",
      latenessMs: 1_800_000,
      idleMs: 1_200_000,
      asksMs: 1_200_000,
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

describe("settings", () => {
  test.for([
    [{ type: "file" }, "paths"],
    [{ type: "file", paths: [] }, "paths"],
    [{ type: "file", paths: ["a"], mode: "tail" }, "mode"],
    [{ type: "file", paths: ["a"], afterRead: "burn" }, "afterRead"],
    [{ type: "file", paths: ["a"], lateness: "soon" }, "lateness"],
    [{ type: "file", paths: ["./a"], afterRead: { moveTo: "a" } }, "moveTo"],
    [{ type: "file", paths: ["b", "a/*.json"], afterRead: { moveTo: "a" } }, "moveTo"],
    [{ type: "file", paths: ["a"], colour: 1 }, ""],
  ] as const)("%j is refused", ([settings, key], { expect }) => {
    const result = sourceRegistry.file.schema.safeParse(settings);
    expect(result.success).toBe(false);
    expect(result.error?.issues[0]?.path.at(-1) ?? "").toBe(key);
  });
});
