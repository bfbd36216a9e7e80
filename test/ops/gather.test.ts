/** Counting signals in the log: the first at once, the rest as sums, none lost. */
import { expect, test } from "vitest";
import type { Signal } from "../../src/model/signal.ts";
import { createGathering } from "../../src/ops/gather.ts";

function open(): { emit: (signal: Signal) => void; seen: Signal[]; pass: (ms: number) => void } {
  const seen: Signal[] = [];
  let nowMs = 0;
  const emit = createGathering((signal) => seen.push(signal), { monotonicMs: () => nowMs });
  return { emit, seen, pass: (ms) => void (nowMs += ms) };
}

const place = { accountId: "111122223333", region: "eu-west-1" };
const late = (source: string, records: number): Signal => ({ type: "late", source, ...place, records });
const drained: Signal = { type: "drained", elapsedMs: 1, undelivered: 0 };

test("a flood becomes its first signal and one sum every ten seconds, by label", () => {
  const { emit, seen, pass } = open();
  for (let i = 0; i < 1000; i += 1) emit(late("a", 2));
  emit(late("b", 1));
  expect(seen).toEqual([late("a", 2), late("b", 1)]);
  pass(10_000);
  emit({ type: "committed", records: 1, alerts: 0, elapsedMs: 1 });
  expect(seen.slice(2)).toEqual([late("a", 1998), { type: "committed", records: 1, alerts: 0, elapsedMs: 1 }]);
  emit(late("a", 5));
  expect(seen.at(-1)).toEqual(late("a", 5));
});

test("what is held back passes before the end of the run", () => {
  const { emit, seen } = open();
  emit(late("a", 1));
  emit(late("a", 7));
  emit(drained);
  expect(seen).toEqual([late("a", 1), late("a", 7), drained]);
});
