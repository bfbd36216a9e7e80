/**
 * The lanes of one sink: what is taken from the outbox and waits in each, and the arrays that are made of it.
 *
 * An alert is held from its being taken until its array is answered, and is not taken again meanwhile: so a later revision
 * never overtakes an earlier one, whatever lane it would go to. A lane that gets on stops the taking when it is full; one
 * that does not (its array is tried again, or has no answer yet) lets the others' alerts pass by and remembers from where
 * it has to look again. Nothing here waits or sends.
 */
import type { OutboxItem, OutboxPlace, Sink } from "../contracts.ts";

export type Lane = {
  readonly number: number;
  queue: OutboxItem[];
  /** Since when the array under way has had no answer, monotonic ms; null when none is under way. */
  sinceMs: number | null;
  isFailing: boolean;
  /** Where the first alert that found no room stands, at the latest; null when none was passed by. */
  passedFrom: OutboxPlace | null;
};

export type Lanes = {
  /** Puts an alert into its lane, unless it is held. `before`: a place before it. False: there was no room. */
  offer(item: OutboxItem, before: OutboxPlace, nowMs: number): void;
  /** True when a lane that gets on has all it can hold. */
  isFull(nowMs: number): boolean;
  /** Lanes with something to send and nothing under way. */
  idle(): readonly Lane[];
  /** The next array of a lane, of one part and within the sink's limits; null when there is none for it. */
  next(lane: Lane): readonly OutboxItem[] | null;
  /** The array was answered: its alerts may be taken again. */
  release(array: readonly OutboxItem[]): void;
  /** How many alerts are held. */
  held(): number;
};

/** Alerts that wait in one lane: several arrays, small beside memory. */
const LANE_MAX = 500;
/** An array without an answer for so long holds up nobody else, ms. Answers take a few. */
const SLOW_MS = 200;

export function createLanes({ limits }: Pick<Sink, "limits">): Lanes {
  const held = new Set<string>();
  const lanes = new Map<number, Lane>();
  const laneOf = (item: OutboxItem): Lane => {
    const number = limits.lane(item.alert);
    const lane = lanes.get(number) ?? { number, queue: [], sinceMs: null, isFailing: false, passedFrom: null };
    lanes.set(number, lane);
    return lane;
  };
  const isStuck = (lane: Lane, nowMs: number): boolean =>
    lane.isFailing || (lane.sinceMs !== null && nowMs - lane.sinceMs > SLOW_MS);
  /** A sink may have come to know its lanes since an alert was taken. */
  const sortOut = (lane: Lane): void => {
    const all = lane.queue;
    lane.queue = [];
    for (const item of all) laneOf(item).queue.push(item);
  };
  return {
    offer: (item, before, nowMs) => {
      if (held.has(item.alert.id)) return;
      const lane = laneOf(item);
      if (lane.queue.length >= LANE_MAX && isStuck(lane, nowMs)) {
        lane.passedFrom ??= before;
        return;
      }
      held.add(item.alert.id);
      lane.queue.push(item);
    },
    isFull: (nowMs) => [...lanes.values()].some((lane) => lane.queue.length >= LANE_MAX && !isStuck(lane, nowMs)),
    idle: () => [...lanes.values()].filter(({ queue, sinceMs }) => queue.length > 0 && sinceMs === null),
    next: (lane) => {
      sortOut(lane);
      if (lane.queue.length === 0) return null;
      const { array, rest } = cutArray(lane.queue, limits);
      lane.queue = rest;
      return array;
    },
    release: (array) => array.forEach(({ alert }) => held.delete(alert.id)),
    held: () => held.size,
  };
}

/** The first items of one part, within maxItems and maxBytes (by the size of the JSON text), and what is left. */
export function cutArray(
  items: readonly OutboxItem[],
  limits: Sink["limits"],
): { readonly array: OutboxItem[]; readonly rest: OutboxItem[] } {
  const array: OutboxItem[] = [];
  const rest: OutboxItem[] = [];
  const part = items[0] === undefined ? "" : limits.part(items[0].alert);
  let bytes = 0;
  let isFull = false;
  for (const item of items) {
    const isOfPart: boolean = !isFull && limits.part(item.alert) === part;
    const size: number = isOfPart ? sizeOf(item) : 0;
    isFull ||= array.length >= limits.maxItems || (array.length > 0 && bytes + size > limits.maxBytes);
    if (isOfPart && !isFull) {
      array.push(item);
      bytes += size;
    } else rest.push(item);
  }
  return { array, rest };
}

function sizeOf({ alert, pointers, additions }: OutboxItem): number {
  return [alert, pointers, additions].reduce(
    (bytes, part) => bytes + (part === undefined ? 0 : Buffer.byteLength(JSON.stringify(part))),
    0,
  );
}
