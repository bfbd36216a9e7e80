/**
 * The judgement of a whole bucket, for conditions that more events can make untrue: once, when its input is complete.
 *
 * What counts are the distinct events in [b·B, (b + 1)·B): a key once, with its highest version, and of several records of
 * that version the one with the largest number, then the first by total order. An empty bucket is not judged. The verdict
 * hangs on the set of members alone.
 */
import type { Member } from "../../contracts.ts";
import { createExactSum } from "../../lib/exact-sum.ts";
import type { Correlation } from "../../sigma/ast.ts";
import { isShare } from "../../sigma/share.ts";
import { createGroup, type Group, lowerBound, toIdentity, upperBound } from "../group.ts";
import type { Interval } from "../interval.ts";
import { meetsBounds, meetsCondition } from "./bounds.ts";
import { orderedTimes } from "./ordered.ts";

/** What a bucket came to where its condition holds. */
export type Verdict = {
  /** The count, sum, average, percentile, length of chain, or the largest share that met the bounds. */
  readonly value: number;
  /** Distinct events that were counted. */
  readonly events: number;
  /** The alert covers these members only; null: all of the bucket. */
  readonly only: ReadonlySet<Member> | null;
  /** The values whose share in percent met the bounds, largest first; null unless shares are judged. */
  readonly shares: readonly (readonly [value: string, share: number])[] | null;
  /** Time at which the chain of a temporal_ordered rule ends; that of the last event for all others. */
  readonly endMs: number;
};

/** The closed range of event time of a bucket; event times are whole milliseconds. */
export function toBucketRange({ bucketMs }: Pick<Correlation, "bucketMs">, bucket: number): Interval {
  return { fromMs: bucket * bucketMs, toMs: (bucket + 1) * bucketMs - 1 };
}

/** Judges a bucket. Null: the condition does not hold there, or there is no event. */
export function judgeBucket(group: Group, rule: Correlation, bucket: number): Verdict | null {
  const range = toBucketRange(rule, bucket);
  const members = group.members.slice(lowerBound(group.members, range.fromMs), upperBound(group.members, range.toMs));
  const winners = toWinners(members);
  const counted = [...winners.values()];
  const last = members.at(-1);
  if (last === undefined) return null;
  const all = { events: winners.size, only: null, shares: null, endMs: last.timeMs };
  if (rule.kind === "temporal_ordered") return judgeChain(members, { winners, rule, spread: group.spread, all });
  if (isShare(rule)) return judgeShares(counted, rule);
  if (rule.kind === "temporal") {
    const steps = new Set(ofHighestVersion(members, winners).map((member) => member.step));
    return meetsCondition(rule, steps.size, (step) => steps.has(step)) ? { ...all, value: steps.size } : null;
  }
  const value = measure(rule, counted);
  return meetsCondition(rule, value) ? { ...all, value } : null;
}

function measure(rule: Correlation, counted: readonly Member[]): number {
  switch (rule.kind) {
    case "value_count":
      return new Set(counted.map((member) => member.value)).size;
    case "value_sum":
    case "value_avg": {
      const sum = createExactSum();
      for (const member of counted) sum.add(member.number ?? 0);
      return sum.value(rule.kind === "value_sum" ? 1 : counted.length);
    }
    case "value_median":
      return toPercentile(toNumbers(counted), 50);
    case "value_percentile":
      return toPercentile(toNumbers(counted), rule.percentile ?? 50);
    default:
      return counted.length;
  }
}

/** The record that counts for each event. */
export function toWinners(members: readonly Member[]): Map<string, Member> {
  const winners = new Map<string, Member>();
  for (const member of members) {
    const kept = winners.get(toIdentity(member));
    if (kept === undefined || isBetter(member, kept)) winners.set(toIdentity(member), member);
  }
  return winners;
}

/** Whether a record counts for its event rather than another. Members come in total order, so of equal ones the first stays. */
export function isBetter(member: Member, kept: Member): boolean {
  if (member.version !== kept.version) return member.version > kept.version;
  return (member.number ?? -Infinity) > (kept.number ?? -Infinity);
}

/** An event that meets several steps has a member for each. */
function ofHighestVersion(members: readonly Member[], winners: ReadonlyMap<string, Member>): Member[] {
  return members.filter((member) => member.version === winners.get(toIdentity(member))?.version);
}

function toNumbers(members: readonly Member[]): number[] {
  return members.map((member) => member.number ?? 0).toSorted((a, b) => a - b);
}

/**
 * The percentile of ascending numbers by linear interpolation (type R-7 of Hyndman and Fan, the default of R, NumPy and
 * spreadsheets).
 */
export function toPercentile(ascending: readonly number[], percentile: number): number {
  const place = ((ascending.length - 1) * percentile) / 100;
  const low = ascending[Math.floor(place)] ?? 0;
  const high = ascending[Math.ceil(place)] ?? low;
  const part = place - Math.floor(place);
  if (low === high || part === 0) return low;
  // The difference of two numbers may be too large for a double where the numbers are not.
  return Number.isFinite(high - low) ? low + part * (high - low) : low * (1 - part) + high * part;
}

/** Each value's share of the counted events, in percent; holds where any share meets the bounds, and covers the events of these. */
function judgeShares(counted: readonly Member[], rule: Correlation): Verdict | null {
  const counts = new Map<string, number>();
  for (const { value } of counted) counts.set(value ?? "", (counts.get(value ?? "") ?? 0) + 1);
  const shares = [...counts]
    .map(([value, count]) => [value, (100 * count) / counted.length] as const)
    .filter(([, share]) => meetsBounds(share, rule.bounds))
    .toSorted((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const [largest] = shares;
  if (largest === undefined) return null;
  const meeting = new Set(shares.map(([value]) => value));
  const only = new Set(counted.filter(({ value }) => meeting.has(value ?? "")));
  const endMs = counted.reduce((latest, member) => (only.has(member) ? Math.max(latest, member.timeMs) : latest), 0);
  return { value: largest[1], events: counted.length, only, shares, endMs };
}

const EVER: Interval = { fromMs: -Infinity, toMs: Infinity };

/** The longest chain inside the bucket. */
function judgeChain(
  members: readonly Member[],
  of: { winners: ReadonlyMap<string, Member>; rule: Correlation; spread: number; all: Omit<Verdict, "value"> },
): Verdict | null {
  const { spread } = of;
  const group: Group = { ...createGroup(""), members: ofHighestVersion(members, of.winners), spread };
  // Any chain is asked for, so that the longest of the bucket is known: a bound such as `lt` must not meet a part of it.
  const any: Correlation = { ...of.rule, bounds: [{ operator: "gte", value: 1 }], timespanMs: of.rule.bucketMs };
  let best = { value: 0, timeMs: of.all.endMs };
  for (const { value, timeMs } of orderedTimes(group, any, EVER)) if (value > best.value) best = { value, timeMs };
  return meetsCondition(of.rule, best.value) ? { ...of.all, value: best.value, endMs: best.timeMs } : null;
}
