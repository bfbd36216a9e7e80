/**
 * Chaining: correlations whose rules are correlations.
 *
 * For each time t at which a correlation holds it hands its parents a member: the id of its alert as the event's key, t,
 * its group values, and the number that met the condition. So a burst, which is one alert, counts once. Such members are a
 * pure function of the child's members: they are never stored, and made again after a restart, for which the child's
 * members are kept as long as a parent looks back. A child hands on at once what more events cannot undo; what waits for the
 * end of its bucket (final conditions, sums, and numbers that a parent reads) is handed on then, with times that have
 * passed, so the parent's watermark stays at the start of the child's oldest open bucket.
 */
import type { Member } from "../../contracts.ts";
import { fromGroupKey, toBucketAlertId, toGroupKey } from "../../model/alert.ts";
import type { Correlation } from "../../sigma/ast.ts";
import { AGGREGATE } from "../../sigma/document/correlation-condition.ts";
import { toNumber } from "../../sigma/leaf/number.ts";
import { isShare } from "../../sigma/share.ts";
import { membersOf, type Part } from "../behind.ts";
import { type Group, lowerBound } from "../group.ts";
import { addInterval, type Interval } from "../interval.ts";
import type { Edge, Windows } from "../windows.ts";
import type { Holding } from "./bounds.ts";
import { isBetter, judgeBucket, toBucketRange } from "./bucket.ts";
import { findBehind, type Found } from "./kept.ts";

/** Notes which correlations count the alerts of which. They stand behind those that they refer to. */
export function linkWindows(windows: ReadonlyMap<string, Windows>): void {
  for (const parent of windows.values()) {
    const below = new Set<Windows>();
    for (const [step, id] of parent.rule.rules.entries()) {
      // A rule of single events that suppresses has windows too, but hands on nothing: its records are counted.
      const child = windows.get(id);
      const isChained = child !== undefined && !child.isSuppressing;
      parent.children.push(isChained ? child : null);
      if (!isChained) continue;
      child.parents.push(toEdge(child, parent, step));
      for (const deeper of [...child.below, child]) below.add(deeper);
    }
    parent.below.push(...[...windows.values()].filter((entry) => below.has(entry)));
  }
}

function toEdge(child: Windows, parent: Windows, step: number): Edge {
  const { aliases } = parent.rule;
  const toField = (name: string): string =>
    (Object.hasOwn(aliases, name) ? aliases[name]?.[child.rule.id] : undefined) ?? name;
  const fields = parent.rule.fields.map(toField);
  const atEnd = child.rule.judged === "final" || child.rule.kind === "value_sum" || fields.includes(AGGREGATE);
  return { parent, step, atEnd, groupBy: parent.rule.groupBy.map(toField), fields };
}

/** True for a correlation that counts the alerts of others, or whose alerts are counted. */
export function isChained({ children, parents }: Windows): boolean {
  return parents.length > 0 || children.some((child) => child !== null);
}

/** How far the members of a correlation are complete: `inputMs` for those that are records, less where children lag. */
export function toCompleteMs(entry: Windows): number {
  return entry.children.reduce((least, child) => {
    if (child === null) return least;
    const isLagging = child.parents.some(({ parent, atEnd }) => parent === entry && atEnd);
    const { bucketMs } = child.rule;
    return Math.min(least, isLagging ? Math.floor(child.watermarkMs / bucketMs) * bucketMs : child.watermarkMs);
  }, entry.inputMs);
}

/** From when on members of each correlation are needed: for its own open buckets, and for those of its parents. */
export function toNeeds(windows: ReadonlyMap<string, Windows>): Map<Windows, { membersMs: number; handedMs: number }> {
  const needs = new Map<Windows, { membersMs: number; handedMs: number }>();
  for (const entry of [...windows.values()].toReversed()) {
    const { bucketMs, timespanMs, judged } = entry.rule;
    const startOf = (timeMs: number): number => Math.floor(timeMs / bucketMs) * bucketMs;
    const handedMs = Math.min(Infinity, ...entry.parents.map(({ parent }) => needs.get(parent)?.membersMs ?? Infinity));
    const firstMs = Math.min(startOf(entry.watermarkMs), startOf(handedMs));
    needs.set(entry, { membersMs: judged === "final" ? firstMs : firstMs - timespanMs, handedMs });
  }
  return needs;
}

