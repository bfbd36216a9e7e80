/**
 * The memory of groups: packed groups come back exactly, keys are found again whatever they are made of, and caps hold with
 * the least advanced groups going first.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Detector, EvidenceDelta, Match, Member } from "../../src/contracts.ts";
import { createDetector } from "../../src/detect/detector.ts";
import { addEvidence, addMember, createGroup, type Group, toIdentity } from "../../src/detect/group.ts";
import { createReader, createWriter } from "../../src/detect/memory/bytes.ts";
import { createDictionary } from "../../src/detect/memory/dictionary.ts";
import {
  createGroupMemory,
  DEFAULT_MEMORY,
  type GroupMemory,
  type MemoryOptions,
} from "../../src/detect/memory/groups.ts";
import { packGroup, unpackGroup } from "../../src/detect/memory/pack.ts";
import { SLICE_MS } from "../../src/detect/windows.ts";
import { sha256Hex } from "../../src/lib/canonical.ts";
import { toGroupKey } from "../../src/model/alert.ts";
import { createHeld, fold, type Held, HOUR, makeCorrelation, makeDetection, makeMatch, MINUTE, START } from "./make.ts";

const rule = makeCorrelation("many", { timespanMs: 24 * HOUR, bounds: [{ operator: "gte", value: 5 }] });

const texts = fc.oneof(
  fc.constantFrom("", "eu-west-1", "arn:aws:iam::111122223333:role/x", "ÿ", "\u0100", "\ud800", "tenant"),
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.uuid(),
  fc.uuid().map((id) => `${id}/111122223333`),
  fc.uuid().map((id) => id.toUpperCase()),
  fc.stringMatching(/^[0-9a-f]{64}$/),
  fc.stringMatching(/^[0-9a-f]{63}[g-z]$/),
);
const numbers = fc.oneof(
  fc.constantFrom(0, -0, 1, 255, 256, -1, 2 ** 53, -(2 ** 53), Infinity, -Infinity, 1.5, 5e-324, START),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true }),
);
const members: fc.Arbitrary<Member> = fc.record(
  {
    step: fc.nat(3),
    timeMs: fc.nat(20).map((n) => START + n * 60_000),
    kind: fc.constantFrom("cloudtrail" as const, "guardduty" as const),
    key: texts,
    eventId: texts,
    version: numbers,
    recordHash: texts,
    accountId: texts,
    region: texts,
    principal: texts,
    action: texts,
    value: fc.option(texts),
    number: fc.option(numbers),
  },
  { noNullPrototype: true },
);

/** As the detector makes them: an event id is often the beginning of its key. */
function toGroup(key: string, from: readonly Member[], odd: { evidence: string; target: string }): Group {
  const group = createGroup(key);
  for (const [i, given] of from.entries()) {
    const member = i % 2 === 0 ? { ...given, eventId: given.key.slice(0, 36) } : given;
    if (addMember(group, member) === "same") continue;
    const slice = Math.floor(member.timeMs / SLICE_MS);
    const { timeMs, recordHash } = member;
    const evidence = { action: member.action, ip: odd.evidence, agent: member.region, error: "", target: odd.target };
    const pointer = { source: "trail", path: odd.target, index: i };
    const entry: EvidenceDelta = {
      stateKey: rule.stateKey,
      group: key,
      slice,
      key: member.key,
      recordHash,
      timeMs,
      evidence,
      pointer,
      record: null,
    };
    addEvidence(group, entry);
    group.covered.set(i - 3, [{ fromMs: timeMs - 0.5, toMs: timeMs }]);
  }
  group.dirtyFromMs = Infinity;
  group.dirtyToMs = -Infinity;
  return group;
}

test("a group that was packed comes back as it was, whatever its texts and numbers", () => {
  const dictionary = createDictionary();
  const [writer, reader] = [createWriter(dictionary), createReader(dictionary)];
  let made = 0;
  fc.assert(
    fc.property(
      texts,
      fc.array(members, { minLength: 1, maxLength: 30 }),
      fc.record({ evidence: texts, target: texts }),
      (key, from, odd) => {
        const group = toGroup(key, from, odd);
        made += 1;
        writer.begin(8, made);
        packGroup(group, writer);
        const { bytes, length } = writer.end();
        reader.begin(bytes, 8, length);
        const back = unpackGroup(reader, rule.stateKey);
        expect({ ...back, identities: null }).toStrictEqual({ ...group, identities: null });
        // The set follows from the members, and small groups do without.
        const all = new Set(group.members.map(toIdentity));
        expect(back.identities ?? all).toEqual(all);
      },
    ),
    { numRuns: 500 },
  );
});

const memoryOf = (over: Partial<MemoryOptions> = {}): GroupMemory =>
  createGroupMemory({ ...DEFAULT_MEMORY, heapGroups: 0, ...over });

