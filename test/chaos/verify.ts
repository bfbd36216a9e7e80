/**
 * Compares what a run left behind, in the store and in the sink's file, with what the judge expects.
 *
 * The store must hold exactly the expected alerts with their contents. The sink must have got each at least once, never a
 * lower revision after a higher one, and as its last line what the store holds. Every item of the input must be counted
 * once, under its outcome and its reason (C1). What Sagewatch says of itself is no alert of the input and is left out.
 */
import { existsSync, readFileSync } from "node:fs";
import type { CountDelta } from "../../src/contracts.ts";
import { encodeNative } from "../../src/encode/native.ts";
import type { Alert } from "../../src/model/alert.ts";
import { openViews } from "../../src/store/views.ts";
import type { Expected } from "./judge.ts";
import type { Totals } from "./mixture.ts";

/** What was found. `problems` names each fault once, for people. */
export type Findings = {
  readonly alerts: number;
  /** Expected, and missing in the store or in the sink. */
  readonly lost: number;
  /** In the store or in the sink, and not expected. */
  readonly spurious: number;
  /** Content that differs, revisions that go back, records that were not counted once. */
  readonly wrong: number;
  readonly deliveries: number;
  /** Deliveries of a revision that had been delivered before. */
  readonly repeats: number;
  readonly problems: readonly string[];
};

/** Where a run left its results. */
export type Results = { readonly state: string; readonly sink: string };

/** What a run left behind, read once. */
export type Held = {
  readonly alerts: readonly Alert[];
  readonly counts: readonly CountDelta[];
  /** Rows of the quarantine by reason. */
  readonly quarantine: Readonly<Record<string, number>>;
  readonly lines: readonly Alert[];
};

/** Reads store and sink. A torn last line of the sink is no line. */
export function readHeld({ state, sink }: Results): Held {
  const views = openViews(state);
  try {
    const text = existsSync(sink) ? readFileSync(sink, "utf8") : "";
    const lines = text.split("\n").slice(0, -1);
    return {
      alerts: views.alerts({}).filter(isOfInput),
      counts: views.counts(),
      quarantine: views.quarantineCounts(),
      lines: lines.map((line) => JSON.parse(line) as Alert).filter(isOfInput),
    };
  } finally {
    views.close();
  }
}

function isOfInput({ ruleId }: Alert): boolean {
  return !ruleId.startsWith("sagewatch.");
}

/** Whether all `records` are counted and the sink has the last revision of each alert. */
export function isComplete({ alerts, counts, lines }: Held, records: number): boolean {
  const revisions = new Map(lines.map(({ id, revision }) => [id, revision]));
  const read = counts.reduce((sum, count) => sum + count.read, 0);
  return read >= records && alerts.every(({ id, revision }) => revisions.get(id) === revision);
}

/** Judges what is held. `totals` are those of the input, copies included. */
export function verify(held: Held, expected: Expected, totals: Totals): Findings {
  const problems: string[] = [];
  const inStore = new Map(held.alerts.map((alert) => [alert.id, alert]));
  const inSink = new Map(held.lines.map((alert) => [alert.id, alert]));
  const lost = [...expected.keys()].filter((id) => !inStore.has(id) || !inSink.has(id));
  const spurious = [...new Set([...inStore.keys(), ...inSink.keys()])].filter((id) => !expected.has(id));
  for (const id of lost)
    problems.push(
      `lost ${id} of ${expected.get(id)?.ruleId}: ${inStore.has(id) ? "not in the sink" : "not in the store"}`,
    );
  for (const id of spurious) problems.push(`spurious ${id} of ${(inStore.get(id) ?? inSink.get(id))?.ruleId}`);
  const wrong = [
    ...held.alerts.flatMap((alert) => compareContent(alert, expected)),
    ...held.alerts.flatMap((alert) => compareSink(alert, inSink.get(alert.id))),
    ...findSteps(held.lines),
    ...compareCounts(held, totals),
  ];
  return {
    alerts: expected.size,
    lost: lost.length,
    spurious: spurious.length,
    wrong: wrong.length,
    deliveries: held.lines.length,
    repeats: held.lines.length - new Set(held.lines.map(({ id, revision }) => `${id} ${revision}`)).size,
    problems: [...problems, ...wrong],
  };
}

function compareContent(alert: Alert, expected: Expected): string[] {
  const wanted = expected.get(alert.id);
  if (wanted === undefined) return [];
  const { id, ruleId, eventCount, eventIds, firstEventTime, lastEventTime } = alert;
  const evidence = alert.evidence.map(({ eventId }) => eventId);
  const is = JSON.stringify({ id, ruleId, eventCount, eventIds, firstEventTime, lastEventTime, evidence });
  const should = JSON.stringify(wanted);
  return is === should ? [] : [`content of ${alert.id}: is ${is}, should be ${should}`];
}

/** An alert as a sink has it: with what stands beside its content. */
type Sent = Alert & {
  readonly pointers?: readonly unknown[];
  readonly enrichment?: unknown;
  readonly enrichmentErrors?: unknown;
};

function compareSink(alert: Alert, last: Alert | undefined): string[] {
  if (last === undefined) return [];
  // Where a record was read is no content: the copy of it that came first may have been read elsewhere.
  // What enrichers found is of the moment and no part of the content.
  const { pointers, enrichment: _added, enrichmentErrors: _missing, ...said } = last as Sent;
  if (pointers?.length !== alert.evidence.length)
    return [
      `last line of ${alert.id} in the sink: ${pointers?.length ?? 0} pointers, ${alert.evidence.length} evidence rows`,
    ];
  const [is, should] = [JSON.stringify(said), encodeNative(alert)];
  return is === should ? [] : [`last line in the sink: is ${is}, should be ${should}`];
}

/** Lines whose revision is lower than one before them. */
function findSteps(lines: readonly Alert[]): string[] {
  const highest = new Map<string, number>();
  return lines.flatMap(({ id, revision }) => {
    const before = highest.get(id) ?? 0;
    highest.set(id, Math.max(before, revision));
    return revision < before ? [`revision ${revision} of ${id} came after ${before}`] : [];
  });
}

/** Faults of the counts: each outcome and each reason must come to what the input holds, and nothing is late. */
function compareCounts({ counts, quarantine }: Held, totals: Totals): string[] {
  const sum = (pick: (count: CountDelta) => number): number => counts.reduce((total, count) => total + pick(count), 0);
  const skipped: Record<string, number> = {};
  for (const [reason, n] of counts.flatMap((count) => Object.entries(count.skipped)))
    skipped[reason] = (skipped[reason] ?? 0) + n;
  const wanted = Object.values(totals.quarantined).reduce((total, n) => total + n, 0);
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ["read", sum(({ read }) => read), totals.read],
    ["evaluated", sum(({ evaluated }) => evaluated), totals.evaluated],
    ["quarantined", sum(({ quarantined }) => quarantined), wanted],
    ["late", sum(({ late }) => late), 0],
    ["rows of the quarantine", inOrder(quarantine), inOrder(totals.quarantined)],
    ["skipped", inOrder(skipped), inOrder(totals.skipped)],
  ];
  return pairs.flatMap(([what, is, should]) => (is === should ? [] : [`${what}: is ${is}, should be ${should}`]));
}

function inOrder(byReason: Readonly<Record<string, number>>): string {
  return JSON.stringify(Object.entries(byReason).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
