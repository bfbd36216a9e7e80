/** The quarantine as a source: which record a row stands for, and when a row may leave. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Batch, Matcher, QuarantineRow } from "../../src/contracts.ts";
import { createQuarantineSource, type QuarantineOutcome } from "../../src/sources/quarantine.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "sagewatch-quarantine-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const LIMITS = { recordBytes: 4096, depth: 64, gzipRatio: 100 };

const trail = (id: string, padding = 0): string =>
  JSON.stringify({
    eventVersion: "1.09",
    eventTime: "2026-03-10T08:00:00Z",
    eventSource: "s3.amazonaws.com",
    eventName: "GetObject",
    eventID: id,
    padding: "x".repeat(padding),
  });
const finding = (id: string): string =>
  JSON.stringify({ SchemaVersion: "2.0", AccountId: "1", Region: "r", Id: id, Type: "T", Severity: 5 });

/** Evaluates every record, or those alone that hold none of the texts. */
function createMatcher(broken: readonly string[] = []): Matcher {
  return {
    match: (batch) => {
      const texts = textsOf(batch);
      const bad = texts.filter((text) => broken.some((part) => text.includes(part)));
      return {
        read: texts.length + batch.rejected.length,
        evaluated: texts.length - bad.length,
        rejected: [
          ...batch.rejected,
          ...bad.map(() => ({
            reason: "schema" as const,
            pointer: { source: "quarantine", path: batch.origin.path, index: 0 },
            detail: "a rule failed",
            bytes: null,
            sizeBytes: 0,
            kind: batch.kind,
          })),
        ],
        skipped: batch.skipped,
        newestMs: -Infinity,
        late: 0,
        groupless: new Map(),
        matches: [],
      };
    },
  };
}

function textsOf({ chunk, offsets }: Batch): string[] {
  return Array.from({ length: offsets.length / 2 }, (_, i) =>
    Buffer.from(chunk.subarray(offsets[2 * i], offsets[2 * i + 1])).toString(),
  );
}

/** Replays one row, committing each batch at once. */
async function replay(
  row: Partial<QuarantineRow>,
  options: { recordBytes?: number; matcher?: Matcher } = {},
): Promise<QuarantineOutcome & { given: string[]; done: number[]; failed: number[] }> {
  const whole: QuarantineRow = {
    id: 7,
    source: "trail",
    path: join(dir, "gone.json"),
    index: 0,
    kind: "cloudtrail",
    reason: "too_big",
    detail: "",
    sizeBytes: 1,
    sha256: "",
    tries: 0,
    atMs: 0,
    record: null,
    ...row,
  };
  const [done, failed, given]: [number[], number[], string[]] = [[], [], []];
  const quarantine = createQuarantineSource({
    views: { quarantine: () => [whole], quarantined: () => whole },
    resolve: (left, stayed) => {
      done.push(...left);
      failed.push(...stayed);
    },
    matcher: options.matcher ?? createMatcher(),
    limits: { ...LIMITS, recordBytes: options.recordBytes ?? LIMITS.recordBytes },
    nowMs: () => Date.parse("2026-03-10T09:00:00Z"),
  });
  const outcome = quarantine.replay([7]);
  quarantine.close();
  for await (const batch of quarantine.source.read(new Map(), new AbortController().signal)) {
    expect([batch.rejected, batch.skipped]).toEqual([[], {}]);
    given.push(...textsOf(batch));
    batch.settle();
  }
  return { ...(await outcome), given, done, failed };
}

/** A file whose record 1 is large, between neighbours of two kinds, one of them broken. */
function writeNeighbours(): string {
  const path = join(dir, "trail.json");
  const records = [trail("a"), trail("large", 6000), finding("f"), "[1]", trail("b")];
  writeFileSync(path, `{"Records":[${records.join(",")}]}`);
  return path;
}

test("a record too large to keep is read again where it was, whatever became of its neighbours", async () => {
  const outcome = await replay({ path: writeNeighbours(), index: 1 }, { recordBytes: 10_000 });
  expect(outcome).toMatchObject({ replayed: 1, evaluated: 1, quarantinedAgain: 0, gone: 0, done: [7], failed: [] });
  expect(outcome.given).toEqual([trail("large", 6000)]);
});

test("a record that is still too large stays, and no neighbour is taken for it", async () => {
  const outcome = await replay({ path: writeNeighbours(), index: 1 });
  expect(outcome).toMatchObject({ evaluated: 0, quarantinedAgain: 1, gone: 0, done: [], failed: [7], given: [] });
});

test("a record whose file is gone, or shorter now, stays and is told of", async () => {
  expect(await replay({ index: 1 })).toMatchObject({ quarantinedAgain: 1, gone: 1, failed: [7] });
  expect(await replay({ path: writeNeighbours(), index: 9 })).toMatchObject({ quarantinedAgain: 1, gone: 1 });
});

test("a record that decodes but cannot be evaluated stays: its rejection would not be stored twice", async () => {
  const matcher = createMatcher(["large"]);
  const record = Buffer.from(trail("large"));
  expect(await replay({ source: "quarantine", reason: "schema", record }, { matcher })).toMatchObject({
    evaluated: 0,
    quarantinedAgain: 1,
    done: [],
    failed: [7],
    given: [],
  });
});

test("a request after the end is refused, not left waiting", async () => {
  const quarantine = createQuarantineSource({
    views: { quarantine: () => [], quarantined: () => null },
    resolve: () => undefined,
    matcher: createMatcher(),
    limits: LIMITS,
    nowMs: () => 0,
  });
  const stop = new AbortController();
  stop.abort();
  for await (const _ of quarantine.source.read(new Map(), stop.signal));
  await expect(quarantine.replay("all")).rejects.toMatchObject({ code: "daemon_unreachable" });
});
