/**
 * The file source on a spool folder, under a clock turned by hand: when a file is taken, what is told, what a restart does.
 */
import { type FileHandle, open as openFile } from "node:fs/promises";
import { mkdirSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Batch } from "../../../src/contracts.ts";
import { type Clock, systemClock } from "../../../src/lib/clock.ts";
import { commitPositions, readBatches } from "../../contracts/source-exam.ts";
import { call, delivery, deliveryName, floorsOf, idsOf, many, slotMs } from "../records.ts";
import { useFileSource } from "../set-up.ts";

const { folder, warnings, open } = useFileSource("watch");

type Settings = { readonly paths?: readonly string[]; readonly mode?: string; readonly afterRead?: { moveTo: string } };

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

  test("a file moved to a folder below the watched one is not taken again there", async () => {
    const done = join(folder.path, "in/done");
    folder.write("in/a.json", call("a"));
    const watched = watch({ paths: [join(folder.path, "in")], afterRead: { moveTo: done } });
    await watched.clock.pass(4000);
    expect(readdirSync(done)).toEqual(["a.json"]);
    await watched.clock.pass(10_000);
    expect(watched.ids).toEqual(["a"]);
    expect(readdirSync(join(folder.path, "in"), { recursive: true })).toEqual(["done", "done/a.json"]);
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
    const batches = await readBatches(open({ mode: "once" }), new Map());
    const positions = commitPositions(new Map(), batches.slice(0, -1));
    const watched = watch({}, positions);
    await watched.clock.pass(4000);
    const left = batches.at(-1)!;
    expect(watched.ids).toEqual(idsOf([left]));
    expect(watched.ids.length).toBeGreaterThan(0);
    await watched.stop();
  });

  test("a file that cannot be read to its end is tried again from where it was given out", async () => {
    const path = folder.write("a.ndjson", many.join("\n"));
    const handle = await openFile(path);
    const files = Object.getPrototypeOf(handle) as object;
    await handle.close();
    const read: unknown = Reflect.get(files, "read");
    let reads = 0;
    const failing = function (this: FileHandle, ...args: unknown[]): unknown {
      reads += 1;
      if (reads === 5) return Promise.reject(Object.assign(new Error("the disk hiccuped"), { code: "EIO" }));
      return Reflect.apply(read as typeof failing, this, args);
    };
    Reflect.set(files, "read", failing);
    const watched = watch();
    try {
      await watched.clock.pass(4000);
      expect(warnings).toEqual([`Cannot read ${path}: EIO; what is left of it is not read.`]);
      expect(watched.ids.length).toBeGreaterThan(0);
      expect(watched.ids.length).toBeLessThan(many.length);
      await watched.clock.pass(35_000);
    } finally {
      Reflect.set(files, "read", read);
      await watched.stop();
    }
    expect(watched.ids).toEqual(many.map((_, at) => `m${at}`));
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
    expect(warnings).toEqual([
      `There is no ${inner} yet; it is read when it appears. If that is not meant, check the path.`,
    ]);
    folder.write("spool/a.json", call("a"));
    await watched.clock.pass(4000);
    expect(watched.ids).toEqual(["a"]);
    await watched.stop();
  });
});
