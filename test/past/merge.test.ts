/** What a reading of the past may change: never an alert that knows more; what it cannot know whole it does not say. */
import { describe, expect, onTestFinished, test } from "vitest";
import { isKnown, widen } from "../../src/compose/past/span.ts";
import type { RoutedAlert, Store } from "../../src/contracts.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { openStore } from "../../src/store/store.ts";
import { loadTexts } from "../../src/rules/load.ts";
import { NOTHING } from "./set-up.ts";
import { RULES } from "./world.ts";

const HOUR = 3_600_000;
const MINUTE = 60_000;

function draft(eventCount: number, more: Partial<RoutedAlert> = {}): RoutedAlert {
  const content = {
    id: "a".repeat(64),
    ruleId: "r",
    ruleName: "R",
    title: `R with ${eventCount}`,
    severity: "low" as const,
    accountId: "111122223333",
    accountName: "",
    region: "eu-west-1",
    principal: "p",
    firstEventTime: "2026-01-02T05:00:00Z",
    lastEventTime: "2026-01-02T05:10:00Z",
    eventIds: [],
    eventCount,
    attack: [],
    atlas: [],
    why: "",
    group: {},
    evidence: [],
  };
  return { content, order: null, final: false, records: [], sinks: [], ...more };
}

function open(): Store {
  const store = openStore({ dir: null, clock: systemClock, engine: "test" });
  onTestFinished(() => store.close());
  return store;
}

function write(store: Store, ...drafts: readonly RoutedAlert[]): readonly [number, number] {
  for (const one of drafts) store.commit({ ...NOTHING, nowMs: systemClock.nowMs(), positions: [], alerts: [one] });
  const [alert] = store.views.alerts({});
  return [alert?.eventCount ?? 0, alert?.revision ?? 0];
}

const past = { isPartial: true, final: true } as const;

describe("an alert of the past", () => {
  test("does not take the place of one of more events, open or final", () => {
    expect(write(open(), draft(5), draft(4, past))).toEqual([5, 1]);
    expect(write(open(), draft(5, { final: true }), draft(4, past))).toEqual([5, 1]);
  });

  test("takes the place of one of fewer, and gives way to one of more", () => {
    expect(write(open(), draft(3), draft(4, past))).toEqual([4, 2]);
    expect(write(open(), draft(3), draft(4, past), draft(3), draft(3, { final: true }))).toEqual([4, 2]);
    expect(write(open(), draft(3), draft(4, past), draft(6))).toEqual([6, 3]);
  });

  test("comes alone, and again without effect", () => {
    expect(write(open(), draft(4, past), draft(4, past))).toEqual([4, 1]);
  });
});

describe("the times that are read", () => {
  const { readable: ruleSet } = loadTexts([{ path: "rules.yml", text: RULES }], { mode: "lenient", lists: new Set() });
  const span = { fromMs: 100 * HOUR, toMs: 101 * HOUR };

  test("reach as far beyond the span as the longest window, with its bucket where that is judged at its end", () => {
    expect(widen(span, ruleSet, 1000 * HOUR)).toEqual({ fromMs: 99 * HOUR, toMs: 102 * HOUR });
    expect(widen(span, ruleSet, span.toMs + MINUTE)).toEqual({ fromMs: 99 * HOUR, toMs: span.toMs + MINUTE });
    expect(widen(span, { detections: [], correlations: [] }, 1000 * HOUR)).toEqual(span);
  });

  test("make an alert judged over a bucket known only when the bucket was read whole", () => {
    const read = { fromMs: Date.UTC(2026, 0, 2, 4, 10), toMs: Date.UTC(2026, 0, 2, 6, 10) };
    const of = (firstEventTime: string): RoutedAlert => {
      const made = draft(1);
      const ruleId = "5b4a6a64-3d0e-4c53-9f5c-0f8f4b7a1c15";
      return { ...made, content: { ...made.content, ruleId, firstEventTime } };
    };
    const times = ["2026-01-02T04:20:00Z", "2026-01-02T04:30:00Z", "2026-01-02T05:59:00Z", "2026-01-02T06:01:00Z"];
    expect(times.map((time) => isKnown(of(time), read, ruleSet))).toEqual([false, true, true, false]);
  });
});
