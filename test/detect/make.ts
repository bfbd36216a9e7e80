/** Makers of rules and matches for the tests of detection, and a fold of deltas into what a store would hold. */
import { LOGSOURCES } from "../../src/model/event.ts";
import { expect } from "vitest";
import type { AlertDraft, Deltas, Detector, EvidenceDelta, Match, MemberDelta } from "../../src/contracts.ts";
import { createDetector } from "../../src/detect/detector.ts";
import { type AlertContent, toGroupKey, toRuleSem } from "../../src/model/alert.ts";
import { canonicalJson, sha256Hex } from "../../src/lib/canonical.ts";
import type { Correlation, DetectionRule, RuleHead, RuleSet } from "../../src/sigma/ast.ts";

export const HOUR = 3_600_000;
export const MINUTE = 60_000;
/** 2026-03-10T00:00:00Z, the start of an hour. */
export const START = 1_773_100_800_000;

function head(id: string): RuleHead {
  return {
    place: { file: "test.yml", line: 1, column: 1 },
    id,
    name: id,
    title: `Rule ${id}`,
    level: "high",
    status: null,
    description: "",
    tags: ["attack.t1078.004", "atlas.aml.t0040"],
    falsePositives: [],
    references: [],
    engine: { suppressMs: null, groupBy: [], bucketMs: null },
  };
}

export function makeDetection(id: string, over: Partial<DetectionRule> = {}): DetectionRule {
  const stateKey = sha256Hex(`state of ${id}`);
  return {
    ...head(id),
    type: "detection",
    logsource: { category: null, product: "aws", service: "cloudtrail" },
    expression: { op: "leaf", field: "eventName", test: { type: "text", pattern: [id], cased: false } },
    stateKey,
    ruleSem: toRuleSem(stateKey, 0, 0),
    alerts: true,
    ...over,
  };
}

export function makeCorrelation(id: string, over: Partial<Correlation> = {}): Correlation {
  const timespanMs = over.timespanMs ?? HOUR;
  const bucketMs = over.bucketMs ?? Math.max(timespanMs, 5 * MINUTE);
  const stateKey = over.stateKey ?? sha256Hex(`state of ${id}`);
  return {
    ...head(id),
    type: "correlation",
    kind: "event_count",
    rules: ["base"],
    groupBy: ["enrich.principal.id"],
    aliases: {},
    bounds: [{ operator: "gte", value: 3 }],
    fields: [],
    percentile: null,
    generate: false,
    judged: "eager",
    alerts: true,
    ...over,
    timespanMs,
    bucketMs,
    stateKey,
    ruleSem: toRuleSem(stateKey, timespanMs / 1000, bucketMs / 1000),
  };
}

/** A match of `rule` at START + `atMs`. Its record hash follows from everything else. */
export function makeMatch(
  rule: Correlation | DetectionRule,
  at: {
    atMs: number;
    key: string;
    step?: number;
    group?: string;
    version?: number;
    text?: string;
    value?: string;
    number?: number;
  },
): Match {
  const recordHash = sha256Hex(canonicalJson({ ...at, step: null, group: null }));
  return {
    ruleId: rule.id,
    ruleSem: rule.ruleSem,
    step: at.step ?? (rule.type === "correlation" ? 0 : -1),
    kind: "cloudtrail",
    logsource: "aws/cloudtrail",
    key: at.key,
    eventId: at.key,
    version: at.version ?? 0,
    timeMs: START + at.atMs,
    recordHash,
    accountId: "111122223333",
    region: "eu-west-1",
    principal: "arn:aws:iam::111122223333:role/ml-platform",
    group: toGroupKey([at.group ?? "arn:aws:iam::111122223333:role/ml-platform"]),
    value: at.value ?? null,
    number: at.number ?? null,
    pointer: { source: "test", path: "test.json", index: 0 },
    evidence: {
      action: `sagemaker:Step${at.step ?? 0}`,
      ip: "203.0.113.9",
      agent: "aws-cli/2.15",
      error: "",
      target: at.text ?? "",
    },
    record: null,
  };
}