test("any sequence of opening, packing and removing keeps what a plain Map keeps", () => {
  const steps = fc.array(
    fc.record({ key: fc.nat(60), does: fc.constantFrom("add", "add", "add", "settle", "remove", "look") }),
    { maxLength: 400 },
  );
  fc.assert(
    fc.property(steps, fc.constantFrom(0, 3, 50), (list, heapGroups) => {
      const memory = memoryOf({ heapGroups });
      const [one, other] = [memory.groups(rule, SLICE_MS), memory.groups(makeCorrelation("other"), SLICE_MS)];
      const model = new Map<string, number>();
      const [seen, wanted]: [unknown[], unknown[]] = [[], []];
      for (const [i, { key: n, does }] of list.entries()) {
        const key = toGroupKey([`principal ${n}`]);
        if (does === "settle") memory.settle();
        else if (does === "look") {
          seen.push([one.find(key)?.members.length ?? 0, other.find(key)]);
          wanted.push([model.get(key) ?? 0, null]);
        } else if (does === "add") {
          addMember(one.open(key), toMember(makeMatch(rule, { atMs: i * 1000, key: `k${i}` })));
          model.set(key, (model.get(key) ?? 0) + 1);
        } else {
          const group = one.find(key);
          if (group !== null) one.remove(group);
          model.delete(key);
        }
      }
      expect(seen).toEqual(wanted);
      memory.settle();
      const all = [...model.values()].reduce((sum, count) => sum + count, 0);
      expect(memory.size()).toMatchObject({ groups: model.size, members: all });
      for (const [key, count] of model) expect(one.find(key)?.members.length).toBe(count);
      for (const key of model.keys()) one.remove(one.find(key) as Group);
      expect(memory.size()).toEqual({ groups: 0, members: 0, bytes: 0 });
    }),
    { numRuns: 200 },
  );
});

function toMember({ evidence, ...match }: Match): Member {
  const { step, timeMs, kind, key, eventId, version, recordHash, accountId, region, principal, value, number } = match;
  return {
    step,
    timeMs,
    kind,
    key,
    eventId,
    version,
    recordHash,
    accountId,
    region,
    principal,
    action: evidence.action,
    value,
    number,
  };
}

const RULES = { detections: [makeDetection("base", { alerts: false })], correlations: [rule] };
const MIB = 1024 * 1024;

/** A million of these would be a flood: each principal calls once. */
function flood(from: number, count: number, account = "111122223333"): Match[] {
  return Array.from({ length: count }, (_, i) => ({
    ...makeMatch(rule, {
      atMs: (from + i) * 10,
      key: sha256Hex(`${from + i}`).slice(0, 36),
      group: `fake-${from + i}`,
    }),
    accountId: account,
  }));
}

const ATTACKER = "arn:aws:iam::111122223333:role/slow";
const attack = (atMs: number): Match => makeMatch(rule, { atMs, key: `attack ${atMs}`, group: ATTACKER });

function commit(detector: Detector, held: Held, matches: readonly Match[]): ReturnType<Detector["deltas"]> {
  detector.apply(matches);
  const deltas = detector.deltas();
  fold(held, deltas);
  return deltas;
}

test("at the cap the least advanced groups go, the slow attack stays and alerts, and all that went is told", () => {
  const detector = createDetector(RULES, { names: new Map(), memory: { maxBytes: 4 * MIB, heapGroups: 100 } });
  const held = createHeld();
  let told = 0;
  for (let round = 0; round < 40; round += 1) {
    const from = round * 1000;
    const fakes = flood(from, 1000);
    const step = round % 8 === 0 ? [attack(from * 10), attack(from * 10 + 1)] : [];
    const { evictions, pressure } = commit(detector, held, [...fakes, ...step]);
    expect(detector.size().bytes).toBeLessThanOrEqual(4 * MIB * 0.75);
    expect(pressure.reduce((sum, { groups }) => sum + groups, 0)).toBe(evictions.length);
    for (const { ruleId, scope, accountId } of pressure)
      expect({ ruleId, scope, accountId }).toEqual({ ruleId: "many", scope: "rule", accountId: "111122223333" });
    told += evictions.length;
    expect(evictions.map(({ group }) => group)).not.toContain(toGroupKey([ATTACKER]));
  }
  expect(told + detector.size().groups).toBe(40_001);
  expect(told).toBeGreaterThan(20_000);
  expect([...held.contents.values()].map(({ content }) => [content.group, content.eventCount])).toEqual([
    [{ "enrich.principal.id": ATTACKER }, 10],
  ]);
  // What the store holds is what memory holds: a restart does not bring back what went.
  expect(held.members.reduce((sum, row) => sum + row.members.length, 0)).toBe(detector.size().members);
  const again = createDetector(RULES, { names: new Map(), memory: { maxBytes: 4 * MIB, heapGroups: 100 } });
  again.restore({ members: held.members, evidence: held.evidence });
  expect(again.size()).toMatchObject({ groups: detector.size().groups, members: detector.size().members });
});