/** What a child's alert is as a member of a parent's group; null where the parent measures a number and there is none. */
export function toHanded(
  entry: Windows,
  group: Group,
  of: { edge: Edge; holding: Holding },
): { readonly group: string; readonly member: Member } | null {
  const { edge, holding } = of;
  const { timeMs, value: aggregate } = holding;
  const values = fromGroupKey(group.key);
  const read = (field: string): string =>
    field === AGGREGATE ? String(aggregate) : (values[entry.rule.groupBy.indexOf(field)] ?? "");
  const measure = toMeasure(edge.parent.rule, edge.fields.map(read));
  if (measure === null) return null;
  const id = toBucketAlertId(entry.rule, group.key, Math.floor(timeMs / entry.rule.bucketMs));
  const member: Member = {
    step: edge.step,
    timeMs,
    // An alert id holds no "/" and does not begin with "sha256:", so it is the key of no record.
    kind: "cloudtrail",
    key: id,
    eventId: id,
    version: 0,
    recordHash: id,
    // Memory is counted by account: theirs whose records it stands for.
    accountId: group.members[lowerBound(group.members, toWindow(entry.rule, timeMs).fromMs)]?.accountId ?? "",
    region: "",
    // Where the records behind it are found again.
    principal: group.key,
    action: "",
    ...measure,
  };
  return { group: toGroupKey(edge.groupBy.map(read)), member };
}

function toMeasure(
  rule: Correlation,
  texts: readonly string[],
): { value: string | null; number: number | null } | null {
  if (texts.length === 0) return { value: null, number: null };
  const value = texts.length === 1 ? (texts[0] ?? "") : toGroupKey(texts);
  if (rule.kind === "value_count" || isShare(rule)) return { value, number: null };
  // Numbers of our own making may have an exponent, texts of records may not.
  const number = toNumber(value) ?? (/e/.test(value) ? Number(value) : Number.NaN);
  return Number.isFinite(number) ? { value, number } : null;
}

/** What stands behind an alert: the records, in parts, and the events of the group itself, null where all are records. */
export type Behind = { readonly parts: Part[]; readonly events: Found["events"] | null };

/**
 * The records behind what a group covers: its own, and those in the children's windows behind the alerts that it counts.
 * `name`: of the bucket that covers it, so that the next look costs by what is new; null where there will be none.
 */
export function lookBehind(entry: Windows, part: Omit<Part, "isRecord">, name: string | null): Behind {
  const { children } = entry;
  if (children.every((child) => child === null)) return { parts: [{ ...part, isRecord: null }], events: null };
  const { group, only } = part;
  const isRecord = (member: Member): boolean => (children[member.step] ?? null) === null;
  // A group without records of its own has nothing to add but that a part of it is forgotten.
  const isAsked = group.thinned !== null || children.some((child) => child === null);
  const parts: Part[] = isAsked ? [{ ...part, isRecord }] : [];
  const windowOf = (member: Member): Interval | null => {
    const rule = children[member.step]?.rule;
    return rule === undefined ? null : toWindow(rule, member.timeMs);
  };
  if (only !== null || children.some((child) => child !== null && isShare(child.rule)))
    return { parts: [...parts, ...toSharedParts(entry, part)], events: null };
  const found = findBehind(group, { intervals: part.intervals, name }, { windowOf, isBetter });
  for (const { step, key, intervals } of found.wanted.values()) {
    const child = children[step] ?? null;
    const inner = child?.groups.find(key) ?? null;
    if (child === null || inner === null) continue;
    const path = name === null ? null : `${entry.rule.id} ${group.key} ${name}`;
    parts.push(...lookBehind(child, { group: inner, intervals, only: null }, path).parts);
  }
  return { parts, events: found.events };
}

/** The records of children that hold by the events of some values only. */
function toSharedParts({ children }: Windows, part: Omit<Part, "isRecord">): Part[] {
  const wanted = new Map<Group, { child: Windows; intervals: Interval[]; only: Set<Member> | null }>();
  for (const member of membersOf({ ...part, isRecord: null })) {
    const child = children[member.step] ?? null;
    const group = child?.groups.find(member.principal) ?? null;
    if (child === null || group === null) continue;
    const found = wanted.get(group) ?? { child, intervals: [], only: isShare(child.rule) ? new Set() : null };
    wanted.set(group, found);
    const isNew = addInterval(found.intervals, toWindow(child.rule, member.timeMs));
    if (found.only === null || !isNew) continue;
    const verdict = judgeBucket(group, child.rule, Math.floor(member.timeMs / child.rule.bucketMs));
    for (const covered of verdict?.only ?? []) found.only.add(covered);
  }
  return [...wanted].flatMap(
    ([group, { child, intervals, only }]) => lookBehind(child, { group, intervals, only }, null).parts,
  );
}

/** What a correlation looked at to hold at `timeMs`. */
function toWindow(rule: Correlation, timeMs: number): Interval {
  if (rule.judged === "final") return toBucketRange(rule, Math.floor(timeMs / rule.bucketMs));
  return { fromMs: timeMs - rule.timespanMs, toMs: timeMs };
}
