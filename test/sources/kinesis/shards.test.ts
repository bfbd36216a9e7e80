/** The kinesis source over shards: splits, merges, restarts, gaps, faults; each record once, and each alert that is due. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Batch } from "../../../src/contracts.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import type { FoundGap } from "../../../src/model/past/gap.ts";
import { hasteClock, useEnvironmentCredentials } from "../../aws/set-up.ts";
import { commitPositions, readBatches, textsOf } from "../../contracts/source-exam.ts";
import type { Fault } from "../../fakes/fault-proxy.ts";
import { type KinesisFake, startKinesis } from "../../fakes/kinesis.ts";
import { call, idsOf } from "../records.ts";
import { openKinesis, readUntil, toAggregate, toEnding } from "./set-up.ts";

useEnvironmentCredentials();
let kinesis: KinesisFake;
beforeAll(async () => void (kinesis = await startKinesis()));
afterAll(() => kinesis.close());
afterEach(() => kinesis.proxy.set());

const HOUR_MS = 3_600_000;
const [ZERO, ONE] = ["shardId-000000000000", "shardId-000000000001"] as const;
let streams = 0;
async function fresh(shards = 1): Promise<string> {
  const name = `shards-${(streams += 1)}`;
  await kinesis.createStream(name, shards);
  return name;
}
const calls = (...ids: readonly string[]): readonly string[] => ids.map(call);
/** Shards that batches with records are of, each time they change. */
const orderOf = (batches: readonly Batch[]): readonly string[] => {
  const shards = batches.filter((batch) => textsOf(batch).length > 0).map(({ origin }) => origin.path.split("/")[3]!);
  return shards.filter((shard, at) => shard !== shards[at - 1]);
};
const alertsTo = (into: [string, string][]): object => ({
  alert: (name: string, { why }: { why: string }) => into.push([name, why]),
});

describe("splits and merges", () => {
  test("what came of a shard is read after it, over generations, while the others go on", async () => {
    const stream = await fresh(2);
    await kinesis.put(stream, calls("a1", "a2"), ZERO);
    await kinesis.put(stream, calls("b1"), ONE);
    const [left, right] = await kinesis.split(stream, ZERO);
    await kinesis.put(stream, calls("c1"), left!.ShardId);
    await kinesis.put(stream, calls("d1"), right!.ShardId);
    const [merged] = await kinesis.merge(stream, right!.ShardId!, ONE);
    await kinesis.put(stream, calls("e1"), merged!.ShardId);
    const batches = await readBatches(toEnding({ kinesis, stream }), new Map());
    expect(idsOf(batches).toSorted()).toEqual(["a1", "a2", "b1", "c1", "d1", "e1"]);
    const order = orderOf(batches);
    const place = (shard: string | undefined): number => order.indexOf(shard!);
    for (const [parent, child] of [
      [ZERO, left?.ShardId],
      [ZERO, right?.ShardId],
      [right?.ShardId, merged?.ShardId],
      [ONE, merged?.ShardId],
    ])
      expect(place(parent)).toBeLessThan(place(child));
  });

  test("a split while it reads is followed at once, and a restart begins in the new shards", async () => {
    const stream = await fresh();
    await kinesis.put(stream, calls("a"));
    let isSplit = false;
    const batches = await readUntil(openKinesis({ kinesis, stream }), new Map(), (all) => {
      const ids = idsOf(all);
      if (ids.includes("a") && !isSplit) {
        isSplit = true;
        void kinesis.split(stream, ZERO).then(([child]) => kinesis.put(stream, calls("b"), child!.ShardId));
      }
      return ids.includes("b");
    });
    expect(idsOf(batches)).toEqual(["a", "b"]);
    const positions = commitPositions(new Map(), batches);
    expect([...positions].map(([key, value]) => [key.split("/")[1], value.split("|")[0]])).toEqual([
      [ZERO, "end"],
      ["shardId-000000000001", "after"],
    ]);
    await kinesis.put(stream, calls("c"), ONE);
    expect(idsOf(await readBatches(toEnding({ kinesis, stream }), positions))).toEqual(["c"]);
  });

  test("a shard that waits for others holds the floor where they end", async () => {
    const stream = await fresh();
    await kinesis.put(stream, calls("a"));
    const [child] = await kinesis.split(stream, ZERO);
    const betweenMs = systemClock.nowMs();
    await kinesis.put(stream, calls("b"), child!.ShardId);
    const batches = await readBatches(toEnding({ kinesis, stream }), new Map());
    const first = batches.find((batch) => textsOf(batch).includes(call("a")));
    expect(first!.floorMs).toBeLessThanOrEqual(betweenMs);
    expect(first!.floorMs).toBeGreaterThan(betweenMs - 60_000);
  });
});

