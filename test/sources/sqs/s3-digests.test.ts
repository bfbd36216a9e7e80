/** Digest files in the sqs-s3 source, at a clock of the test's own: those that come no more, and those found by listing. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Clock, systemClock } from "../../../src/lib/clock.ts";
import type { IntegrityNote } from "../../../src/model/integrity/notes.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { serveCloudTrail } from "../../fakes/cloudtrail.ts";
import { makeSigningKey, makeTrail } from "../../fakes/digests.ts";
import type { Queue } from "../../fakes/emulator.ts";
import { toNotice } from "../../fakes/s3-notices.ts";
import { type Fake, startFake } from "../../fakes/service.ts";
import { unit } from "../../store/make.ts";
import { open } from "../../store/temp.ts";
import { call } from "../records.ts";
import { createBucketTests } from "./s3-set-up.ts";

useEnvironmentCredentials();
const HOUR = 3_600_000;
/** The digest file of the hour that ended last. */
const START = Math.floor(Date.now() / HOUR) * HOUR - HOUR;
const key = makeSigningKey();
const tests = createBucketTests();
let fake: Fake;
beforeAll(async () => {
  await tests.start();
  fake = await startFake([serveCloudTrail(() => [], () => [key])]); // prettier-ignore
  tests.emulator.proxy.target(fake.url, "cloudtrail");
});
afterAll(async () => {
  await tests.stop();
  await fake.close();
});
afterEach(() => tests.reset());

/** A clock that can be put forward. */
function createClock(): Clock & { forwardMs: number } {
  const clock = { ...systemClock, forwardMs: 0, nowMs: () => systemClock.nowMs() + clock.forwardMs };
  return clock;
}

/** Reads into a store until enough was told; the notes, in order. */
async function read(
  queue: Queue,
  by: { readonly clock: Clock; readonly settings?: object },
  isEnough: (notes: readonly IntegrityNote[]) => boolean,
): Promise<readonly IntegrityNote[]> {
  const store = open(null);
  const notes: IntegrityNote[] = [];
  const end = new AbortController();
  const looking = setInterval(() => isEnough(notes) && end.abort(), 20);
  const late = setTimeout(() => end.abort(), 30_000);
  const deps = { clock: by.clock, integrity: store.integrity };
  for await (const batch of tests.open(queue, { digestWait: "1s", ...by.settings }, deps).read(new Map(), end.signal)) {
    store.commit(unit({ integrity: batch.integrity ?? [] }));
    notes.push(...(batch.integrity ?? []));
    batch.settle();
  }
  clearInterval(looking);
  clearTimeout(late);
  return notes;
}

test("a chain of which no digest file comes for three hours is told of once", { timeout: 60_000 }, async () => {
  const queue = await tests.queue();
  const digest = makeTrail({ bucket: tests.bucket, key, prefix: "overdue/" }).digest(START, []);
  const etag = await tests.emulator.deliver(digest);
  await tests.emulator.send(queue, [toNotice({ bucket: tests.bucket, key: digest.key, size: 1, etag })]);
  const clock = createClock();
  let toldAt = 0;
  const notes = await read(queue, { clock }, (seen) => {
    if (seen.some(({ is }) => is === "judged")) clock.forwardMs = 4 * HOUR;
    if (toldAt === 0 && seen.some(({ is }) => is === "finding")) toldAt = Date.now();
    // So long it looks again and again.
    return toldAt > 0 && Date.now() - toldAt > 1_500;
  });
  const findings = notes.filter(({ is }) => is === "finding");
  expect(findings).toMatchObject([{ finding: "digest_overdue", accountId: "111122223333", region: "eu-west-1" }]);
  expect(notes.findLast(({ is }) => is === "judged")).toMatchObject({ state: "proven" });
});

test("digest files and log files without a notice are found by listing", { timeout: 60_000 }, async () => {
  const trail = makeTrail({ bucket: tests.bucket, key, prefix: "listed/" });
  const log = trail.log(START + 30 * 60_000, [call("listed")]);
  for (const object of [log, trail.digest(START, [log])]) await tests.emulator.deliver(object);
  const clock = createClock();
  // What is younger than ten minutes is left to its notice.
  clock.forwardMs = 15 * 60_000;
  const settings = { trails: [{ bucket: tests.bucket, prefix: "listed/" }], sweepOverlap: "3h" };
  const isProven = (note: IntegrityNote): boolean => note.is === "judged" && note.state === "proven";
  const notes = await read(await tests.queue(), { clock, settings }, (seen) => seen.some(isProven));
  expect(notes.some(isProven)).toBe(true);
  expect(notes.filter(({ is }) => is === "finding")).toEqual([]);
  expect(tests.warnings.join("\n")).toContain("2 objects of s3://trail-logs/listed/ were found by listing");
});

test("a log file that unpacks without end is not said to be altered", { timeout: 60_000 }, async () => {
  const queue = await tests.queue();
  const trail = makeTrail({ bucket: tests.bucket, key, prefix: "bomb/" });
  const bomb = trail.log(START + 5 * 60_000, [" ".repeat(8 * 1024 * 1024)]);
  const digest = trail.digest(START, [bomb]);
  for (const object of [bomb, digest]) {
    const etag = await tests.emulator.deliver(object);
    await tests.emulator.send(queue, [
      toNotice({ bucket: tests.bucket, key: object.key, size: object.body.length, etag }),
    ]);
  }
  const notes = await read(queue, { clock: systemClock }, (seen) => seen.some(({ is }) => is === "judged"));
  expect(notes.filter(({ is }) => is === "finding")).toEqual([]);
  expect(notes.find(({ is }) => is === "file")).toMatchObject({ hash: null, lost: "unreadable" });
  expect(notes.findLast(({ is }) => is === "judged")).toMatchObject({ state: "listed", files: [{ state: "unread" }] });
});
