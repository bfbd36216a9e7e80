/**
 * What is counted in a sliding window: distinct values, rules or events, or an exact sum.
 *
 * A member is added and removed as the window comes over it and leaves it; the value never depends on the order of that.
 */
import type { Member } from "../../contracts.ts";
import { createExactSum } from "../../lib/exact-sum.ts";
import type { Correlation } from "../../sigma/ast.ts";
import { type Counter, type CounterKind, type Group, toIdentity } from "../group.ts";

/** Which counter a group needs; another one as soon as events stand in it more than once. */
export function counterKind({ spread, echoes }: Group, { kind }: Correlation): CounterKind | null {
  if (kind === "value_sum") return spread === 0 && echoes.length === 0 ? "sum" : "event sum";
  if (kind === "value_count") return "values";
  if (kind === "temporal") return "steps";
  // The indexes of the window are count enough for events of which each stands at one time only.
  return spread === 0 ? null : "events";
}

/** An empty counter. */
export function createCounter(kind: CounterKind): Counter {
  switch (kind) {
    case "values":
      return createDistinct(kind, (member) => member.value ?? "");
    case "steps":
      return createDistinct(kind, (member) => member.step);
    case "events":
      return createDistinct(kind, toIdentity);
    case "sum":
      return createSum();
    case "event sum":
      return createEventSum();
  }
}

function createDistinct(kind: CounterKind, counted: (member: Member) => string | number): Counter {
  const counts = new Map<string | number, number>();
  return {
    kind,
    add: (member) => {
      const value = counted(member);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    },
    remove: (member) => {
      const value = counted(member);
      const left = (counts.get(value) ?? 0) - 1;
      if (left > 0) counts.set(value, left);
      else counts.delete(value);
    },
    value: () => counts.size,
    size: () => counts.size,
    has: (value) => counts.has(value),
  };
}

function createSum(): Counter {
  const sum = createExactSum();
  return {
    kind: "sum",
    add: (member) => sum.add(member.number ?? 0),
    remove: (member) => sum.remove(member.number ?? 0),
    value: () => sum.value(),
    size: () => 1,
  };
}

/** An event counts once, with the largest of its numbers: so more members never make the sum smaller. */
function createEventSum(): Counter {
  const sum = createExactSum();
  const numbers = new Map<string, number[]>();
  const change = (member: Member, how: (of: number[], number: number) => void): void => {
    const of = numbers.get(toIdentity(member)) ?? [];
    if (of.length > 0) sum.remove(Math.max(...of));
    how(of, member.number ?? 0);
    if (of.length > 0) sum.add(Math.max(...of));
    if (of.length > 0) numbers.set(toIdentity(member), of);
    else numbers.delete(toIdentity(member));
  };
  return {
    kind: "event sum",
    add: (member) => change(member, (of, number) => void of.push(number)),
    remove: (member) => change(member, (of, number) => void of.splice(of.indexOf(number), 1)),
    value: () => sum.value(),
    size: () => numbers.size,
  };
}
