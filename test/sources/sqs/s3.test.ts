/** The sqs-s3 source over the emulator: the exam of sources, notices of every form, and what is passed over. */
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { examineSource, textsOf } from "../../contracts/source-exam.ts";
import { encodeKey, toEventBridgeNotice, toNotice, toSnsMessage, toTestNotice } from "../../fakes/s3-notices.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { call, delivery, deliveryName, finding } from "../records.ts";
import { toEnding } from "./queue-exam.ts";
import { createBucketTests, outcomesOf, takeAll } from "./s3-set-up.ts";

useEnvironmentCredentials();
const tests = createBucketTests();
beforeAll(() => tests.start());
afterAll(() => tests.stop());
afterEach(() => tests.reset());

const FOLDER = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/01/02";
const many = Array.from({ length: 2300 }, (_, at) => call(`m${at}`));
const mixed = Array.from({ length: 300 }, (_, at) => (at % 3 === 0 ? finding(`f${at}`) : call(`x${at}`)));

examineSource({
  name: "sqs-s3",
  open: async () => ({
    source: toEnding({
      emulator: tests.emulator,
      name: "sqs-s3",
      open: (queue) => tests.open(queue, { receivers: 1 }),
      fill: async (queue) => {
        const objects = [
          await tests.put(`${FOLDER}/${deliveryName("20260102T0305Z")}`, delivery(...many)),
          await tests.put(`${FOLDER}/${deliveryName("20260102T0310Z")}`, mixed.join("\n")),
          await tests.put(`${FOLDER}/${deliveryName("20260102T0315Z")}`, `${delivery(call("last"))}!`),
        ];
        const digest = { ...objects[0]!, key: `AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/x.json.gz` };
        await tests.emulator.send(queue, [
          toNotice(objects[0]!),
          toNotice(digest),
          toSnsMessage(toNotice(objects[1]!)),
          toEventBridgeNotice(objects[2]!),
        ]);
      },
    }),
    close: () => Promise.resolve(),
  }),
  records: [...many, ...mixed, call("last")],
  rejected: 1,
  skipped: 1,
});

