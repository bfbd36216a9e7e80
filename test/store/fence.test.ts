/** One writer for each state folder (reliability.md T21): the second is refused at once, a taken-over one is fenced. */
import * as fs from "node:fs";
import * as path from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { openViews } from "../../src/store/views.ts";
import { WRITER, start } from "./child.ts";
import { countUnits, dump, makeUnit, START } from "./make.ts";
import { open, stateDir } from "./temp.ts";

const locked = (...words: readonly string[]): unknown =>
  expect.objectContaining({ code: "store_locked", message: expect.stringMatching(new RegExp(words.join(".*"))) });
const fenced: unknown = expect.objectContaining({ code: "store_fenced" });

test("a second process is refused at once, by the folder and the holder; readers go on; kill -9 frees the folder", async () => {
  const dir = stateDir();
  const holder = start(WRITER, [dir, "0", "3"]);
  await holder.line((line) => line === "3");
  const begunMs = systemClock.monotonicMs();
  expect(() => open(dir)).toThrow(locked(dir, `process ${holder.process.pid} `));
  const second = start(WRITER, [dir, "0", "3"]);
  expect(JSON.parse((await second.line((line) => line.startsWith("{")))!)).toMatchObject({ code: "store_locked" });
  expect(systemClock.monotonicMs() - begunMs).toBeLessThan(2_000);
  const views = openViews(dir);
  expect(views.counts()[0]?.read).toBe(60);
  views.close();
  await holder.kill();
  expect(countUnits(open(dir))).toBe(3);
});

test("the lock holds inside one process too, and closing frees it", () => {
  const dir = stateDir();
  const first = open(dir);
  expect(() => open(dir)).toThrow(locked(dir));
  expect(() => open(dir)).toThrow(locked(dir));
  first.close();
  open(dir).commit(makeUnit(0));
});

test("a writer that was taken over can neither commit, settle an alert nor touch the quarantine", () => {
  const dir = stateDir();
  const first = open(dir);
  first.commit(makeUnit(5));
  const items = first.outbox("kafka").due(START * 2, 9);
  // As on a disk whose locks do not work, or after a hand that deleted the lock.
  fs.rmSync(path.join(dir, "lock.db"));
  const second = open(dir);
  const before = dump(second);
  expect(() => first.commit(makeUnit(6))).toThrow(fenced);
  expect(() => first.outbox("kafka").sent(items, START)).toThrow(fenced);
  expect(() => first.outbox("kafka").refused([{ item: items[0]!, code: "x" }], START)).toThrow(fenced);
  expect(() => first.resolveQuarantine([1], [])).toThrow(fenced);
  expect(dump(second)).toBe(before);
  second.commit(makeUnit(7));
});
