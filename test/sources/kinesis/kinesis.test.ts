/** The kinesis source over the emulator: the exam of sources, what a record may carry, and its settings. */
import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Batch } from "../../../src/contracts.ts";
import { sourceRegistry } from "../../../src/sources/registry.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { commitPositions, examineSource, readBatches, textsOf } from "../../contracts/source-exam.ts";
import { type KinesisFake, startKinesis } from "../../fakes/kinesis.ts";
import { call, delivery, finding, LIMITS } from "../records.ts";
import { envelope } from "../sqs/envelope.ts";
import { openKinesis, readUntil, toAggregate, toEnding, toLogs } from "./set-up.ts";

useEnvironmentCredentials();
const API = "AWS API Call via CloudTrail";
const many = Array.from({ length: 1500 }, (_, at) => call(`many${at}`));
let kinesis: KinesisFake;
beforeAll(async () => {
  kinesis = await startKinesis();
  await kinesis.createStream("exam", 2);
  await kinesis.put("exam", [call("a"), "broken", toLogs(many), envelope(API, call("b"))], "shardId-000000000000");
  await kinesis.put("exam", [call("c"), envelope("Scheduled Event", "{}")], "shardId-000000000001");
  const [child] = await kinesis.split("exam", "shardId-000000000000");
  await kinesis.put("exam", [call("d"), finding("e")], child?.ShardId);
});
afterAll(() => kinesis.close());
afterEach(() => kinesis.proxy.set());

examineSource({
  name: "kinesis",
  open: async () => ({
    source: toEnding({ kinesis, stream: "exam", settings: { concurrency: 1 } }),
    close: () => Promise.resolve(),
  }),
  records: ["a", "b", "c", "d"].map(call).concat(finding("e"), many),
  rejected: 1,
  skipped: 1,
});

let streams = 0;
async function fresh(...records: readonly (string | Uint8Array)[]): Promise<string> {
  const name = `stream-${(streams += 1)}`;
  await kinesis.createStream(name);
  await kinesis.put(name, records);
  return name;
}
type Outcomes = {
  readonly records: readonly (readonly string[])[];
  readonly rejected: readonly (readonly [string, number])[];
  readonly skipped: readonly unknown[];
};
const outcomesOf = (batches: readonly Batch[]): Outcomes => ({
  records: batches.flatMap((batch) => textsOf(batch).map((text) => [batch.kind, text])),
  rejected: batches.flatMap(({ rejected }) =>
    rejected.map(({ reason, pointer }) => [reason, pointer.path.split("/").length]),
  ),
  skipped: batches.flatMap(({ skipped }) => Object.entries(skipped)),
});

describe("what one record may carry", () => {
  const C = (...ids: readonly string[]): unknown => ids.map((id) => ["cloudtrail", call(id)]);
  test.each<[string, string | Uint8Array, Record<string, unknown>]>([
    ["a CloudTrail record", call("a"), { records: C("a") }],
    ["an EventBridge envelope", envelope(API, call("a")), { records: C("a") }],
    ["a delivery file", delivery(call("a"), call("b")), { records: C("a", "b") }],
    ["records on lines", `${call("a")}\n${call("b")}\n`, { records: C("a", "b") }],
    ["records behind one another", call("a") + call("b"), { records: C("a", "b") }],
    ["the same, packed", gzipSync(call("a") + call("b")), { records: C("a", "b") }],
    ["two gzip members", Buffer.concat([gzipSync(call("a")), gzipSync(call("b"))]), { records: C("a", "b") }],
    ["log events", toLogs([call("a"), call("b")]), { records: C("a", "b") }],
    ["a control message", toLogs(["CWL CONTROL MESSAGE: x"], "CONTROL_MESSAGE"), { skipped: [["control_message", 1]] }],
    ["an aggregate", toAggregate([call("a"), toLogs([call("b")]), call("c")]), { records: C("a", "c", "b") }],
    [
      "an aggregate with junk in it",
      toAggregate([call("a"), "junk"]),
      { records: C("a"), rejected: [["bad_json", 6]] },
    ],
    ["a damaged aggregate", toAggregate([call("a")]).fill(1, 30, 40), { rejected: [["aggregate_bad", 5]] }],
    ["an empty aggregate", toAggregate([]), { rejected: [["aggregate_bad", 5]] }],
    ["damaged gzip", gzipSync(call("a")).fill(1, 20, 40), { rejected: [["gzip_bad", 5]] }],
    ["nothing of ours", '{"a":1}', { rejected: [["unknown_kind", 5]] }],
    ["a text", "hello", { rejected: [["bad_json", 5]] }],
    ["one space", " ", { rejected: [["unknown_kind", 5]] }],
  ])("%s", async (_name, record, expected) => {
    const stream = await fresh(record, call("next"));
    const batches = await readBatches(toEnding({ kinesis, stream }), new Map());
    const found = outcomesOf(batches);
    // The record behind it comes whatever becomes of this one.
    expect(found.records.filter(([, text]) => text === call("next"))).toHaveLength(1);
    const records = found.records.filter(([, text]) => text !== call("next"));
    expect({ ...found, records }).toEqual({ records: [], rejected: [], skipped: [], ...expected });
  });

  test("gzip that is cut off is read as far as it goes", async () => {
    const stream = await fresh(gzipSync(delivery(...many)).subarray(0, 3000), call("next"));
    const { records, rejected } = outcomesOf(await readBatches(toEnding({ kinesis, stream }), new Map()));
    expect(records.length).toBeGreaterThan(10);
    expect(records.at(-1)).toEqual(["cloudtrail", call("next")]);
    expect(rejected).toEqual([["truncated", 5]]);
  });

  test("what cannot be read goes to quarantine with shard and sequence number, and its bytes", async () => {
    const stream = await fresh();
    const [sequence] = await kinesis.put(stream, ["hello"]);
    const [batch] = await readBatches(toEnding({ kinesis, stream }), new Map());
    const { pointer, bytes } = batch!.rejected[0]!;
    expect(pointer).toEqual({
      source: "kinesis",
      path: `kinesis://${stream}/shardId-000000000000/${sequence}`,
      index: 0,
    });
    expect(Buffer.from(bytes!).toString()).toBe("hello");
  });

  test("a bomb is stopped, and what is too large told", async () => {
    const bomb = gzipSync(Buffer.alloc(30 << 20, " "));
    const large = gzipSync(
      call("x").replace('"b"', JSON.stringify(randomBytes(LIMITS.recordBytes / 2).toString("hex"))),
    );
    const stream = await fresh(bomb, large, call("next"));
    const batches = await readBatches(toEnding({ kinesis, stream }), new Map());
    expect(outcomesOf(batches)).toMatchObject({
      records: [["cloudtrail", call("next")]],
      rejected: [["gzip_ratio", 5], ["too_big", 5]],
    }); // prettier-ignore
  });

  test("an aggregate of thousands is handed out piece by piece, and a restart goes on inside it", async () => {
    const stream = await fresh(toAggregate(many), call("next"));
    const opening = { kinesis, stream };
    const first = await readBatches(toEnding(opening), new Map(), 700);
    const rest = await readBatches(toEnding(opening), commitPositions(new Map(), first));
    expect(first.flatMap(textsOf)).toEqual(many.slice(0, 700));
    expect(rest.flatMap(textsOf)).toEqual([...many.slice(700), call("next")]);
  });
});