describe("where reading begins", () => {
  test("latest: what comes from the first start on, also when nothing had come before a restart", async () => {
    const stream = await fresh();
    await kinesis.put(stream, calls("before"));
    const opening = { kinesis, stream, settings: { start: "latest" } };
    const first = await readBatches(toEnding(opening), new Map());
    expect(idsOf(first)).toEqual([]);
    await kinesis.put(stream, calls("after"));
    expect(idsOf(await readBatches(toEnding(opening), commitPositions(new Map(), first)))).toEqual(["after"]);
  });

  test("shards that came while nothing read are read from their start, whatever start says", async () => {
    const stream = await fresh();
    const opening = { kinesis, stream, settings: { start: "latest" } };
    const positions = commitPositions(new Map(), await readBatches(toEnding(opening), new Map()));
    const [child] = await kinesis.split(stream, ZERO);
    await kinesis.put(stream, calls("a"), child!.ShardId);
    expect(idsOf(await readBatches(toEnding(opening), positions))).toEqual(["a"]);
  });

  test("another stream under the same source begins at its own start", async () => {
    const [one, other] = [await fresh(), await fresh()];
    await kinesis.put(one, calls("a"));
    await kinesis.put(other, calls("b"));
    const positions = commitPositions(new Map(), await readBatches(toEnding({ kinesis, stream: one }), new Map()));
    expect(idsOf(await readBatches(toEnding({ kinesis, stream: other }), positions))).toEqual(["b"]);
  });
});