/** What the store would hold after the deltas so far. */
export type Held = {
  contents: Map<string, { content: AlertContent; final: boolean; order: AlertDraft["order"] }>;
  members: MemberDelta[];
  evidence: EvidenceDelta[];
  late: number;
};

export function createHeld(): Held {
  return { contents: new Map(), members: [], evidence: [], late: 0 };
}

/** Folds deltas as the store does (its own rules are tested against the real store elsewhere). */
export function fold(held: Held, deltas: Deltas): void {
  for (const { content, final, order } of deltas.alerts) {
    const before = held.contents.get(content.id);
    const older = before?.order ?? null;
    if (order !== null && older !== null) {
      const wins =
        order.version > older.version ||
        (order.version === older.version &&
          (order.timeMs < older.timeMs || (order.timeMs === older.timeMs && order.recordHash < older.recordHash)));
      if (!wins) continue;
    }
    held.contents.set(content.id, { content, final, order });
  }
  held.members.push(...deltas.members);
  held.evidence.push(...deltas.evidence);
  for (const drop of deltas.drops) {
    held.evidence = held.evidence.filter(
      (row) =>
        !(
          row.stateKey === drop.stateKey &&
          row.group === drop.group &&
          row.slice === drop.slice &&
          row.key === drop.key &&
          row.recordHash === drop.recordHash
        ),
    );
  }
  for (const { stateKey, slice } of deltas.prunes) {
    held.members = held.members.filter((row) => row.stateKey !== stateKey || row.slice >= slice);
    held.evidence = held.evidence.filter((row) => row.stateKey !== stateKey || row.slice >= slice);
  }
  if (deltas.evictions.length > 0) {
    const toName = (stateKey: string, slice: number, group: string): string => `${stateKey} ${slice} ${group}`;
    const gone = new Set(
      deltas.evictions.flatMap(({ stateKey, group, slices }) => slices.map((slice) => toName(stateKey, slice, group))),
    );
    held.members = held.members.filter((row) => !gone.has(toName(row.stateKey, row.slice, row.group)));
    held.evidence = held.evidence.filter((row) => !gone.has(toName(row.stateKey, row.slice, row.group)));
  }
  held.late += deltas.late.length;
}

/** Applies matches in chunks with a commit after each, advancing the watermark to `lateness` behind the newest event. */
export function feed(
  detector: Detector,
  held: Held,
  input: { chunks: readonly (readonly Match[])[]; latenessMs: number },
): void {
  let newest = -Infinity;
  for (const chunk of input.chunks) {
    detector.apply(chunk);
    for (const match of chunk) newest = Math.max(newest, match.timeMs);
    detector.advance("aws/cloudtrail", newest - input.latenessMs);
    fold(held, detector.deltas());
  }
}

/** The end of a historic run. */
export function finish(detector: Detector, held: Held): void {
  for (const logsource of LOGSOURCES) detector.advance(logsource, Infinity);
  fold(held, detector.deltas());
}

/**
 * Makes detectors of which every other one packs all groups after each commit; `restart` makes one that goes on from what a
 * store holds, and sees that this alone says nothing.
 */
export function createMaker(ruleSet: RuleSet): {
  readonly create: () => Detector;
  readonly restart: (held: Held, watermarkMs: number) => Detector;
} {
  let made = 0;
  const create = (): Detector => {
    made += 1;
    return createDetector(ruleSet, { names: new Map(), memory: { heapGroups: made % 2 === 0 ? 0 : 4096 } });
  };
  return {
    create,
    restart: (held, watermarkMs) => {
      const detector = create();
      detector.advance("aws/cloudtrail", watermarkMs);
      detector.restore({ members: held.members, evidence: held.evidence });
      expect(detector.deltas()).toMatchObject({ alerts: [], members: [], drops: [] });
      return detector;
    },
  };
}