test("a flood in one account leaves the groups of another alone", () => {
  const detector = createDetector(RULES, {
    names: new Map(),
    memory: { maxBytes: 4 * MIB, ruleShare: 1, accountShare: 0.5, heapGroups: 0 },
  });
  const held = createHeld();
  commit(detector, held, flood(0, 500, "444455556666"));
  for (let round = 1; round < 20; round += 1) {
    const { evictions } = commit(detector, held, flood(round * 1000, 1000));
    expect(evictions.some(({ group }) => Number(/\d+/.exec(group)?.[0]) < 500)).toBe(false);
  }
  expect(detector.size().bytes).toBeLessThanOrEqual(2 * MIB * 1.25);
});

test("below the caps nothing goes", () => {
  const detector = createDetector(RULES, { names: new Map(), memory: { heapGroups: 0 } });
  const held = createHeld();
  for (let round = 0; round < 5; round += 1)
    expect(commit(detector, held, flood(round * 1000, 1000))).toMatchObject({ evictions: [], pressure: [] });
  expect(detector.size().groups).toBe(5000);
});

test("an alert of a group that goes is final, and stays when the group begins anew", () => {
  const now = makeCorrelation("now", { timespanMs: 10 * MINUTE, bounds: [{ operator: "gte", value: 2 }] });
  const rules = { ...RULES, correlations: [now] };
  const detector = createDetector(rules, {
    names: new Map(),
    memory: { maxBytes: 100_000, ruleShare: 1, accountShare: 1, heapGroups: 0 },
  });
  const pairs = Array.from({ length: 600 }, (_, i) =>
    [0, 1].map((n) => makeMatch(now, { atMs: i * 10 + n, key: `k${i} ${n}`, group: `g${i}` })),
  );
  detector.apply(pairs.flat());
  const { alerts, evictions } = detector.deltas();
  expect(evictions.length).toBeGreaterThan(100);
  const finals = new Set(
    alerts.filter(({ final }) => final).map(({ content }) => content.group["enrich.principal.id"]),
  );
  expect(finals).toEqual(new Set(evictions.map(({ group }) => (JSON.parse(group) as string[])[0])));
});

test("more than 100,000 events of a bucket are told as more than that, however they came", () => {
  const quick = makeCorrelation("quick", { timespanMs: HOUR, bounds: [{ operator: "gte", value: 2 }] });
  const plain = Array.from({ length: 100_001 }, (_, i) => ({
    ...makeMatch(quick, { atMs: 0, key: "k" }),
    key: `k${i}`,
    timeMs: START + i * 10,
  }));
  const said = [1, 3].map((parts) => {
    const detector = createDetector({ ...RULES, correlations: [quick] }, { names: new Map() });
    const held = createHeld();
    for (let part = 0; part < parts; part += 1)
      commit(
        detector,
        held,
        plain.filter((_, i) => i % parts === part),
      );
    return [...held.contents.values()].map(({ content }) => content);
  });
  expect(said[0]).toEqual(said[1]);
  expect(said[0]).toMatchObject([{ eventCount: 100_000, approx: true }]);
  expect(said[0]?.[0]?.why).toMatch(/^more than 100000 /);
});

test.each([
  ["event_count", 1],
  ["value_count", 40],
] as const)(
  "a hot key of %s that fills the memory alone is thinned: its alerts are those of a large memory",
  (kind, values) => {
    const bounds = [{ operator: "gte" as const, value: kind === "value_count" ? 20 : 50 }];
    const hot = makeCorrelation("hot", { kind, timespanMs: HOUR, bounds, fields: kind === "value_count" ? ["x"] : [] });
    const events = Array.from({ length: 40_000 }, (_, i) => ({
      ...makeMatch(hot, { atMs: 0, key: "k", value: `v${(i * 7) % values}` }),
      key: `k${i}`,
      // A pause of over an hour every 10,000 events: the alert of the last hour must not live on what went.
      timeMs: START + i * 300 + Math.floor(i / 10_000) * 2 * HOUR,
    }));
    const run = (maxBytes: number): { held: Held; thinned: number; evicted: number; bytes: number } => {
      const detector = createDetector({ ...RULES, correlations: [hot] }, { names: new Map(), memory: { maxBytes } });
      const held = createHeld();
      const sums = { thinned: 0, evicted: 0, bytes: 0 };
      for (let from = 0; from < events.length; from += 1000) {
        const chunk = events.slice(from, from + 1000);
        detector.apply(chunk);
        detector.advance("aws/cloudtrail", (chunk.at(-1)?.timeMs ?? 0) - 30 * MINUTE);
        const deltas = detector.deltas();
        fold(held, deltas);
        sums.thinned += deltas.pressure.reduce((sum, { thinned }) => sum + thinned, 0);
        sums.evicted += deltas.evictions.length;
        sums.bytes = Math.max(sums.bytes, detector.size().bytes);
      }
      return { held, ...sums };
    };
    const [large, small] = [run(512 * MIB), run(4 * MIB)];
    expect(large).toMatchObject({ thinned: 0, evicted: 0 });
    expect(small).toMatchObject({ evicted: 0 });
    expect(small.thinned).toBeGreaterThan(2);
    expect(small.bytes).toBeLessThanOrEqual(3 * MIB);
    expect([...small.held.contents.keys()].toSorted()).toEqual([...large.held.contents.keys()].toSorted());
    for (const [id, { content }] of large.held.contents) {
      const thin = small.held.contents.get(id)?.content;
      expect(thin).toMatchObject({ firstEventTime: content.firstEventTime, lastEventTime: content.lastEventTime });
      expect(thin?.eventIds).toEqual(content.eventIds);
      expect(Math.abs((thin?.eventCount ?? 0) - content.eventCount) / content.eventCount).toBeLessThan(0.3);
    }
  },
);