describe("what is gone is told", () => {
  const positionsOf = async (stream: string): Promise<Map<string, string>> =>
    commitPositions(new Map(), await readBatches(toEnding({ kinesis, stream }), new Map()));

  test("a place that is older than the stream keeps: since when, and reading goes on with the oldest", async () => {
    const stream = await fresh();
    await kinesis.put(stream, calls("a"));
    const [[key, value] = ["", ""]] = [...(await positionsOf(stream))];
    const longAgoMs = systemClock.nowMs() - 30 * HOUR_MS;
    const stale = new Map([[key, value.replace(/\d+$/, String(longAgoMs))]]);
    const told: [string, string][] = [];
    const gaps: FoundGap[] = [];
    const deps = { ...alertsTo(told), gap: (found: FoundGap) => void gaps.push(found) };
    const batches = await readBatches(toEnding({ kinesis, stream, deps }), stale);
    expect(idsOf(batches)).toEqual(["a"]);
    // Events may be older than their arrival by the lateness of the source.
    expect(gaps).toMatchObject([{ fromMs: longAgoMs - 1_200_000, reason: "log_start" }]);
    expect(gaps[0]!.toMs).toBeGreaterThan(longAgoMs + 5 * HOUR_MS);
    expect(gaps[0]!.toMs).toBeLessThanOrEqual(systemClock.nowMs() - 24 * HOUR_MS);
    const since = new Date(longAgoMs).toISOString().slice(0, 19);
    expect(told).toEqual([["source_gap", expect.stringContaining(`of shard ${ZERO} that arrived after ${since}`)]]);
    expect(told[0]?.[1]).toContain("keeps 24 h");
    // It is told once: the new place is committed.
    told.length = 0;
    const after = commitPositions(stale, batches);
    await readBatches(toEnding({ kinesis, stream, deps: alertsTo(told) }), after);
    expect(told).toEqual([]);
  });

  test("a sequence number that is not of this shard", async () => {
    const stream = await fresh();
    await kinesis.put(stream, calls("a"));
    const [[key] = [""]] = [...(await positionsOf(stream))];
    const foreign = new Map([[key, `after|123|0|${systemClock.nowMs() - HOUR_MS}`]]);
    const told: [string, string][] = [];
    expect(idsOf(await readBatches(toEnding({ kinesis, stream, deps: alertsTo(told) }), foreign))).toEqual(["a"]);
    expect(told.map(([name]) => name)).toEqual(["source_gap"]);
  });

  test("a place at which the stream gives nothing and says it is as far behind as it keeps", async () => {
    const stream = await fresh();
    await kinesis.put(stream, calls("a"));
    const positions = await positionsOf(stream);
    await kinesis.put(stream, calls("b"));
    const stuck = (body: string): string =>
      JSON.stringify({ ...(JSON.parse(body) as object), Records: [], MillisBehindLatest: 24 * HOUR_MS });
    kinesis.proxy.set({ operation: "GetRecords", times: 1, fault: { kind: "edit", edit: stuck } });
    const told: [string, string][] = [];
    const batches = await readBatches(toEnding({ kinesis, stream, deps: alertsTo(told) }), positions);
    expect(idsOf(batches)).toEqual(["a", "b"]);
    expect(told.map(([name]) => name)).toEqual(["source_gap"]);
  });

  test("a shard that is no longer there, read to its end or not", async () => {
    const stream = await fresh();
    const prefix = stream;
    const since = systemClock.nowMs() - HOUR_MS;
    const positions = new Map([
      [`${prefix}@1/read`, `end|5|0|${since}`],
      [`${prefix}@1/unread`, `after|5|0|${since}`],
      ["other@1/unread", `after|5|0|${since}`],
    ]);
    const told: [string, string][] = [];
    const batches = await readBatches(toEnding({ kinesis, stream, deps: alertsTo(told) }), positions);
    expect(told).toEqual([["source_gap", expect.stringContaining(`${prefix}@1/unread is no longer there`)]]);
    const after = commitPositions(positions, batches);
    told.length = 0;
    await readBatches(toEnding({ kinesis, stream, deps: alertsTo(told) }), after);
    expect(told).toEqual([]);
  });

  test("shards that expire before they could be read, those too that waited for others", async () => {
    const stream = await fresh();
    await kinesis.put(stream, calls("a"));
    await kinesis.split(stream, ZERO);
    let listings = 0;
    kinesis.proxy.set(
      { operation: "GetRecords", fault: { kind: "error", code: "ResourceNotFoundException" } },
      {
        operation: "ListShards",
        when: () => (listings += 1) > 1,
        fault: { kind: "edit", edit: () => JSON.stringify({ Shards: [] }) },
      },
    );
    const told: [string, string][] = [];
    const end = new AbortController();
    const deps = { ...alertsTo(told), clock: hasteClock(250, 20) };
    const reading = (async () => {
      for await (const batch of openKinesis({ kinesis, stream, deps }).read(new Map(), end.signal)) batch.settle();
    })();
    await expect.poll(() => told.length, { timeout: 10_000 }).toBe(3);
    end.abort();
    await reading;
    expect(told.map(([name, why]) => [name, /shard (\S+) has expired/.exec(why)?.[1]])).toEqual(
      [ZERO, ONE, "shardId-000000000002"].map((shard) => ["source_gap", shard]),
    );
  });

  test("a shard far behind is told before anything is gone", async () => {
    const stream = await fresh();
    await kinesis.put(stream, calls("a"));
    const late = (body: string): string =>
      JSON.stringify({ ...(JSON.parse(body) as object), MillisBehindLatest: 13 * HOUR_MS });
    kinesis.proxy.set({ operation: "GetRecords", times: 2, fault: { kind: "edit", edit: late } });
    const told: [string, string][] = [];
    const batches = await readBatches(toEnding({ kinesis, stream, deps: alertsTo(told) }), new Map());
    expect(told).toEqual([["source_lag", expect.stringMatching(/read 13\.0 h behind, and the stream keeps 24\.0 h/)]]);
    // What is so far behind holds the watermark there.
    expect(batches[0]!.floorMs).toBeLessThan(systemClock.nowMs());
  });
});

