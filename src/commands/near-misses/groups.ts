/**
 * The groups that came nearest to a correlation's condition without meeting it, each with its best window.
 *
 * Members are collected by group and judged over sliding windows of the rule's timespan; a kind that is judged by bucket
 * (averages, medians, percentiles) over epoch-aligned windows of that length. Memory is bounded: when too many members are
 * held, windows are judged, their old members go and, if need be, the groups that are least advanced; `isApproximate` says
 * so. Files may come in any order as long as that does not happen. Pure.
 */
import { meetsCondition } from "../../detect/judging/bounds.ts";
import { toPercentile } from "../../detect/judging/bucket.ts";
import type { Correlation } from "../../sigma/ast.ts";

/** An event of a group, as much as is judged. */
export type NearMember = {
  readonly timeMs: number;
  readonly key: string;
  readonly step: number;
  readonly value: string | null;
  readonly number: number | null;
};
/** The best window of a group. `share`: how near, 1 is the condition itself. */
export type NearGroup = {
  readonly group: string;
  readonly value: number;
  readonly share: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** Steps of a temporal rule that were met, from 0. */
  readonly steps: readonly number[];
};
/** Groups of one correlation. */
export type NearGroups = {
  take(group: string, member: NearMember): void;
  result(most: number): {
    readonly groups: number;
    readonly met: number;
    readonly nearest: readonly NearGroup[];
    readonly isApproximate: boolean;
  };
};

/** Members held at once for one correlation: about 40 MB. A rule that counts more within its windows is told approximately. */
const MEMBERS_MAX = 200_000;

type Held = { members: NearMember[]; best: NearGroup | null; met: boolean };

/** Groups of a correlation; `membersMax` is for tests. */
export function createNearGroups(rule: Correlation, membersMax: number = MEMBERS_MAX): NearGroups {
  const held = new Map<string, Held>();
  let [count, isApproximate] = [0, false];
  const judgeAll = (): void => {
    for (const [group, of] of held) judgeGroup(rule, group, of);
  };
  const relieve = (): void => {
    judgeAll();
    isApproximate = true;
    for (const of of held.values()) {
      const newest = of.members.reduce((latest, { timeMs }) => Math.max(latest, timeMs), -Infinity);
      of.members = of.members.filter(({ timeMs }) => timeMs > newest - rule.timespanMs);
    }
    // Those that met it and those farthest from it go first.
    const order = [...held].toSorted(([, a], [, b]) => shareOf(b) - shareOf(a));
    count = 0;
    for (const [group, of] of order) {
      if (count + of.members.length > membersMax / 2) held.delete(group);
      else count += of.members.length;
    }
  };
  return {
    take: (group, member) => {
      const of = held.get(group) ?? { members: [], best: null, met: false };
      held.set(group, of);
      of.members.push(member);
      count += 1;
      if (count > membersMax) relieve();
    },
    result: (most) => {
      judgeAll();
      const near = [...held.values()].flatMap(({ best, met }) => (met || best === null ? [] : [best]));
      near.sort((a, b) => b.share - a.share || b.toMs - a.toMs || (a.group < b.group ? -1 : 1));
      const met = [...held.values()].filter((of) => of.met).length;
      return { groups: held.size, met, nearest: near.slice(0, most), isApproximate };
    },
  };
}

function shareOf({ best, met }: Held): number {
  return met ? -1 : (best?.share ?? 0);
}

/** Judges the windows of a group; keeps the nearest. */
function judgeGroup(rule: Correlation, group: string, of: Held): void {
  const members = distinct(of.members);
  of.members = members;
  for (const window of toWindows(rule, members)) {
    const { value, steps } = measure(rule, window);
    of.met ||= meetsCondition(rule, value, (step) => steps.includes(step));
    const share = toShare(rule, value);
    const [first, last] = [window[0], window.at(-1)];
    if (first === undefined || last === undefined || share <= (of.best?.share ?? -1)) continue;
    of.best = { group, value, share, fromMs: first.timeMs, toMs: last.timeMs, steps };
  }
}

/** In order of time; an event that was read twice counts once a step. */
function distinct(members: readonly NearMember[]): NearMember[] {
  const seen = new Set<string>();
  return members
    .filter(({ key, step }) => {
      const isNew = !seen.has(`${step} ${key}`);
      seen.add(`${step} ${key}`);
      return isNew;
    })
    .toSorted((a, b) => a.timeMs - b.timeMs || (a.key < b.key ? -1 : 1));
}

/** The windows that end with each member; of kinds that are judged by bucket, the buckets. */
function* toWindows(rule: Correlation, members: readonly NearMember[]): Generator<readonly NearMember[]> {
  if (["value_avg", "value_median", "value_percentile"].includes(rule.kind)) {
    yield* Map.groupBy(members, ({ timeMs }) => Math.floor(timeMs / rule.timespanMs)).values();
    return;
  }
  let from = 0;
  for (const [at, { timeMs }] of members.entries()) {
    while ((members[from]?.timeMs ?? timeMs) < timeMs - rule.timespanMs) from += 1;
    // A window that the next member only makes longer says less than that one.
    const next = members[at + 1];
    if (next !== undefined && next.timeMs - (members[from]?.timeMs ?? 0) <= rule.timespanMs) continue;
    yield members.slice(from, at + 1);
  }
}

function measure(rule: Correlation, window: readonly NearMember[]): { value: number; steps: readonly number[] } {
  const numbers = window.map(({ number }) => number ?? 0);
  const ascending = (): number[] => numbers.toSorted((a, b) => a - b);
  const sum = numbers.reduce((total, number) => total + number, 0);
  const steps = [...new Set(window.map(({ step }) => step))].toSorted((a, b) => a - b);
  switch (rule.kind) {
    case "event_count":
      return { value: new Set(window.map(({ key }) => key)).size, steps };
    case "value_count":
      return { value: new Set(window.map(({ value }) => value)).size, steps };
    case "value_sum":
      return { value: sum, steps };
    case "value_avg":
      return { value: sum / numbers.length, steps };
    case "value_median":
      return { value: toPercentile(ascending(), 50), steps };
    case "value_percentile":
      return { value: toPercentile(ascending(), rule.percentile ?? 50), steps };
    case "temporal":
      return { value: steps.length, steps };
    case "temporal_ordered":
      return toChain(rule, window);
  }
}

/** The longest chain of steps in order from the first on: each the earliest after the one before. */
function toChain(rule: Correlation, window: readonly NearMember[]): { value: number; steps: readonly number[] } {
  let best = 0;
  for (const [start, { step }] of window.entries()) {
    if (step !== 0) continue;
    let length = 1;
    for (const member of window.slice(start + 1)) if (member.step === length && length < rule.rules.length) length += 1;
    best = Math.max(best, length);
  }
  return { value: best, steps: rule.rules.map((_, index) => index).slice(0, best) };
}

/** How near a value is to the condition, from 0 to 1: the worst of its bounds. */
function toShare({ bounds, rules }: Correlation, value: number): number {
  if (bounds.length === 0) return value / rules.length;
  return Math.min(
    ...bounds.map(({ operator, value: limit }) => {
      if (operator === "gte" || operator === "gt") return limit <= 0 ? 1 : Math.max(0, Math.min(1, value / limit));
      if (operator === "lte" || operator === "lt") return value <= limit ? 1 : Math.max(0, limit / value);
      return 1 / (1 + Math.abs(value - limit));
    }),
  );
}
