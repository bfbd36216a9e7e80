/**
 * Everything that the daemon talks to goes away and comes back (reliability.md T6): all sinks at once, then all sources.
 *
 * Seconds here, minutes and each by itself with `npm run outages`. Brokers of Kafka have their own tests (test/kafka,
 * test/sources/kafka), and LookupEvents, GuardDuty and Cost Explorer are asked too seldom for seconds.
 */
import { expect, test } from "vitest";
import { judge } from "./judge.ts";
import { makeOutage, type Phase } from "./outage.ts";
import { TARGETS } from "./targets.ts";

const TIMEOUT_MS = 120_000;
const SOURCES = ["queue", "bucket", "stream"];
const LEFT_OUT = ["lookup", "guardduty", "cost", "records", "topic"];
const SINKS = Object.keys(TARGETS).filter((name) => ![...LEFT_OUT, ...SOURCES].includes(name));
const phases: Phase[] = [
  { mode: "refused", ms: 1000 },
  { mode: "failing", ms: 1000 },
];

test(
  "all sinks and all sources are gone for a moment: nothing is lost, and the same process goes on",
  { timeout: TIMEOUT_MS },
  async () => {
    // A bucket is asked for some seconds before anybody is told.
    const untilTold = ["queue", ...SINKS];
    const targets = [...SINKS, ...SOURCES];
    const outage = await makeOutage({ targets, phases, recoverMs: 60_000, timeout: "2s", untilTold });
    const { problems, lost, marks, said } = judge(outage);
    expect({ problems, lost }).toEqual({ problems: [], lost: 0 });
    // Marks came before, during and after, and each sink had something to miss.
    expect(marks).toBeGreaterThan(3 * 5);
    const told = new Set(said.log.map((line) => line.split(":")[0]));
    expect([...told]).toEqual(expect.arrayContaining(untilTold));
  },
);