describe("through faults (each record once)", () => {
  const error = (code: string, status = 400): Fault => ({ kind: "error", code, status });
  test.each<[string, string, number, Fault]>([
    ["throttled", "GetRecords", 7, error("ProvisionedThroughputExceededException")],
    ["throttled at the start", "ListShards", 7, error("LimitExceededException")],
    ["5xx", "GetRecords", 7, error("InternalFailure", 500)],
    ["unavailable at the start", "DescribeStreamSummary", 7, error("ServiceUnavailable", 503)],
    ["iterators expired", "GetRecords", 2, error("ExpiredIteratorException")],
    ["iterators expired for long", "GetRecords", 8, error("ExpiredIteratorException")],
    ["reset", "GetRecords", 7, { kind: "reset" }],
    ["answers lost", "GetRecords", 2, { kind: "lose" }],
    ["answers again", "GetRecords", 3, { kind: "replay" }],
    ["answers cut off", "GetRecords", 3, { kind: "truncate" }],
    ["answers altered", "GetRecords", 3, { kind: "edit", edit: (body) => `${body.slice(0, -20)}}` }],
    ["no iterator", "GetShardIterator", 5, error("InternalFailure", 500)],
    ["a key that may not be used", "GetRecords", 3, error("KMSAccessDeniedException")],
  ])("%s", async (_name, operation, ...[times, fault]) => {
    const stream = await fresh();
    await kinesis.put(stream, [toAggregate(calls("a", "b")), ...calls("c", "d")]);
    const warnings: string[] = [];
    const deps = { clock: hasteClock(250, 20), warn: (text: string) => void warnings.push(text) };
    let isMore = false;
    kinesis.proxy.set({ operation, times, fault });
    const batches = await readUntil(openKinesis({ kinesis, stream, deps }), new Map(), (all) => {
      const ids = idsOf(all);
      if (ids.length >= 4 && !isMore) {
        isMore = true;
        void kinesis.put(stream, calls("e", "f"));
      }
      return ids.length >= 6;
    });
    expect(idsOf(batches)).toEqual(["a", "b", "c", "d", "e", "f"]);
    expect(warnings.some((text) => text.includes("is not read")) || times <= 6).toBe(true);
  });

  test("expired credentials are fetched anew, and no record is lost", async () => {
    const stream = await fresh();
    await kinesis.put(stream, calls("a"));
    kinesis.proxy.set({ operation: "GetRecords", times: 1, fault: error("ExpiredTokenException") });
    expect(idsOf(await readBatches(toEnding({ kinesis, stream }), new Map()))).toEqual(["a"]);
  });

  test("while a shard is denied the source is not idle, and its floor stays where it was read", async () => {
    const stream = await fresh(2);
    await kinesis.put(stream, calls("a"), ZERO);
    const source = openKinesis({ kinesis, stream, deps: { clock: hasteClock(250, 20) } });
    const first = commitPositions(new Map(), await readBatches(toEnding({ kinesis, stream }), new Map()));
    const startedMs = systemClock.nowMs();
    kinesis.proxy.set({ operation: "GetRecords", fault: error("AccessDeniedException") });
    const batches = await readUntil(source, first, (all) => all.length >= 3);
    expect(batches.map(({ offsets, positions }) => offsets.length + positions.length)).toEqual([0, 0, 0]);
    for (const { floorMs } of batches) expect(floorMs).toBeLessThan(startedMs);
  });
});
