/** How far the input counts as complete, step by step, for live and historic sources. */
import { expect, test } from "vitest";
import type { SourceTiming, Watermarks } from "../../src/contracts.ts";
import { createWatermarks } from "../../src/detect/watermark.ts";

const MINUTE = 60_000;
const live: SourceTiming = { mode: "live", latenessMs: 30 * MINUTE, idleMs: 20 * MINUTE, followMs: null };
const historic: SourceTiming = { mode: "historic", latenessMs: 30 * MINUTE, idleMs: 0, followMs: null };
const NOW = 1_773_100_800_000;
const TRAIL = "aws/cloudtrail" as const;

/** Ticks each minute after `fromMs` up to `toMs`. */
function pass(marks: Watermarks, fromMs: number, toMs: number): void {
  for (let nowMs = fromMs + MINUTE; nowMs <= toMs; nowMs += MINUTE) marks.tick(nowMs);
}

function source(
  name: string,
  timing: SourceTiming,
): { name: string; logsources: readonly ["aws/cloudtrail"]; timing: SourceTiming } {
  return { name, logsources: [TRAIL], timing };
}

test("a live watermark follows the newest event and never passes now − L, whatever a record claims", () => {
  const marks = createWatermarks([source("a", live)], []);
  marks.tick(NOW);
  expect(marks.value(TRAIL)).toBe(-Infinity);
  marks.observe("a", TRAIL, { floorMs: Infinity, newestMs: NOW - 10 * MINUTE });
  expect(marks.value(TRAIL)).toBe(NOW - 40 * MINUTE);
  marks.observe("a", TRAIL, { floorMs: Infinity, newestMs: NOW + 999 * MINUTE });
  expect(marks.value(TRAIL)).toBe(NOW - 30 * MINUTE);
  marks.observe("a", TRAIL, { floorMs: Infinity, newestMs: NOW - 20 * MINUTE });
  expect(marks.value(TRAIL)).toBe(NOW - 30 * MINUTE);
});

test("a live watermark waits for the oldest input that is known to wait, but not for ever", () => {
  const marks = createWatermarks([source("a", live)], []);
  marks.tick(NOW);
  marks.observe("a", TRAIL, { floorMs: NOW - 300 * MINUTE, newestMs: NOW });
  expect(marks.value(TRAIL)).toBe(NOW - 330 * MINUTE);
  marks.observe("a", TRAIL, { floorMs: NOW - 200 * MINUTE, newestMs: NOW });
  expect(marks.value(TRAIL)).toBe(NOW - 230 * MINUTE);
  pass(marks, NOW, NOW + 22 * MINUTE);
  expect(marks.value(TRAIL)).toBe(NOW - 8 * MINUTE);
});

test("a live source that is idle longer than I follows the clock", () => {
  const marks = createWatermarks([source("a", live)], []);
  marks.tick(NOW);
  marks.observe("a", TRAIL, { floorMs: Infinity, newestMs: NOW - MINUTE });
  pass(marks, NOW, NOW + 21 * MINUTE);
  expect(marks.value(TRAIL)).toBe(NOW - 31 * MINUTE);
  marks.tick(NOW + 22 * MINUTE);
  expect(marks.value(TRAIL)).toBe(NOW - 8 * MINUTE);
});

test("the slowest source holds back the logsource", () => {
  const marks = createWatermarks([source("a", live), source("b", live)], []);
  marks.tick(NOW);
  marks.observe("a", TRAIL, { floorMs: Infinity, newestMs: NOW });
  expect(marks.value(TRAIL)).toBe(-Infinity);
  marks.observe("b", TRAIL, { floorMs: Infinity, newestMs: NOW - 5 * MINUTE });
  expect(marks.value(TRAIL)).toBe(NOW - 35 * MINUTE);
});

test("after a restart a live source stays at its saved value until it is released", () => {
  const marks = createWatermarks(
    [source("a", live)],
    [{ source: "a", logsource: TRAIL, watermarkMs: NOW - 90 * MINUTE }],
  );
  marks.tick(NOW);
  marks.observe("a", TRAIL, { floorMs: Infinity, newestMs: NOW });
  expect(marks.value(TRAIL)).toBe(NOW - 90 * MINUTE);
  expect(marks.entries()).toEqual([{ source: "a", logsource: TRAIL, watermarkMs: NOW - 90 * MINUTE }]);
  marks.release("a");
  marks.tick(NOW + 1);
  expect(marks.value(TRAIL)).toBe(NOW - 30 * MINUTE + 0);
});

test("a historic watermark is the floor of unread slots − L, and +Infinity at the end; the clock does not move it", () => {
  const marks = createWatermarks([source("a", historic)], []);
  marks.tick(NOW);
  marks.observe("a", TRAIL, { floorMs: -Infinity, newestMs: NOW });
  expect(marks.value(TRAIL)).toBe(-Infinity);
  marks.observe("a", TRAIL, { floorMs: NOW - 60 * MINUTE, newestMs: NOW });
  expect(marks.value(TRAIL)).toBe(NOW - 90 * MINUTE);
  marks.tick(NOW + 999 * MINUTE);
  expect(marks.value(TRAIL)).toBe(NOW - 90 * MINUTE);
  marks.finish("a");
  expect(marks.value(TRAIL)).toBe(Infinity);
});

