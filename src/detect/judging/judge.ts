/**
 * Judging: which buckets of a group have an alert, and the drafts of these alerts.
 *
 * Conditions that more events can only make true are judged over the windows that new members touch, at the next commit;
 * each bucket whose coverage may have changed gives its alert's whole content. All others wait for the bucket's end: then
 * the watermark says that its input is complete, and it is judged once. A sum is of the first kind as long as no number
 * below zero lies in reach of a bucket's windows; from then on that bucket waits too, over the same windows.
 */
import type { AlertDraft, Member } from "../../contracts.ts";
import { holdingTimes } from "../condition.ts";
import { type AccountNames, toBucketContent } from "../content.ts";
import { addMember, cover, type Group, hasNegative, noteGrown } from "../group.ts";
import type { Interval } from "../interval.ts";
import { type Edge, noteMembers, noteOpen, SLICE_MS, type Windows } from "../windows.ts";
import type { Holding } from "./bounds.ts";
import { judgeBucket, toBucketRange, type Verdict } from "./bucket.ts";
import { lookBehind, toHanded } from "./chain.ts";
import { noteHanded } from "./kept.ts";
import { dropChains } from "./ordered.ts";
import { slideOver } from "./slide.ts";

/** Where drafts go. */
export type Desk = { readonly alerts: AlertDraft[]; readonly names: AccountNames };

/** Notes what a member that was added to a group makes necessary: buckets to judge at their end, slices to forget later. */
export function noteAdded(entry: Windows, group: Group, member: Member): void {
  const { rule } = entry;
  noteMembers(entry, Math.floor(member.timeMs / SLICE_MS), 1);
  dropChains(group, member.timeMs);
  slideOver(group, member);
  noteHanded(group, member);
  if (rule.judged === "final") openBucket(entry, Math.floor(member.timeMs / rule.bucketMs), group);
  else if (rule.kind === "value_sum" && (member.number ?? 0) < 0) {
    // What they covered is judged anew at their end, for which they wait already.
    const first = Math.floor(member.timeMs / rule.bucketMs);
    const last = Math.floor((member.timeMs + rule.timespanMs) / rule.bucketMs);
    for (const bucket of group.covered.keys()) if (bucket >= first && bucket <= last) group.covered.delete(bucket);
  }
}

function openBucket(entry: Windows, bucket: number, group: Group): void {
  // After a restart members of buckets that were judged may still be here, for the windows of open ones.
  if (!isOver(entry, bucket)) noteOpen(entry, bucket, group);
}

function isOver({ rule, watermarkMs }: Windows, bucket: number): boolean {
  return (bucket + 1) * rule.bucketMs <= watermarkMs;
}

/** True when the bucket of a rule that else fires at once waits for its end. */
function isHeld(entry: Windows, group: Group, bucket: number): boolean {
  const { kind, judged, timespanMs } = entry.rule;
  if (kind !== "value_sum" || judged === "final") return false;
  const { fromMs, toMs } = toBucketRange(entry.rule, bucket);
  return hasNegative(group, { fromMs: fromMs - timespanMs, toMs });
}

/** Judges the windows that the new members of a group touch; returns the buckets in which the condition holds there. */
export function judgeGroup(group: Group, entry: Windows): Set<number> {
  const { rule } = entry;
  const touched = new Set<number>();
  const range = { fromMs: group.dirtyFromMs, toMs: group.dirtyToMs + rule.timespanMs };
  group.dirtyFromMs = Infinity;
  group.dirtyToMs = -Infinity;
  if (rule.judged === "final") return touched;
  const edges = entry.parents.filter(({ atEnd }) => !atEnd);
  for (const holding of holdingTimes(group, rule, range)) {
    const { timeMs } = holding;
    const bucket = Math.floor(timeMs / rule.bucketMs);
    if (edges.length > 0) handOn(entry, group, { holding, edges });
    // The alerts of buckets that are over are final; after a restart their members may still be here.
    if (isOver(entry, bucket)) continue;
    if (isHeld(entry, group, bucket)) {
      // What does not hold when it is judged last does not at its end either.
      noteOpen(entry, bucket, group);
      continue;
    }
    coverWindow(group, entry, timeMs);
    touched.add(bucket);
  }
  return touched;
}

function coverWindow(group: Group, entry: Windows, timeMs: number): void {
  const { timespanMs, bucketMs } = entry.rule;
  const bucket = Math.floor(timeMs / bucketMs);
  // Each event of a suppressing rule holds: its alert covers all from the first to the last, as one interval.
  const whole = timespanMs === 0 ? group.covered.get(bucket)?.[0] : undefined;
  cover(group, bucket, {
    fromMs: Math.min(timeMs - timespanMs, whole?.fromMs ?? Infinity),
    toMs: Math.max(timeMs, whole?.toMs ?? -Infinity),
  });
  noteOpen(entry, bucket, group);
}