test("of rules of one meaning each loses the groups that are least advanced in it, and the rows stay for the others", () => {
  const bounds = [{ operator: "gte" as const, value: 50 }];
  const near = makeCorrelation("near", { stateKey: "one", timespanMs: 5 * MINUTE, bounds });
  const far = makeCorrelation("far", { stateKey: "one", timespanMs: 24 * HOUR, bounds });
  const rules = { ...RULES, correlations: [near, far] };
  const create = (): Detector =>
    createDetector(rules, {
      names: new Map(),
      memory: { maxBytes: 600_000, ruleShare: 1, accountShare: 1, heapGroups: 0 },
    });
  const detector = create();
  const held = createHeld();
  const put = (group: string, atMs: number, count: number): ReturnType<Detector["deltas"]> => {
    const matches = Array.from({ length: count }, (_, i) =>
      [near, far].map((of) => makeMatch(of, { atMs: atMs + i, key: `${group} ${atMs} ${i}`, group })),
    );
    const deltas = commit(detector, held, matches.flat());
    detector.advance("aws/cloudtrail", START + atMs);
    return deltas;
  };
  for (let hour = 0; hour < 6; hour += 1) put("slow", hour * HOUR, 8);
  let told = 0;
  for (let i = 0; i < 120; i += 1)
    told += put(`fake-${i}`, 5 * HOUR + MINUTE + i * 1000, 12).pressure.reduce((sum, { groups }) => sum + groups, 0);
  expect(told).toBeGreaterThan(20);
  // 48 calls of six hours, and two more: only the longer rule sees it.
  put("slow", 5 * HOUR + 30 * MINUTE, 2);
  expect([...held.contents.values()].map(({ content }) => [content.ruleId, content.eventCount])).toEqual([["far", 50]]);
  // The rows are those of the groups that either rule has.
  const rows = new Set(held.members.map(({ group }) => group));
  const again = create();
  again.advance("aws/cloudtrail", START + 5 * HOUR + 30 * MINUTE);
  again.restore({ members: held.members, evidence: held.evidence });
  expect(again.deltas().evictions.map(({ group }) => group)).not.toContain(toGroupKey(["slow"]));
  expect(rows.has(toGroupKey(["slow"]))).toBe(true);
  expect(rows.size).toBeLessThan(121);
});

test("an alert that may hold only because its group was forgotten in part says that it is approximate", () => {
  const few = makeCorrelation("few", { judged: "final", timespanMs: HOUR, bounds: [{ operator: "lt", value: 3 }] });
  const run = (maxBytes: number): unknown[] => {
    const detector = createDetector({ ...RULES, correlations: [few] }, { names: new Map(), memory: { maxBytes } });
    const held = createHeld();
    const put = (group: string, atMs: number, count: number): void => {
      const matches = Array.from({ length: count }, (_, i) =>
        makeMatch(few, { atMs: atMs + i, key: `${group} ${atMs} ${i}`, group }),
      );
      commit(detector, held, matches);
    };
    put("busy", 0, 10);
    for (let i = 0; i < 1000; i += 1) put(`fake-${i}`, 10 * MINUTE + i, 3);
    put("busy", 50 * MINUTE, 1);
    put("quiet", 70 * MINUTE, 1);
    detector.advance("aws/cloudtrail", Infinity);
    fold(held, detector.deltas());
    return [...held.contents.values()].map(({ content }) => [content.group["enrich.principal.id"], content.approx]);
  };
  expect(run(512 * MIB)).toEqual([["quiet", undefined]]);
  expect(run(2 * MIB)).toEqual([
    ["busy", true],
    ["quiet", undefined],
  ]);
});
