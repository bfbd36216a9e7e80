/** Where partitions stand, without a broker: what holds the watermark, and what is known of places that were saved. */
import { expect, test } from "vitest";
import {
  type Bounds,
  createPartitions,
  type LogGap,
  type Partitions,
  toPosition,
} from "../../../src/sources/kafka/partitions.ts";

const HOUR_MS = 3_600_000;

type Made = { readonly partitions: Partitions; readonly gaps: LogGap[]; nowMs: number };

function make(positions: Readonly<Record<string, string>> = {}, start: "earliest" | "latest" = "earliest"): Made {
  const made: Made = { partitions: null as never, gaps: [], nowMs: 0 };
  const partitions = createPartitions({
    source: "kafka",
    positions: new Map(Object.entries(positions)),
    start,
    monotonicMs: () => made.nowMs,
    onGap: (gap) => made.gaps.push(gap),
  });
  return Object.assign(made, { partitions });
}
const bounds = (id: number, low: number, high: number): Bounds => ({ topic: "t", id, low, high, topicId: null });
const boundsOf = (topicId: string, id: number): Bounds => ({ ...bounds(id, 0, 10), topicId });

test("a partition with records that nobody has read holds everything, one that is read to its end nothing", () => {
  const made = make();
  made.partitions.learn([bounds(0, 0, 10), bounds(1, 0, 0)]);
  expect(made.partitions.floorMs()).toBe(-Infinity);
  const partition = made.partitions.get("t", 0);
  Object.assign(partition, { next: 5, timeMs: 1000 });
  expect(made.partitions.floorMs()).toBe(1000);
  partition.next = 10;
  expect(made.partitions.floorMs()).toBe(Infinity);
});

test("after a restart the time of the last record read is known", () => {
  const made = make({ "t/0": "5|1700" });
  made.partitions.learn([bounds(0, 0, 10)]);
  expect(made.partitions.floorMs()).toBe(1700);
  expect(toPosition(made.partitions.get("t", 0), "kafka")).toEqual({ source: "kafka", key: "t/0", value: "5|1700" });
});

test("one that does not move for an hour holds nothing, and the start is over without it", () => {
  const made = make();
  made.partitions.learn([bounds(0, 0, 10)]);
  made.nowMs = HOUR_MS - 1;
  expect([made.partitions.floorMs(), made.partitions.isScanned()]).toEqual([-Infinity, false]);
  made.nowMs = HOUR_MS;
  expect([made.partitions.floorMs(), made.partitions.isScanned()]).toEqual([Infinity, true]);
});

test("the start is over when all that was there is committed, not when it is handed out", () => {
  const made = make();
  made.partitions.learn([bounds(0, 0, 10), bounds(1, 3, 3)]);
  const partition = made.partitions.get("t", 0);
  Object.assign(partition, { next: 10, given: 10, settled: 4 });
  expect(made.partitions.isScanned()).toBe(false);
  partition.settled = 10;
  expect(made.partitions.isScanned()).toBe(true);
  made.partitions.get("t", 7);
  expect(made.partitions.isScanned()).toBe(true);
});

test.each([["x"], [""], ["-3|5"], ["1.5|"], ["9007199254740993|"]])(
  "a place %j is none: the log is read whole",
  (text) => {
    const made = make({ "t/0": text });
    made.partitions.learn([bounds(0, 2, 10)]);
    expect(made.partitions.get("t", 0).next).toBe(2);
    expect(made.gaps).toEqual([]);
  },
);

test("latest holds for topics of which nothing was read: their other partitions are read from the beginning", () => {
  const made = make({ "t/0": "5|" }, "latest");
  expect(made.partitions.learn([bounds(0, 0, 10), bounds(1, 0, 10)])).toEqual([]);
  expect(made.partitions.get("t", 1).next).toBe(0);
  expect(make({ "other/0": "5|" }, "latest").partitions.learn([bounds(0, 0, 10)])).toEqual([
    { source: "kafka", key: "t/0", value: "10|" },
  ]);
});

test("what was deleted is told with its offsets and since when, and the place behind it is to be committed", () => {
  const made = make({ "t/0": "5|1700" });
  expect(made.partitions.learn([bounds(0, 8, 10)])).toEqual([{ source: "kafka", key: "t/0", value: "8|1700" }]);
  expect(made.gaps).toEqual([{ key: "t/0", sinceMs: 1700, why: expect.stringContaining("Offsets 5 to 7 of t/0") }]);
  // A new leader may not know yet how far the log goes.
  expect(made.partitions.learn([bounds(0, 8, 9)])).toEqual([]);
  expect(made.gaps).toHaveLength(1);
});

test("a topic with another id is a new one, also where it has grown beyond the old place: told once, and read whole", () => {
  const made = make({ "t/0": "5|1700|old", "t/1": "0|" });
  const places = made.partitions.learn([boundsOf("new", 0), boundsOf("new", 1)]);
  expect(places).toEqual([{ source: "kafka", key: "t/0", value: "0||new" }]);
  expect(made.gaps).toEqual([
    { key: "t/0", sinceMs: 1700, why: expect.stringMatching(/made anew .* behind offset 5/) },
  ]);
  expect(made.partitions.learn([boundsOf("new", 0)])).toEqual([]);
  expect(made.gaps).toHaveLength(1);
  expect(made.partitions.findRenewed(new Map([["t", "new"]]))).toBeNull();
  expect(made.partitions.findRenewed(new Map([["t", "newer"]]))).toBe("t");
});

test("brokers that tell no id change nothing, and an id that is told for the first time is kept", () => {
  const made = make({ "t/0": "5|1700|old", "t/1": "5|1700" });
  expect(made.partitions.learn([bounds(0, 0, 10), boundsOf("first", 1)])).toEqual([]);
  expect(made.gaps).toEqual([]);
  expect([0, 1].map((id) => toPosition(made.partitions.get("t", id), "kafka").value)).toEqual([
    "5|1700|old",
    "5|1700|first",
  ]);
});
