/**
 * From records on: matcher, watermarks and detector together, against the slow detector. Fields to group by are missing,
 * null, empty, of several values; records come in any order inside the lateness bound, repeated, cut into any chunks by two
 * sources; at restarts the sources get other names.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Batch, Detector, Match, Matcher, SourceTiming, WatermarkEntry, Watermarks } from "../../src/contracts.ts";
import { decoders } from "../../src/decode/registry.ts";
import { createDetector } from "../../src/detect/detector.ts";
import { createWatermarks } from "../../src/detect/watermark.ts";
import { sha256Hex } from "../../src/lib/canonical.ts";
import { createFields } from "../../src/match/fields.ts";
import { createMatcher } from "../../src/match/matcher.ts";
import type { Json } from "../../src/model/event.ts";
import { compileRules } from "../../src/sigma/compile.ts";
import { parseRuleFiles } from "../../src/sigma/rule-set.ts";
import { verdictsOf } from "../detect/kinds.ts";
import { createHeld, finish, fold, type Held, MINUTE, START } from "../detect/make.ts";
import { slowDetect } from "../detect/slow-detect.ts";

const detection = (name: string): string => `title: ${name}
name: ${name}
logsource: {product: aws, service: cloudtrail}
level: low
detection: {sel: {eventName: ${name}}, condition: sel}
`;
const correlation = (name: string, body: string): string => `title: ${name}
name: ${name}
level: low
correlation: {${body}}
`;
const TEAM = "requestParameters.team";
const TEXT = [
  detection("Aa"),
  detection("Bb"),
  correlation(
    "many",
    "type: event_count, rules: [Aa, Bb], group-by: [sourceIPAddress], timespan: 10m, condition: {gte: 3}",
  ),
  correlation("few", `type: event_count, rules: [Aa], group-by: [${TEAM}], timespan: 7m, condition: {lt: 3}`),
  correlation(
    "kinds",
    `type: value_count, rules: [Aa, Bb], group-by: [${TEAM}], timespan: 10m, condition: {gte: 2, field: sourceIPAddress}`,
  ),
  correlation("steps", `type: temporal_ordered, rules: [Aa, Bb], group-by: [sourceIPAddress, ${TEAM}], timespan: 15m`),
  correlation(
    "bursts",
    "type: event_count, rules: [many], group-by: [sourceIPAddress], timespan: 1h, condition: {gte: 2}, generate: true",
  ),
].join("---\n");
const parsed = parseRuleFiles([{ path: "rules.yml", text: TEXT }], { mode: "lenient" });
const { ruleSet } = parsed;
const matcher: Matcher = createMatcher({
  rules: compileRules(ruleSet, { lists: new Map(), fields: createFields({ calendars: {}, accountCalendars: {} }) }),
  ruleSet,
  decoders,
});

const L = 30 * MINUTE;
const timing: SourceTiming = { mode: "live", latenessMs: L, idleMs: 20 * MINUTE, followMs: null };

type Seed = {
  readonly atS: number;
  readonly name: string;
  readonly ip: Json | undefined;
  readonly team: Json | undefined;
};
const seeds = fc
  .record({ stepS: fc.constantFrom(1, 60, 180), steps: fc.constantFrom(20, 60) })
  .chain(({ stepS, steps }) =>
    fc.array(
      fc.record({
        atS: fc.nat(steps).map((n) => 3000 + n * stepS),
        name: fc.constantFrom("Aa", "Bb"),
        ip: fc.constantFrom<Json | undefined>(undefined, null, "", "192.0.2.1", "192.0.2.1", "192.0.2.2"),
        team: fc.constantFrom<Json | undefined>(undefined, null, "", "x", "x", "y", ["x", "y"], [], 5, { a: 1 }),
      }),
      { minLength: 5, maxLength: 80, size: "max" },
    ),
  );
const hows = fc.record({
  delays: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 40 }),
  twice: fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }),
  cut: fc.integer({ min: 1, max: 20 }),
  every: fc.integer({ min: 1, max: 3 }),
  /** After these chunks: whether the sources keep their names. */
  restarts: fc.dictionary(fc.nat(20).map(String), fc.boolean(), { maxKeys: 6 }),
});
type How = typeof hows extends fc.Arbitrary<infer T> ? T : never;

function toRecord({ atS, name, ip, team }: Seed, index: number): Uint8Array {
  return Buffer.from(
    JSON.stringify({
      eventVersion: "1.11",
      eventID: `e${index}`,
      eventTime: `${new Date(START + atS * 1000).toISOString().slice(0, 19)}Z`,
      eventSource: "sagemaker.amazonaws.com",
      eventName: name,
      awsRegion: "eu-west-1",
      ...(ip === undefined ? {} : { sourceIPAddress: ip }),
      ...(team === undefined ? {} : { requestParameters: { team } }),
      recipientAccountId: "111122223333",
      userIdentity: { type: "IAMUser", arn: "arn:aws:iam::111122223333:user/ci", accountId: "111122223333" },
    }),
  );
}

/** The values that a field stands for: nothing of what is missing or null, each of an array, the empty text like any other. */
function valuesOf(value: Json | undefined): string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return [...new Set(value.flatMap(valuesOf))];
  return [typeof value === "object" ? JSON.stringify(value) : String(value)];
}