test("a historic source told to follow the newest event does so while slots cannot be told", () => {
  const marks = createWatermarks([source("a", { ...historic, followMs: 5 * MINUTE })], []);
  marks.observe("a", TRAIL, { floorMs: -Infinity, newestMs: NOW });
  expect(marks.value(TRAIL)).toBe(NOW - 5 * MINUTE);
});

test("a logsource that is silent in a busy live source does not stand still: it follows the clock, behind what waits", () => {
  const FINDINGS = "aws/guardduty" as const;
  const marks = createWatermarks([{ name: "a", logsources: [TRAIL, FINDINGS], timing: live }], []);
  marks.tick(NOW);
  marks.observe("a", FINDINGS, { floorMs: Infinity, newestMs: NOW - MINUTE });
  const found: number[] = [];
  for (let minutes = 1; minutes <= 60; minutes += 1) {
    const floorMs = minutes === 60 ? NOW - 5 * MINUTE : Infinity;
    marks.observe("a", TRAIL, { floorMs, newestMs: NOW + (minutes - 4) * MINUTE });
    marks.tick(NOW + minutes * MINUTE);
    found.push(marks.value(FINDINGS));
  }
  expect([found[14], found[58], found[59]]).toEqual([NOW - 31 * MINUTE, NOW + 29 * MINUTE, NOW + 29 * MINUTE]);
  expect(marks.value(TRAIL)).toBe(NOW + 25 * MINUTE);
});

test("a process that stood still, or was not allowed to read on, does not take that for silence", () => {
  const marks = createWatermarks([source("a", live)], []);
  marks.tick(NOW);
  marks.observe("a", TRAIL, { floorMs: Infinity, newestMs: NOW });
  pass(marks, NOW, NOW + 5 * MINUTE);
  // A suspended machine, and a clock that is set back.
  marks.tick(NOW + 300 * MINUTE);
  marks.tick(NOW + 200 * MINUTE);
  expect(marks.value(TRAIL)).toBe(NOW - 30 * MINUTE);
  for (let minutes = 201; minutes < 300; minutes += 1) {
    marks.stall("a");
    marks.tick(NOW + minutes * MINUTE);
  }
  expect(marks.value(TRAIL)).toBe(NOW - 30 * MINUTE);
  pass(marks, NOW + 299 * MINUTE, NOW + 319 * MINUTE);
  expect(marks.value(TRAIL)).toBe(NOW - 30 * MINUTE);
  marks.tick(NOW + 320 * MINUTE);
  expect(marks.value(TRAIL)).toBe(NOW + 290 * MINUTE);
});

test("how far rules were closed outlives the sources that closed them, by what the rules are over", () => {
  const FINDINGS = "aws/guardduty" as const;
  const first = createWatermarks([source("a", live), source("slow", live)], []);
  first.tick(NOW);
  first.observe("a", TRAIL, { floorMs: Infinity, newestMs: NOW });
  first.observe("slow", TRAIL, { floorMs: Infinity, newestMs: NOW - 60 * MINUTE });
  const saved = [...first.entries(), ...first.closings()].filter(({ watermarkMs }) => Number.isFinite(watermarkMs));

  // Another name, and a kind of record never seen before.
  const second = createWatermarks(
    [source("b", live), { name: "findings", logsources: [FINDINGS], timing: live }],
    saved,
  );
  second.tick(NOW + MINUTE);
  expect([
    second.value(TRAIL),
    second.closed([TRAIL]),
    second.closed([FINDINGS, TRAIL]),
    second.closed([FINDINGS]),
  ]).toEqual([-Infinity, NOW - 90 * MINUTE, NOW - 90 * MINUTE, -Infinity]);
  second.observe("b", TRAIL, { floorMs: Infinity, newestMs: NOW });
  expect([second.closed([TRAIL]), second.closed([TRAIL, FINDINGS])]).toEqual([NOW - 30 * MINUTE, NOW - 90 * MINUTE]);

  // And so once more, while the findings are not read yet; a source that comes back begins no earlier than the others went.
  const again = [...saved, ...second.entries(), ...second.closings()].filter(
    ({ watermarkMs }) => watermarkMs > -Infinity,
  );
  const third = createWatermarks([source("slow", live)], again);
  expect([third.value(TRAIL), third.closed([TRAIL])]).toEqual([NOW - 90 * MINUTE, NOW - 30 * MINUTE]);
});

test("where all input ended nothing is closed for the next run", () => {
  const first = createWatermarks([source("a", historic)], []);
  first.observe("a", TRAIL, { floorMs: NOW, newestMs: NOW });
  expect(first.closings().map(({ watermarkMs }) => watermarkMs)).toContain(NOW - 30 * MINUTE);
  first.finish("a");
  expect(first.closings().filter(({ watermarkMs }) => Number.isFinite(watermarkMs))).toEqual([]);
});