/** Drafts the alert of a bucket that the group covers in part. */
export function draftBucket(group: Group, at: { entry: Windows; bucket: number; final: boolean }, desk: Desk): void {
  const intervals = group.covered.get(at.bucket);
  if (intervals !== undefined) draft(group, { ...at, intervals, verdict: null, negative: false }, desk);
}

/** Judges what waited for the end of its bucket, and gives the alerts of all buckets that are over a last time. */
export function closeBuckets(entry: Windows, desk: Desk): void {
  for (const [bucket, ids] of [...entry.open].toSorted(([a], [b]) => a - b)) {
    if (!isOver(entry, bucket)) continue;
    for (const id of ids) {
      entry.groups.lend(id, (group) => {
        closeBucket(group, { entry, bucket }, desk);
        group.covered.delete(bucket);
        group.slides?.covered.delete(bucket);
      });
    }
    entry.open.delete(bucket);
  }
}

function closeBucket(group: Group, at: { entry: Windows; bucket: number }, desk: Desk): void {
  const { entry, bucket } = at;
  const range = toBucketRange(entry.rule, bucket);
  handBucket(entry, group, bucket);
  if (entry.rule.judged === "final") {
    const verdict = judgeBucket(group, entry.rule, bucket);
    if (verdict !== null) draft(group, { ...at, final: true, intervals: [range], verdict, negative: false }, desk);
    return;
  }
  if (!isHeld(entry, group, bucket)) return draftBucket(group, { ...at, final: true }, desk);
  group.covered.delete(bucket);
  for (const { timeMs } of holdingTimes(group, entry.rule, range)) coverWindow(group, entry, timeMs);
  const intervals = group.covered.get(bucket);
  if (intervals !== undefined) draft(group, { ...at, final: true, intervals, verdict: null, negative: true }, desk);
}

/** Hands on, after a restart, what the group's buckets that are over and reach beyond `sinceMs` handed on at their end. */
export function handEnded(group: Group, entry: Windows, sinceMs: number): void {
  if (!entry.parents.some(({ atEnd }) => atEnd)) return;
  const { bucketMs } = entry.rule;
  const first = Math.floor(sinceMs / bucketMs);
  const buckets = new Set(group.members.map(({ timeMs }) => Math.floor(timeMs / bucketMs)));
  for (const bucket of buckets) if (bucket >= first && isOver(entry, bucket)) handBucket(entry, group, bucket);
}

/** Hands on what a bucket came to, to the parents that wait for its end. */
function handBucket(entry: Windows, group: Group, bucket: number): void {
  const { rule } = entry;
  const edges = entry.parents.filter(({ atEnd }) => atEnd);
  if (edges.length === 0) return;
  if (rule.judged === "final") {
    const verdict = judgeBucket(group, rule, bucket);
    if (verdict !== null) handOn(entry, group, { holding: { timeMs: verdict.endMs, value: verdict.value }, edges });
    return;
  }
  for (const holding of holdingTimes(group, rule, toBucketRange(rule, bucket)))
    handOn(entry, group, { holding, edges });
}

function handOn(entry: Windows, group: Group, of: { holding: Holding; edges: readonly Edge[] }): void {
  for (const edge of of.edges) {
    const handed = toHanded(entry, group, { edge, holding: of.holding });
    if (handed === null) continue;
    const { parent } = edge;
    const into = parent.groups.open(handed.group);
    if (addMember(into, handed.member) === "same") noteGrown(into, handed.member.timeMs);
    else noteAdded(parent, into, handed.member);
    parent.dirty.add(into);
  }
}

function draft(
  group: Group,
  at: {
    entry: Windows;
    bucket: number;
    final: boolean;
    intervals: readonly Interval[];
    verdict: Verdict | null;
    negative: boolean;
  },
  desk: Desk,
): void {
  const { rule, children } = at.entry;
  if (!rule.alerts) return;
  const { bucket, intervals, verdict, negative } = at;
  const name = verdict === null && !negative ? `${bucket}` : null;
  const behind = lookBehind(at.entry, { group, intervals, only: verdict?.only ?? null }, name);
  const made = toBucketContent(rule, group, {
    bucket,
    intervals,
    ...behind,
    verdict,
    negative,
    // What is judged at the end may hold only because a part of the group is forgotten.
    isPart: verdict !== null && (intervals[0]?.fromMs ?? Infinity) <= at.entry.evictedMs,
    children: children.map((child) => child?.rule.title ?? null),
    names: desk.names,
  });
  if (made === null) return;
  desk.alerts.push({
    content: made.content,
    order: null,
    final: at.final,
    records: made.shown.map(({ key, recordHash, timeMs, pointer, stateKey, group: of, slice }) => ({
      key,
      recordHash,
      timeMs,
      pointer,
      record: null,
      from: { stateKey, group: of, slice },
    })),
  });
}
