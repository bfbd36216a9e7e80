/** Starting from rows: members and evidence may come in any order, together or apart, and the detector ends the same. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Detector, EvidenceDelta, MemberDelta } from "../../../src/contracts.ts";
import { createDetector } from "../../../src/detect/detector.ts";
import { createHeld, feed, type Held, HOUR, makeCorrelation, makeDetection, makeMatch, MINUTE } from "../make.ts";

const RULE = makeCorrelation("calls", { bounds: [{ operator: "gte", value: 4 }] });
/** Few groups stay objects, so that rows meet packed ones. */
const create = (): Detector =>
  createDetector(
    { detections: [makeDetection("base", { alerts: false })], correlations: [RULE] },
    { names: new Map(), memory: { heapGroups: 2 } },
  );

const matchOf = (index: number, groups: number): ReturnType<typeof makeMatch> =>
  makeMatch(RULE, { atMs: index * MINUTE, key: `key-${index}`, group: `group-${(index * 7) % groups}` });

/** Rows of three events in each of the groups: one more makes an alert. */
function fill(groups: number): Held {
  const [detector, held] = [create(), createHeld()];
  for (let index = 0; index < 3 * groups; index += 1)
    feed(detector, held, { chunks: [[matchOf(index, groups)]], latenessMs: HOUR });
  return held;
}

/** What a detector says that began with the rows, once each group has one event more. */
function alertsFrom(rows: { members: readonly MemberDelta[]; evidence: readonly EvidenceDelta[] }): unknown {
  const [detector, held] = [create(), createHeld()];
  detector.restore(rows);
  const matches = Array.from({ length: 5 }, (_, index) => matchOf(15 + index, 5));
  feed(detector, held, { chunks: [matches], latenessMs: HOUR });
  return [...held.contents.values()]
    .map(({ content }) => content)
    .toSorted((one, other) => (one.id < other.id ? -1 : 1));
}

test("rows in any order make the same alerts, with all evidence", () => {
  const { members, evidence } = fill(5);
  const wanted = alertsFrom({ members, evidence });
  expect(wanted).toHaveLength(5);
  expect(wanted).toMatchObject(Array.from({ length: 5 }, () => ({ eventCount: 4 })));
  const shuffled = <T>(all: readonly T[]): fc.Arbitrary<T[]> =>
    fc.shuffledSubarray([...all], { minLength: all.length });
  fc.assert(
    fc.property(shuffled(members), shuffled(evidence), (some, others) => {
      expect(alertsFrom({ members: some, evidence: others })).toEqual(wanted);
    }),
    { numRuns: 30 },
  );
});

test("evidence of groups and rules that are gone is passed over", () => {
  const { members, evidence } = fill(5);
  const [first, ...rest] = evidence as [EvidenceDelta, ...EvidenceDelta[]];
  const strange = [
    { ...first, stateKey: "gone" },
    { ...first, group: '["gone"]' },
  ];
  const wanted = alertsFrom({ members, evidence });
  expect(alertsFrom({ members, evidence: [...strange, first, ...rest] })).toEqual(wanted);
});

test("a row that is refused ends the reading of both", () => {
  const { members, evidence } = fill(5);
  let isClosed = false;
  const refuse = function* (): Generator<MemberDelta> {
    yield members[0] as MemberDelta;
    throw new Error("checksum");
  };
  const give = function* (): Generator<EvidenceDelta> {
    try {
      yield* evidence;
    } finally {
      isClosed = true;
    }
  };
  expect(() => create().restore({ members: refuse(), evidence: give() })).toThrow("checksum");
  expect(isClosed).toBe(true);
});
