/**
 * temporal_ordered: events of the rules in their order, each event for one step, at non-decreasing times.
 *
 * For each number of steps k and each last step s the latest possible start of a chain of k events that ends with s is
 * kept as time goes on; at an event the longest chain whose start lies in its window counts. Events of one time may serve
 * steps in any order (CloudTrail has whole seconds), so they are taken together, and one event never serves two steps: how
 * many of these steps can have an event of their own is a matching. A latest start is right whatever came before the
 * window, so the state at some times is kept with the group and only the part that new members touch is gone over again.
 */
import type { Member } from "../../contracts.ts";
import type { Correlation } from "../../sigma/ast.ts";
import { type ChainState, type Group, lowerBound, toIdentity, upperBound } from "../group.ts";
import type { Interval } from "../interval.ts";
import { type Holding, meetsCondition } from "./bounds.ts";

/** Members between two kept states: going over as many again costs some microseconds. */
const KEEP_EVERY = 256;
/** States kept: they reach 8,192 members back, more than a lateness bound lets a busy group be out of order. */
const KEEP_MAX = 32;

/** The times in the closed `range` at which a chain that meets the condition ends, with its number of steps. */
export function* orderedTimes(group: Group, rule: Correlation, range: Interval): Generator<Holding> {
  const { members } = group;
  const states = group.chains ?? [];
  dropChains(group, range.fromMs);
  const kept = states.at(-1);
  const steps = rule.rules.length;
  // Without a state no chain that ends in the range begins before its first window.
  const latest = kept?.latest.slice() ?? new Float64Array(steps * steps).fill(-Infinity);
  let at = kept === undefined ? lowerBound(members, range.fromMs - rule.timespanMs) : upperBound(members, kept.timeMs);
  let keptAt = at;
  while (at < members.length) {
    const { timeMs } = members[at] as Member;
    if (timeMs > range.toMs) break;
    const end = endOfTime(members, at);
    const sinceMs = timeMs - rule.timespanMs;
    const value =
      end - at === 1
        ? extendByOne(latest, members[at] as Member, sinceMs)
        : extendChains(latest, members.slice(at, end), sinceMs);
    at = end;
    if (timeMs < range.fromMs) continue;
    // A state that began with the first window of the range is right for later times only.
    if (at - keptAt >= KEEP_EVERY) {
      states.push({ timeMs, latest: latest.slice() });
      if (states.length > KEEP_MAX) states.shift();
      group.chains = states;
      keptAt = at;
    }
    if (value === 0 || !meetsCondition(rule, value)) continue;
    const proven = group.spread === 0 ? value : proveLength(members, rule, { timeMs, length: value });
    if (proven > 0 && meetsCondition(rule, proven)) yield { timeMs, value: proven };
  }
}

/**
 * Where an event stands at several times (in versions), the states cannot know that a chain took it twice; then the chain
 * itself is sought. Returns the length of the longest that ends at `timeMs`, at most `length`.
 */
function proveLength(members: readonly Member[], rule: Correlation, at: { timeMs: number; length: number }): number {
  const window = { fromMs: at.timeMs - rule.timespanMs, toMs: at.timeMs };
  let { length } = at;
  while (length > 0 && findChain(members, rule, { window, length }).length === 0) length -= 1;
  return length;
}

/** Forgets the states that members from `fromMs` on make wrong. */
export function dropChains(group: Group, fromMs: number): void {
  const states = group.chains;
  while (states !== null && states.length > 0 && (states.at(-1) as ChainState).timeMs >= fromMs) states.pop();
}

function endOfTime(members: readonly Member[], at: number): number {
  let end = at + 1;
  const { timeMs } = members[at] as Member;
  while (end < members.length && (members[end] as Member).timeMs === timeMs) end += 1;
  return end;
}

/**
 * Extends the chains by the members of one time: `latest[(k − 1) · steps + s]` is the latest start of a chain of k events
 * that ends with step s. Returns the length of the longest chain that ends here and starts at or after `sinceMs`.
 */