describe("batches", () => {
  test("hold at most 1,000 records and 4 MiB", async () => {
    const packed = (from: number): Uint8Array => toAggregate(many.slice(from, from + 450));
    const wide = call("w").replace('"b"', JSON.stringify("w".repeat(300_000)));
    const stream = await fresh(
      packed(0),
      packed(450),
      packed(900),
      toAggregate(Array(15).fill(gzipSync(wide))),
      toAggregate(Array(9).fill(gzipSync(wide))),
      toAggregate(Array(9).fill(gzipSync(wide))),
    );
    const batches = await readBatches(toEnding({ kinesis, stream }), new Map());
    expect(batches.flatMap(textsOf)).toHaveLength(3 * 450 + 33);
    expect(batches.map(({ origin }) => origin.indexes.length)).toEqual([900, 450, ...Array(15).fill(1), 9, 9]);
    expect(Math.max(...batches.map(({ chunk }) => chunk.length))).toBeLessThanOrEqual(4 << 20);
  });

  test("who does not pull is not given more: a shard is asked again when its answer was taken in", async () => {
    const stream = await fresh(toAggregate(many.slice(0, 600)), toAggregate(many.slice(600, 1200)));
    const end = new AbortController();
    const reading = openKinesis({ kinesis, stream }).read(new Map(), end.signal)[Symbol.asyncIterator]();
    await reading.next();
    const asked = (): number => kinesis.proxy.log.filter(({ operation }) => operation === "GetRecords").length;
    const before = asked();
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(asked()).toBe(before);
    await reading.next();
    const third = reading.next();
    await expect.poll(asked).toBeGreaterThan(before);
    end.abort();
    await third;
  });
});

describe("settings", () => {
  const base = { type: "kinesis", stream: "s", region: "eu-west-1" };
  test("the defaults", () => {
    const { timing, logsources, name } = openKinesis({ kinesis: { endpoint: "http://127.0.0.1:1" }, stream: "s" });
    expect([name, timing]).toEqual([
      "kinesis",
      { mode: "live", latenessMs: 1_200_000, idleMs: 120_000, followMs: null },
    ]);
    expect(logsources).toContain("aws/cloudtrail");
    expect(sourceRegistry.kinesis.schema.parse(base)).toMatchObject({
      start: "trim_horizon",
      every: 1000,
      concurrency: 4,
    });
  });

  test.each([
    [{ stream: "a b" }],
    [{ stream: "arn:aws:sqs:eu-west-1:111122223333:q" }],
    [{ every: "10ms" }],
    [{ start: "now" }],
    [{ concurrency: 0 }],
  ])("%j is refused", (given) =>
    expect(sourceRegistry.kinesis.schema.safeParse({ ...base, ...given }).success).toBe(false),
  );

  test("a stream that does not exist is told at once", async () => {
    const reading = readUntil(openKinesis({ kinesis, stream: "no-such" }), new Map(), () => true);
    await expect(reading).rejects.toMatchObject({ code: "aws_missing" });
  });

  test("a stream is found by its ARN, and a role's name in the account of the ARN only", async () => {
    const stream = await fresh(call("a"));
    const arn = `arn:aws:kinesis:eu-west-1:111122223333:stream/${stream}`;
    const batches = await readBatches(toEnding({ kinesis, stream: arn }), new Map());
    expect(batches.flatMap(textsOf)).toEqual([call("a")]);
    expect(() =>
      openKinesis({ kinesis, stream, settings: { role: "reader" } }).read(new Map(), AbortSignal.abort()),
    ).toThrow(/nothing says in which account/);
  });
});
