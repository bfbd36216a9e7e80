/**
 * A disk that fills up at each place where the store writes (reliability.md T7): the commit is refused whole, the file is
 * what it was after the last good commit and stays readable, and the reserve leaves room for a last word.
 */
import * as fs from "node:fs";
import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import type { CommitUnit, Store } from "../../src/contracts.ts";
import { READ_ONLY_DISK, SMALL_DISK, WRITER, start } from "./child.ts";
import { countUnits, draft, dump, evidence, makeUnit, member, pointer, START, unit } from "./make.ts";
import { createModel, open, stateDir } from "./temp.ts";

const KIB = 1024;
const full: unknown = expect.objectContaining({ code: "store_full" });
const lastWord = unit({ alerts: [draft("disk-full", { why: "The disk is full." })] });

/** Bytes that do not compress. */
function noise(seed: number): Uint8Array {
  let state = seed + 1;
  return new Uint8Array(8 * KIB).map(() => (state = (state * 48271) % 0x7fffffff) & 255);
}

const long = (n: number): string => Buffer.from(noise(n)).toString("base64");
const late = { ...member("k"), ruleId: "r", ruleSem: "s", logsource: "aws/cloudtrail", group: "[]", pointer } as const;
const bad = { reason: "bad_json", detail: "", sizeBytes: 1, kind: "" } as const;
/** One grower for each table that grows: the n-th unit of each adds about 8 KiB to it. */
const growers: readonly (readonly [string, (n: number) => Partial<CommitUnit>])[] = [
  ["members", (n) => ({ members: [{ stateKey: "s", group: "[]", slice: n, members: [member(long(n))] }] })],
  ["evidence", (n) => ({ evidence: [evidence(`k${n}`, noise(n))] })],
  ["alerts and the outbox", (n) => ({ alerts: [draft(`id-${n}`, { why: long(n) })] })],
  ["quarantine", (n) => ({ rejected: [{ ...bad, pointer: { ...pointer, index: n }, bytes: noise(n) }] })],
  [
    "late matches",
    (n) => ({ late: [{ ...late, key: `k${n}`, evidence: evidence("k", null).evidence, record: noise(n) }] }),
  ],
  ["positions", (n) => ({ positions: [{ source: "s", key: `k${n}`, value: long(n) }] })],
];

/** Commits until the store refuses; the number of good commits and the dump after the last of them. */
function fill(
  store: Store,
  toUnit: (n: number) => Partial<CommitUnit>,
): { held: number; before: string; error: unknown } {
  let before = dump(store);
  for (let n = 0; n < 2_000; n += 1) {
    try {
      store.commit(unit({ nowMs: START + n, ...toUnit(n) }));
    } catch (error) {
      return { held: n, before, error };
    }
    before = dump(store);
  }
  throw new Error("never full");
}

test.each(growers)(
  "a quota reached while %s grow: the commit leaves no trace, and the reserve holds the last word",
  (_, toUnit) => {
    const dir = stateDir();
    const store = open(dir, { maxBytes: 896 * KIB, reserveBytes: 256 * KIB });
    const { held, before, error } = fill(store, toUnit);
    expect(error).toEqual(full);
    expect(held).toBeGreaterThan(3);
    expect(dump(store)).toBe(before);
    expect(() => store.commit(unit(toUnit(9_999)))).toThrow(full);
    expect(store.releaseReserve()).toBe(true);
    expect(store.releaseReserve()).toBe(false);
    expect(store.commit(lastWord).written).toHaveLength(1);
    expect(
      store
        .outbox("kafka")
        .due(START, 999)
        .map(({ alert }) => alert.id),
    ).toContain("disk-full");
    store.close();
    expect(open(dir).views.alert("disk-full")?.alert.why).toBe("The disk is full.");
  },
);

test("a file-size limit of the process: refused with store_full, and what was committed is all there", async () => {
  const dir = stateDir();
  // 2,048 blocks of 512 or 1,024 bytes, as the shell counts; no checkpoint, so that the log meets the limit.
  const limited = start(WRITER, [dir, "0", "100000"], ["sh", "-c", 'ulimit -f 2048; exec "$0" "$@"']);
  await limited.line((line) => line.startsWith("{"));
  const outcome = JSON.parse(limited.last());
  await limited.kill();
  expect(outcome).toEqual({ code: "store_full", held: expect.any(Number), readable: true });
  expect(outcome.held).toBeGreaterThan(1);
  const store = open(dir);
  expect(countUnits(store)).toBe(outcome.held);
  expect(dump(store)).toBe(createModel()(outcome.held));
  store.commit(makeUnit(outcome.held));
});

/** A small disk of our own needs a mount, which some machines do not grant. */
const mount = ["unshare", "-Urm", "sh", "-c"] as const;
const canMount = spawnSync(mount[0], [...mount.slice(1), "mount -t tmpfs -o size=1m none /mnt"]).status === 0;

test.skipIf(!canMount)(
  "a real disk that is full: refused with store_full, readable, and the released reserve takes the last word",
  async () => {
    const dir = stateDir();
    fs.mkdirSync(dir);
    const script = `mount -t tmpfs -o size=2m none ${dir} && exec "$0" "$@"`;
    const child = start(SMALL_DISK, [dir], [...mount, script]);
    await child.line((line) => line.startsWith("{"));
    const outcome = JSON.parse(child.last());
    expect(outcome).toEqual({
      code: "store_full",
      held: expect.any(Number),
      unchanged: true,
      released: true,
      lastWord: true,
    });
    expect(outcome.held).toBeGreaterThan(3);
  },
);

test.skipIf(!canMount)(
  "a disk that became read-only: refused to a writer, read by others or told what to do, and as it was once it can be written again",
  async () => {
    const dir = stateDir();
    fs.mkdirSync(dir);
    const script = `mount -t tmpfs -o size=2m none ${dir} && exec "$0" "$@"`;
    const child = start(READ_ONLY_DISK, [dir], [...mount, script]);
    await child.line((line) => line.startsWith("{"));
    expect(JSON.parse(child.last())).toEqual({
      mounts: [0, 0, 0, 0],
      code: "store_failed",
      read: true,
      told: expect.stringMatching(/^store_failed: .*store\.db-wal.*Copy the folder .* --state/),
      held: 3,
      unchanged: true,
    });
  },
);
