/** What the sqs-s3 source holds of objects: the one whose turn it is, and 16 MiB of those behind it. */
import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { textsOf } from "../../contracts/source-exam.ts";
import { type Noticed, toNotice } from "../../fakes/s3-notices.ts";
import { call } from "../records.ts";
import { createBucketTests, outcomesOf, takeAll } from "./s3-set-up.ts";

useEnvironmentCredentials();
const tests = createBucketTests();
beforeAll(() => tests.start());
afterAll(() => tests.stop());
afterEach(() => tests.reset());

const MIB = 1024 * 1024;
/** Records, one of them too large, that come to so many bytes. */
const large = (id: string, bytes: number): string =>
  `${call(id)}\n${call("x").replace('"b"', JSON.stringify(randomBytes(bytes / 2).toString("hex")))}\n`;
const gets = (): number => tests.emulator.proxy.log.filter(({ operation }) => operation === "GetObject").length;
/** CloudTrail's own notice tells no size. */
const toTrailNotice = ({ bucket, key }: Noticed): string => JSON.stringify({ s3Bucket: bucket, s3ObjectKey: [key] });

async function putLarge(count: number, bytes: number): Promise<readonly Noticed[]> {
  const objects: Noticed[] = [];
  for (let at = 0; at < count; at += 1) objects.push(await tests.put(`${bytes}/${at}.json`, large(`o${at}`, bytes)));
  return objects;
}

test("large objects are fetched ahead only as far as memory is kept for", async () => {
  const queue = await tests.queue();
  const objects = await putLarge(6, 5 * MIB);
  await tests.emulator.send(queue, objects.map((object) => toNotice(object))); // prettier-ignore
  const end = new AbortController();
  const before = gets();
  const reading = tests.open(queue, { receivers: 1 }).read(new Map(), end.signal)[Symbol.asyncIterator]();
  const first = await reading.next();
  await systemClock.sleep(700);
  // The first, and three of 5 MiB behind it.
  expect(gets() - before).toBeLessThanOrEqual(4);
  first.value?.settle();
  end.abort();
  await reading.return?.();
});

test("objects of which no size is told, and those larger than all that is kept ahead, are read all the same", async () => {
  const queue = await tests.queue();
  const [unknown, told] = await putLarge(2, 3 * MIB);
  const small = await tests.put("small.json", call("small"));
  // The emulator takes no object so large; its notice alone keeps it from being fetched ahead.
  const huge = { ...told!, size: 17 * MIB, etag: "before" };
  await tests.emulator.send(queue, [
    toTrailNotice(small),
    toTrailNotice(unknown!),
    toNotice(huge),
    toTrailNotice(small),
  ]);
  const batches = await takeAll(tests.open(queue), 6);
  expect(batches.flatMap(textsOf).toSorted()).toEqual([call("o0"), call("o1"), call("small")]);
  expect(outcomesOf(batches)).toMatchObject({ rejected: { too_big: 2 }, skipped: { repeated_object: 1 } });
  await tests.isEmpty(queue);
});

test("an object that is larger than its notice said is read whole, or refused by its own size", async () => {
  const queue = await tests.queue();
  const grown = { ...(await tests.put("grown.json", large("grown", 2 * MIB))), size: 10, etag: "before" };
  const over = { ...(await tests.put("over.json", large("over", 4 * MIB))), size: 10, etag: "before" };
  await tests.emulator.send(queue, [toNotice(grown), toNotice(over)]);
  const batches = await takeAll(tests.open(queue, { objectBytes: "3 MiB" }), 3);
  expect(batches.flatMap(textsOf)).toEqual([call("grown")]);
  expect(outcomesOf(batches).rejected).toEqual({ too_big: 2 });
  expect(tests.warnings.join("\n")).toMatch(/over.json is not read: the object has \d+ bytes, limit 3145728/);
  await tests.isEmpty(queue);
});