/** What the records are to the correlations, by the words of the language alone. */
function slowMatches(stream: readonly Seed[]): Match[] {
  return stream.flatMap((seed, index) => {
    const bytes = toRecord(seed, index);
    const event = decoders.cloudtrail.decode(bytes, { nowMs: null, duplicateKeys: false });
    if ("reason" in event) throw new Error(event.reason);
    const read = (field: string): string[] => valuesOf(field === TEAM ? seed.team : seed.ip);
    const { kind, logsource, key, eventId, version, timeMs, accountId, region, evidence } = event;
    const own = { kind, logsource, key, eventId, version, timeMs, accountId, region, evidence };
    return ruleSet.correlations.flatMap((rule): Match[] =>
      rule.rules.flatMap((id, step) => {
        const met = ruleSet.detections.some((one) => one.id === id && one.title === seed.name);
        const values = rule.fields.map(read);
        if (!met || values.some((some) => some.length === 0)) return [];
        const groups = rule.groupBy.reduce<string[][]>(
          (tuples, field) => tuples.flatMap((tuple) => read(field).map((value) => [...tuple, value])),
          [[]],
        );
        return groups.map((group) => ({
          ...own,
          ruleId: rule.id,
          ruleSem: rule.ruleSem,
          step,
          group: JSON.stringify(group),
          value: values[0]?.[0] ?? null,
          number: null,
          principal: event.principal.id,
          recordHash: sha256Hex(bytes),
          record: null,
          pointer: { source: "", path: "", index: 0 },
        }));
      }),
    );
  });
}

type Sent = { readonly bytes: Uint8Array; readonly atMs: number };

/** Records by arrival, each later than its event by less than the lateness bound, some twice. */
function deliver(stream: readonly Seed[], how: How): Sent[] {
  const sent = stream.flatMap((seed, index) => {
    const bytes = toRecord(seed, index);
    const copy = (delay: number): Sent => ({ bytes, atMs: START + seed.atS * 1000 + delay * L });
    const delay = how.delays[index % how.delays.length] ?? 0;
    return how.twice[index % how.twice.length] === true ? [copy(delay), copy(0.999 - delay)] : [copy(delay)];
  });
  return sent.toSorted((a, b) => a.atMs - b.atMs);
}

function toBatch(sent: readonly Sent[], source: string): Batch {
  let at = 0;
  const offsets = Int32Array.from(sent.flatMap(({ bytes }) => [at, (at += bytes.length)]));
  return {
    kind: "cloudtrail",
    chunk: Buffer.concat(sent.map(({ bytes }) => bytes)),
    offsets,
    flags: null,
    origin: { source, path: "p", indexes: Int32Array.from(sent.keys()) },
    rejected: [],
    skipped: {},
    positions: [],
    floorMs: Infinity,
    settle: () => undefined,
  };
}

/** Plays the records through everything between a source and the store. */
function play(stream: readonly Seed[], how: How): Held {
  const held = createHeld();
  const saved = new Map<string, WatermarkEntry>();
  let names = ["one", "two"];
  let marks: Watermarks;
  let detector: Detector;
  const start = (): void => {
    const sources = names.map((name) => ({ name, logsources: ["aws/cloudtrail" as const], timing }));
    marks = createWatermarks(sources, [...saved.values()]);
    detector = createDetector(ruleSet, { names: new Map(), memory: { heapGroups: how.cut % 2 === 0 ? 0 : 4096 } });
    detector.advance("aws/cloudtrail", marks.value("aws/cloudtrail"));
    detector.restore({ members: held.members, evidence: held.evidence }, undefined, (set) => marks.closed(set));
    for (const name of names) marks.release(name);
  };
  const commit = (): void => {
    fold(held, detector.deltas());
    for (const entry of [...marks.entries(), ...marks.closings()])
      if (Number.isFinite(entry.watermarkMs)) saved.set(`${entry.source} ${entry.logsource}`, entry);
  };
  start();
  const sent = deliver(stream, how);
  for (let i = 0; i * how.cut < sent.length; i += 1) {
    const part = sent.slice(i * how.cut, (i + 1) * how.cut);
    const batch = toBatch(part, names[i % 2] as string);
    marks!.tick(part.at(-1)?.atMs ?? 0);
    const { matches, newestMs } = matcher.match(batch, { nowMs: null, watermarkMs: marks!.value("aws/cloudtrail") });
    detector!.apply(matches);
    marks!.observe(batch.origin.source, "aws/cloudtrail", { floorMs: Infinity, newestMs });
    detector!.advance("aws/cloudtrail", marks!.value("aws/cloudtrail"));
    const isKept = how.restarts[String(i)];
    if (isKept === undefined && i % how.every !== 0) continue;
    commit();
    if (isKept === undefined) continue;
    if (!isKept) names = names.map((name) => `${name}-${i}`);
    start();
  }
  finish(detector!, held);
  expect(detector!.size()).toEqual({ groups: 0, members: 0, bytes: 0 });
  expect([held.late, held.members, held.evidence]).toEqual([0, [], []]);
  return held;
}

test("the rules are what the streams are made for", () => {
  expect(parsed.problems.filter(({ severity }) => severity === "error")).toEqual([]);
  expect(ruleSet.correlations.map(({ judged }) => judged)).toContain("final");
});

test("missing and empty groups, renamed sources, any chunks and restarts end with the alerts of the slow detector", () => {
  const alerts = new Map<string, number>();
  fc.assert(
    fc.property(seeds, hows, (stream, how) => {
      const held = play(stream, how);
      const expected = slowDetect(ruleSet.correlations, slowMatches(stream));
      const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1);
      expect(verdictsOf(held)).toEqual([...expected.values()].toSorted(byId));
      for (const { ruleName } of [...held.contents.values()].map(({ content }) => content))
        alerts.set(ruleName, (alerts.get(ruleName) ?? 0) + 1);
    }),
    { numRuns: 150 },
  );
  for (const rule of ["few", "kinds", "steps", "bursts"]) expect(alerts.get(rule)).toBeGreaterThan(5);
});
