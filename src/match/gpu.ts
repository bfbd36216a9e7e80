/**
 * How many accelerators a call asks for and gets, and which: the fields `enrich.gpu.*`.
 *
 * The event's name is looked up first, so that other events cost one look-up. Of a call in the table, types and counts
 * are read along its paths and multiplied with the accelerators of the type. Garbage counts nothing; nothing here throws,
 * whatever the record holds. Pure functions of the record and of checked-in tables.
 */
import { ownValue, textAt } from "../lib/json.ts";
import type { Event, Json } from "../model/event.ts";
import { ACCELERATORS } from "./tables/accelerators.ts";
import { type Call, CALLS, type Place } from "./tables/calls.ts";

/** Instances of one type that a call asks for, or was given. */
export type Ask = {
  /** As the record writes it: SageMaker's begin with `ml.`. */
  readonly type: string;
  readonly count: number;
};

/** More instances than anyone can ask for; keeps sums finite. */
const COUNT_MAX = 1_000_000;

const accelerators = new Map(Object.entries(ACCELERATORS));

/** Accelerators of one instance of the type, 0 where it has none or is not known; and their model. */
export function acceleratorsOf(type: string): readonly [count: number, model: string] {
  return accelerators.get(type.startsWith("ml.") ? type.slice(3) : type) ?? [0, ""];
}

/** The field `enrich.gpu.requested`. */
export function requestedField(event: Event): Json {
  const call = callOf(event);
  return call === null ? 0 : sum(toAsked(event, call));
}

/** The field `enrich.gpu.count`. */
export function countField(event: Event): Json {
  const call = callOf(event);
  return call === null ? 0 : sum(toGiven(event, call));
}

/** The field `enrich.gpu.model`: one model, several in the order of the record, or null. */
export function modelField(event: Event): Json {
  const asks = acceleratorAsks(event);
  const models = [...new Set(asks.map((ask) => acceleratorsOf(ask.type)[1]))];
  return models.length > 1 ? models : (models[0] ?? null);
}

/** Instances with accelerators: those that the call was given, or, where it failed, those that it asked for. */
export function acceleratorAsks(event: Event): readonly Ask[] {
  const call = callOf(event);
  if (call === null) return [];
  const asks = isFailed(event) ? toAsked(event, call) : toGiven(event, call);
  return asks.filter((ask) => sum([ask]) > 0);
}

function callOf(event: Event): Call | null {
  const call = CALLS.get(textAt(event.record, "eventName"));
  if (call === undefined) return null;
  return /^([^.]+)\.amazonaws\.com(?:\.cn)?$/.exec(textAt(event.record, "eventSource"))?.[1] === call.source
    ? call
    : null;
}

function isFailed(event: Event): boolean {
  const code = ownValue(event.record, "errorCode");
  return code !== undefined && code !== null && code !== "";
}

/** What the request asks for. A launch template names the type elsewhere: then it is what the response says. */
function toAsked(event: Event, call: Call): readonly Ask[] {
  const root = unwrap(event, "requestParameters", "Request");
  const asked = call.request.flatMap((place) => readPlace(root, place));
  return asked.length === 0 && !isFailed(event) ? (readResponse(event, call) ?? []) : asked;
}

function toGiven(event: Event, call: Call): readonly Ask[] {
  if (isFailed(event)) return [];
  return readResponse(event, call) ?? toAsked(event, call);
}

/** What the response says that was given. Null: it does not say. */
function readResponse(event: Event, call: Call): readonly Ask[] | null {
  if (call.response === undefined) return null;
  const root = unwrap(event, "responseElements", "Response");
  return walk(root, call.response.at).length === 0 ? null : readPlace(root, call.response);
}

/** The parameters, or what stands in the one key that newer EC2 calls wrap them in, such as CreateFleetRequest. */
function unwrap(event: Event, part: string, ending: string): unknown {
  const whole = ownValue(event.record, part);
  return ownValue(whole, `${textAt(event.record, "eventName")}${ending}`) ?? whole;
}

function readPlace(root: unknown, place: Place): Ask[] {
  const found = walk(root, place.at);
  const objects = found.length === 0 && place.orWhole === true ? members(root) : found;
  const share = toShare(root, place);
  return objects.flatMap((object) => {
    if (place.of === undefined) return toAsk(place, share, [object, root]);
    const alternatives = walk(object, place.of).flatMap((choice) => toAsk(place, share, [choice, object, root]));
    return largest(alternatives);
  });
}

/** The ask that one object makes; none where it names no type. `scopes` are looked through in turn. */
function toAsk(place: Place, share: number, scopes: readonly unknown[]): Ask[] {
  const [found] = first(scopes, place.type);
  const type = typeof found === "string" ? found : textAt(found, "value");
  if (type === "") return [];
  if (place.countOf !== undefined) return [{ type, count: walk(scopes[0], place.countOf).length }];
  const count = toCount(place.count?.map((path) => first(scopes, path)[0]).find((value) => value !== undefined) ?? 1);
  const weight = place.weight === undefined ? 1 : toCount(first(scopes.slice(0, 1), place.weight)[0] ?? 1);
  return [{ type, count: Math.min(COUNT_MAX, (weight > 0 ? Math.ceil(count / weight) : count) * share) }];
}

/** How often a definition runs at a time: jobs in parallel by definitions, at least once. */
function toShare(root: unknown, { parallel }: Place): number {
  if (parallel === undefined) return 1;
  const definitions = walk(root, parallel.over).length;
  const jobs = toCount(first([root], parallel.jobs)[0] ?? 1);
  return definitions === 0 ? 1 : Math.max(1, jobs / definitions);
}

function largest(asks: readonly Ask[]): Ask[] {
  let best: Ask | null = null;
  for (const ask of asks) if (best === null || sum([ask]) > sum([best])) best = ask;
  return best === null ? [] : [best];
}

function sum(asks: readonly Ask[]): number {
  return asks.reduce((total, { type, count }) => total + acceleratorsOf(type)[0] * count, 0);
}

/** A count as a number; large numbers come as text. Anything else counts nothing. */
function toCount(value: unknown): number {
  const number = typeof value === "string" && /^\d{1,9}(?:\.\d{1,9})?$/.test(value) ? Number(value) : value;
  return typeof number === "number" && number > 0 ? Math.min(number, COUNT_MAX) : 0;
}

/** What the path leads to in the first of the scopes where it leads anywhere. */
function first(scopes: readonly unknown[], path: string): readonly unknown[] {
  for (const scope of scopes) {
    const found = walk(scope, path);
    if (found.length > 0) return found;
  }
  return [];
}

/** Everything at a dotted path. */
function walk(root: unknown, path: string): readonly unknown[] {
  let level = members(root);
  for (const key of path === "" ? [] : path.split(".")) {
    const capital = `${key.charAt(0).toUpperCase()}${key.slice(1)}`;
    level = level.flatMap((value) => members(ownValue(value, key) ?? ownValue(value, capital)));
  }
  return level;
}

/** The members of a list, however it is written: an array, EC2's `items`, XML's `item`, or, of one member, itself. */
function members(value: unknown): readonly unknown[] {
  const list = ownValue(value, "items") ?? ownValue(value, "item") ?? value;
  if (list === undefined || list === null) return [];
  return Array.isArray(list) ? (list as readonly unknown[]) : [list];
}
