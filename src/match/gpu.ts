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
  const { at, of } = call.response;
  const isTold = walk(root, of === undefined ? at : `${at}.${of}`).length > 0;
  return isTold ? readPlace(root, call.response) : null;
}

/** The parameters, or what stands in the one key that newer EC2 calls wrap them in, such as CreateFleetRequest. */
function unwrap(event: Event, part: string, ending: string): unknown {
  const whole = ownValue(event.record, part);
  return ownValue(whole, `${textAt(event.record, "eventName")}${ending}`) ?? whole;
}

/** Each scope is looked through once, so that a record costs its length, whatever it holds. */
function readPlace(root: unknown, place: Place): Ask[] {
  const { at, of, orWhole } = place;
  const found = walk(root, at);
  const objects = found.length === 0 && orWhole === true ? members(root) : found;
  const none = { type: toSmallest(root, place), count: place.orNone === true ? 0 : 1, share: toShare(root, place) };
  const whole = look(root, place, none);
  return objects.flatMap((object) => {
    const outer = look(object, place, whole);
    if (of === undefined) return toAsk(object, place, outer);
    return largest(walk(object, of).flatMap((choice) => toAsk(choice, place, look(choice, place, outer))));
  });
}

/** The type and count that a scope names, or those of the scope around it; and how often each runs at a time. */
type Named = { readonly type: string; readonly count: unknown; readonly share: number };

function look(scope: unknown, place: Place, outer: Named): Named {
  const [found] = walk(scope, place.type);
  const type = typeof found === "string" ? found : textAt(found, "value");
  const counts = place.count?.map((path) => walk(scope, path)[0]);
  const count = counts?.find((value) => value !== undefined) ?? outer.count;
  return { type: type || outer.type, count, share: outer.share };
}

/** Of the family that the whole names, the type with the fewest accelerators; "" where it names none. */
function toSmallest(root: unknown, { family }: Place): string {
  const [named] = family === undefined ? [] : walk(root, family);
  // Nearly every call: it has no such field.
  if (typeof named !== "string") return "";
  const types = [...accelerators.keys()].filter((type) => type.split(".")[0] === named);
  return types.reduce((best, type) => (best === "" || isFewer(type, best) ? type : best), "");
}

function isFewer(type: string, than: string): boolean {
  return acceleratorsOf(type)[0] < acceleratorsOf(than)[0];
}

/** The ask that one object makes; none where no type is named. */
function toAsk(object: unknown, place: Place, { type, count, share }: Named): Ask[] {
  if (type === "") return [];
  if (place.countOf !== undefined) return [{ type, count: walk(object, place.countOf).length }];
  const units = place.weight === undefined ? 1 : toCount(walk(object, place.weight)[0] ?? 1);
  const instances = units > 0 ? Math.ceil(toCount(count) / units) : toCount(count);
  return [{ type, count: Math.min(COUNT_MAX, instances * share) }];
}

/** How often a definition runs at a time: jobs in parallel by definitions, at least once. */
function toShare(root: unknown, { parallel }: Place): number {
  if (parallel === undefined) return 1;
  const definitions = walk(root, parallel.over).length;
  const jobs = toCount(walk(root, parallel.jobs)[0] ?? 1);
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
