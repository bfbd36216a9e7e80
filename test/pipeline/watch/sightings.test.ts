/** Each way of an event is told once, with the alert that it gets into or after it. */
import { expect, test } from "vitest";
import type { AlertDraft, Match } from "../../../src/contracts.ts";
import { createSightings } from "../../../src/pipeline/watch/sightings.ts";

const START = Date.UTC(2026, 2, 10);
const match = (key: string): Match => ({ key, timeMs: START }) as Match;
const draft = (...keys: string[]): AlertDraft => ({ records: keys.map((key) => ({ key })) }) as unknown as AlertDraft;

test("the ways that an event came before its alert are told with it, each with its delay", () => {
  const sightings = createSightings([]);
  sightings.note("push", [match("a"), match("b")], START + 2000);
  sightings.note("trail", [match("a")], START + 300_000);
  expect(sightings.drain([])).toEqual([{ key: "a", source: "trail", delayMs: 300_000 }]);
  expect(sightings.drain([draft("a", "a")])).toEqual([
    { key: "a", source: "push", delayMs: 2000 },
    { key: "a", source: "trail", delayMs: 300_000 },
  ]);
});

test("a source that brings an event again is told once, with the first delay", () => {
  const sightings = createSightings([]);
  sightings.note("push", [match("a"), match("a")], START + 2000);
  sightings.note("push", [match("a")], START + 90_000);
  expect(sightings.drain([draft("a")])).toEqual([{ key: "a", source: "push", delayMs: 2000 }]);
});

test("after a restart a further way of an event that is in an alert is told", () => {
  const sightings = createSightings([{ key: "a", source: "push", delayMs: 2000 }]);
  sightings.note("trail", [match("a"), match("new")], START + 300_000);
  expect(sightings.drain([])).toEqual([{ key: "a", source: "trail", delayMs: 300_000 }]);
});

test("a reading of the past has no delay, and a clock that is behind gives 0", () => {
  const sightings = createSightings([]);
  sightings.note("past", [match("a")], null);
  sightings.note("push", [match("a")], START - 5);
  expect(sightings.drain([draft("a")]).map(({ source, delayMs }) => [source, delayMs])).toEqual(
    expect.arrayContaining([
      ["past", null],
      ["push", 0],
    ]),
  );
});