describe("notices", () => {
  test("of every form and spelling lead to their objects, which point back to them", async () => {
    const queue = await tests.queue();
    const odd = await tests.put("odd/a b+c=é(1).json", call("odd"));
    const plain = await tests.put("plain.json.gz", delivery(call("plain")));
    await tests.emulator.send(queue, [toNotice(odd), toSnsMessage(toEventBridgeNotice(plain))]);
    const batches = await takeAll(tests.open(queue), 2);
    const placed = batches.flatMap((batch) => textsOf(batch).map((text) => `${batch.origin.path} ${text}`));
    expect(placed.toSorted()).toEqual([
      `s3://${tests.bucket}/odd/a b+c=é(1).json ${call("odd")}`,
      `s3://${tests.bucket}/plain.json.gz ${call("plain")}`,
    ]);
    expect(encodeKey(odd.key)).toContain("+b%2Bc");
    await tests.isEmpty(queue);
  });

  test("that bring nothing are counted by reason and deleted", async () => {
    const queue = await tests.queue();
    const good = await tests.put("good.json", call("good"));
    const records = JSON.parse(toNotice(good)) as { Records: unknown[] };
    await tests.emulator.send(queue, [
      toTestNotice(tests.bucket),
      "broken",
      JSON.stringify({ Records: [...records.Records, { eventName: "ObjectCreated:Put" }] }),
      toEventBridgeNotice(good).replace("Object Created", "Object Deleted"),
      toNotice({ ...good, key: "AWSLogs/o-abc/111122223333/CloudTrail-Digest/eu-west-1/d.json.gz" }),
      toNotice({ ...good, key: "other/elb.log" }),
      '{"Records":[]}',
    ]);
    const batches = await takeAll(tests.open(queue, { pattern: "**/*.json*" }), 8);
    expect(outcomesOf(batches)).toEqual({
      records: [call("good")],
      rejected: { bad_notice: 3 },
      skipped: { test_notice: 1, other_object: 2, digest_file: 1 },
    });
    await tests.isEmpty(queue);
  });

  test("of bodies that Bedrock stores beside its invocation log bring no prompt anywhere: the log itself is read", async () => {
    const queue = await tests.queue();
    const hour = "AWSLogs/111122223333/BedrockModelInvocationLogs/eu-west-1/2026/03/10/12";
    const entry = `{"schemaType":"ModelInvocationLog","schemaVersion":"1.0","timestamp":"2026-03-10T12:00:00Z","accountId":"111122223333","requestId":"r1","operation":"InvokeModel","modelId":"m","input":{"inputBodyS3Path":"s3://b/${hour}/data/r1_input.json.gz"}}`;
    const log = await tests.put(`${hour}/20260310T120001Z_9f2a.json.gz`, gzipSync(entry));
    const body = gzipSync('{"prompt":"the secret recipe"}');
    const others = [
      await tests.put(`${hour}/data/r1_input.json.gz`, body),
      await tests.put(`${hour}/data/r1_output.json.gz`, body),
      await tests.put(`org/${hour}/data/r2_input.json.gz`, body),
      await tests.put("AWSLogs/111122223333/BedrockModelInvocationLogs/amazon-bedrock-logs-permission-check", ""),
    ];
    await tests.emulator.send(
      queue,
      [...others, log].map((object) => toNotice(object)),
    );
    const batches = await takeAll(tests.open(queue), 5);
    expect(outcomesOf(batches)).toEqual({ records: [entry], rejected: {}, skipped: { bedrock_body: 4 } });
    await tests.isEmpty(queue);
  });

  test("of an object that was read, or is being read, are passed over: by ETag, or by a sequencer not above", async () => {
    const queue = await tests.queue();
    const object = await tests.put("twice.json", call("once"));
    await tests.emulator.send(queue, [
      toNotice({ ...object, sequencer: "0A10" }),
      toNotice({ ...object, sequencer: "0A11" }),
      toSnsMessage(toNotice({ ...object, sequencer: "0A10" })),
    ]);
    const first = await takeAll(tests.open(queue), 3);
    expect(outcomesOf(first)).toEqual({ records: [call("once")], rejected: {}, skipped: { repeated_object: 2 } });
    const positions = new Map(first.flatMap(({ positions }) => positions).map(({ key, value }) => [key, value]));
    const other = await tests.queue();
    await tests.emulator.send(other, [
      toNotice(object),
      toNotice({ ...object, etag: "", sequencer: "0A1" }),
      toNotice({ ...object, etag: "", sequencer: "0A12" }),
    ]);
    const again = await takeAll(tests.open(other), 3, { positions });
    expect(outcomesOf(again)).toEqual({ records: [call("once")], rejected: {}, skipped: { repeated_object: 2 } });
    await tests.isEmpty(other);
  });

  test("a new version under the same key is read", async () => {
    const queue = await tests.queue();
    await tests.emulator.send(queue, [toNotice(await tests.put("v.json", call("v1")))]);
    const first = await takeAll(tests.open(queue), 1);
    const positions = new Map(first.flatMap(({ positions }) => positions).map(({ key, value }) => [key, value]));
    const other = await tests.queue();
    await tests.emulator.send(other, [toNotice(await tests.put("v.json", call("v2")))]);
    expect(outcomesOf(await takeAll(tests.open(other), 1, { positions }))).toMatchObject({ records: [call("v2")] });
  });
});

describe("objects", () => {
  test("that are broken as they are stored go into the quarantine under their reasons, once", async () => {
    const queue = await tests.queue();
    const whole = gzipSync(delivery(...many.slice(0, 50)));
    const cut = await tests.put("cut.json.gz", whole.subarray(0, whole.length - 40));
    const text = await tests.put("text.json", "hello");
    const bomb = await tests.put("bomb.json.gz", gzipSync(Buffer.alloc(8 * 1024 * 1024)));
    const empty = await tests.put("empty.json.gz", delivery());
    await tests.emulator.send(
      queue,
      [cut, text, bomb, empty].map((object) => toNotice(object)),
    );
    const { rejected, skipped } = outcomesOf(await takeAll(tests.open(queue), 5, { by: "settled" }));
    expect(skipped).toEqual({});
    expect(rejected).toMatchObject({ truncated: 1, bad_json: 1, gzip_ratio: 1 });
    await tests.isEmpty(queue);
  });

  test("that are gone or too large end in the quarantine; a large one is not fetched", async () => {
    const queue = await tests.queue();
    const gone = { bucket: tests.bucket, key: "gone.json.gz", size: 1, etag: "e" };
    const large = { ...(await tests.put("large.json", call("a"))), size: 2 * 1024 * 1024 };
    await tests.emulator.send(queue, [toNotice(gone), toNotice(large)]);
    const batches = await takeAll(tests.open(queue, { objectBytes: "1 MiB" }), 2);
    expect(outcomesOf(batches).rejected).toEqual({ object_missing: 1, too_big: 1 });
    expect(batches.flatMap(({ rejected }) => rejected.map(({ pointer }) => pointer.path)).toSorted()).toEqual([
      `s3://${tests.bucket}/gone.json.gz`,
      `s3://${tests.bucket}/large.json`,
    ]);
    await tests.isEmpty(queue);
  });
});