function extendChains(latest: Float64Array, together: readonly Member[], sinceMs: number): number {
  const steps = Math.round(Math.sqrt(latest.length));
  const present = [...new Set(together.map((member) => member.step))].toSorted((a, b) => a - b);
  const before = latest.slice();
  const { timeMs } = together[0] as Member;
  let longest = 0;
  const extend = (last: number, from: { length: number; step: number; startMs: number }): void => {
    // Any number of the steps between, up to as many as can have an event of their own, may stand in the chain with `last`.
    const room = countServable(
      together,
      present.filter((step) => step > from.step && step <= last),
    );
    for (let length = from.length + 1; length <= from.length + room; length += 1) {
      const place = (length - 1) * steps + last;
      latest[place] = Math.max(latest[place] as number, from.startMs);
      if (from.startMs >= sinceMs) longest = Math.max(longest, length);
    }
  };
  for (const last of present) {
    extend(last, { length: 0, step: -1, startMs: timeMs });
    for (let length = 1; length < steps; length += 1) {
      for (let step = length - 1; step < last; step += 1) {
        const startMs = before[(length - 1) * steps + step] as number;
        if (startMs > -Infinity) extend(last, { length, step, startMs });
      }
    }
  }
  return longest;
}

/** The same where one member stands alone at its time, as most do: it takes each chain that ends with an earlier step on by one. */
function extendByOne(latest: Float64Array, { step: last, timeMs }: Member, sinceMs: number): number {
  const steps = Math.round(Math.sqrt(latest.length));
  let longest = 1;
  latest[last] = Math.max(latest[last] as number, timeMs);
  for (let length = 1; length < steps; length += 1) {
    let startMs = -Infinity;
    for (let step = length - 1; step < last; step += 1)
      startMs = Math.max(startMs, latest[(length - 1) * steps + step] as number);
    const place = length * steps + last;
    latest[place] = Math.max(latest[place] as number, startMs);
    if (startMs >= sinceMs) longest = length + 1;
  }
  return longest;
}

/** How many of `steps` can each have an event of their own among `together` (bipartite matching; a handful of each). */
function countServable(together: readonly Member[], steps: readonly number[]): number {
  if (steps.length <= 1) return steps.length;
  const stepOf = new Map<string, number>();
  const tryStep = (step: number, tried: Set<string>): boolean => {
    for (const member of together) {
      const identity = toIdentity(member);
      if (member.step !== step || tried.has(identity)) continue;
      tried.add(identity);
      const other = stepOf.get(identity);
      if (other === undefined || tryStep(other, tried)) {
        stepOf.set(identity, step);
        return true;
      }
    }
    return false;
  };
  return steps.filter((step) => tryStep(step, new Set())).length;
}

/**
 * One chain of `length` steps in `window` that ends at its end, for the sentence that explains the alert: from the last step
 * backwards, each time the latest event that lets the rest stand. Empty when there is none. As the others of a chain can
 * take at most `length` − 1 events, one of the `length` latest of a step will do wherever an earlier one would.
 */
export function findChain(
  members: readonly Member[],
  rule: Correlation,
  at: { window: Interval; length: number },
): Member[] {
  const first = lowerBound(members, at.window.fromMs);
  const steps = rule.rules.length;
  const pick = (left: number, limit: number, behind: { step: number; used: ReadonlySet<string> }): Member[] | null => {
    if (left === 0) return [];
    const tried = new Map<number, Set<string>>();
    for (let i = limit; i >= first; i -= 1) {
      const member = members[i] as Member;
      if (left === at.length && member.timeMs !== at.window.toMs) return null;
      const isNext = at.length === steps ? member.step === left - 1 : member.step >= left - 1;
      if (!isNext || member.step >= behind.step || behind.used.has(toIdentity(member))) continue;
      const ofStep = tried.get(member.step) ?? new Set<string>();
      tried.set(member.step, ofStep);
      if (ofStep.size >= at.length || ofStep.has(toIdentity(member))) continue;
      ofStep.add(toIdentity(member));
      const used = new Set([...behind.used, toIdentity(member)]);
      const rest = pick(left - 1, upperBound(members, member.timeMs) - 1, { step: member.step, used });
      if (rest !== null) return [...rest, member];
    }
    return null;
  };
  return pick(at.length, upperBound(members, at.window.toMs) - 1, { step: steps, used: new Set() }) ?? [];
}
