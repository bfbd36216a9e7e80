/**
 * The progress line on a screen: it gives its place to other writing and comes back.
 */
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { createProgress } from "../../src/ops/progress.ts";

function createScreen(isTTY: boolean): {
  stream: PassThrough & { isTTY: boolean; columns: number };
  text: () => string;
} {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 80 });
  return { stream, text: () => String(stream.read() ?? "") };
}

test("cleared, it leaves an empty line and is drawn again by the very next call", () => {
  const { stream, text } = createScreen(true);
  const progress = createProgress(stream, "reading", systemClock);
  progress.show(0.5, "1 record");
  expect(text()).toMatch(/reading \[#+-+\] +50 % 1 record$/);
  progress.clear();
  expect(text()).toBe("\r\u001B[2K");
  progress.clear();
  expect(text()).toBe("");
  progress.show(0.6, "2 records");
  expect(text()).toContain("2 records");
  progress.end();
  expect(text()).toBe("\r\u001B[2K");
});

test("where there is no screen, nothing is cleared", () => {
  const { stream, text } = createScreen(false);
  const progress = createProgress(stream, "reading", systemClock);
  progress.show(0.5, "1 record");
  progress.clear();
  progress.end();
  expect(text()).toBe("");
});
