/**
 * Makes the events of a case whole: those written by what differs from an earlier one become records of their own.
 *
 * A derived event is a copy of its base with another time, another id and other values. The id follows from that of the
 * base and the event's index, so that the same case always has the same ids and alerts. Pure; the case is not changed.
 */
import { sha256Hex } from "../lib/canonical.ts";
import { toUtcText } from "../lib/clock.ts";
import { parseDuration } from "../lib/duration.ts";
import { isObject, ownValue, textAt } from "../lib/json.ts";
import type { Json, JsonObject } from "../model/event.ts";
import type { CaseEvent, DerivedEvent } from "./cases.ts";

/** Records in the order of the case, or what is wrong with the events, by path below the case. */
export type ExpandedEvents = {
  readonly records: readonly JsonObject[];
  readonly faults: readonly { readonly path: string; readonly message: string }[];
};

/** A JSON value that is being changed. */
type Draft = Record<string, unknown>;
type Result = { readonly record: JsonObject } | { readonly at: string; readonly message: string };

/** Makes the events of a case whole. */
export function expandEvents(events: readonly CaseEvent[]): ExpandedEvents {
  const results = events.map((event, index) => (isDerived(event) ? derive(event, index, events) : { record: event }));
  return {
    records: results.flatMap((result) => ("record" in result ? [result.record] : [])),
    faults: results.flatMap((result, index) =>
      "record" in result ? [] : [{ path: `events[${index}].${result.at}`, message: result.message }],
    ),
  };
}

function isDerived(event: CaseEvent): event is DerivedEvent {
  return Object.hasOwn(event, "base");
}

function derive(event: DerivedEvent, index: number, events: readonly CaseEvent[]): Result {
  const base = events[event.base];
  if (base === undefined || event.base >= index || isDerived(base)) {
    return { at: "base", message: `${event.base} is not the index of a whole event before this one` };
  }
  const copy = structuredClone(base) as Draft;
  const inner = ownValue(copy, "detail");
  // Inside an EventBridge envelope the record is its `detail`.
  const record = isObject(inner) && Object.hasOwn(copy, "detail-type") ? inner : copy;
  changeId(record, index);
  if (event.at !== undefined && !moveTime(record, event.at)) {
    return { at: "at", message: "the base has neither an eventTime nor an updatedAt that can be read" };
  }
  for (const [path, value] of Object.entries(event.set ?? {})) {
    const fault = setAt(copy, path.split("."), value);
    if (fault !== null) return { at: `set["${path}"]`, message: fault };
  }
  return { record: copy as JsonObject };
}

/** Another eventID in the form of a UUID; of a finding another id of 32 digits. */
function changeId(record: Draft, index: number): void {
  const eventId = textAt(record, "eventID");
  if (eventId !== "") {
    const hex = sha256Hex(`${eventId}#${index}`);
    record["eventID"] = [
      hex.slice(0, 8),
      hex.slice(8, 12),
      `4${hex.slice(13, 16)}`,
      `a${hex.slice(17, 20)}`,
      hex.slice(20, 32),
    ].join("-");
    return;
  }
  for (const key of ["id", "Id"]) {
    const id = textAt(record, key);
    if (id !== "") record[key] = sha256Hex(`${id}#${index}`).slice(0, 32);
  }
}

/** Moves the event's time; false when it has none. */
function moveTime(record: Draft, by: string): boolean {
  const movedMs = (parseDuration(by.slice(1)) ?? 0) * (by.startsWith("-") ? -1 : 1);
  const key = ["eventTime", "updatedAt", "UpdatedAt"].find((name) => Object.hasOwn(record, name));
  const timeMs = key === undefined ? Number.NaN : Date.parse(textAt(record, key));
  if (key === undefined || Number.isNaN(timeMs)) return false;
  record[key] = toUtcText(timeMs + movedMs);
  return true;
}

/** Sets a value; objects on the way are made where they are missing. Returns what is wrong, or null. */
function setAt(target: unknown, path: readonly string[], value: Json): string | null {
  const [key = "", ...rest] = path;
  if (key === "") return "the path has an empty part";
  if (Array.isArray(target)) {
    const list = target as unknown[];
    const at = Number(key);
    if (!/^\d+$/.test(key) || at > list.length) return `"${key}" is no place in a list of ${list.length}`;
    if (rest.length > 0) return setAt((list[at] ??= {}), rest, value);
    list[at] = value;
    return null;
  }
  if (!isObject(target)) return `"${key}" lies below a value that is neither object nor list`;
  const next = ownValue(target, key);
  if (rest.length > 0 && next !== undefined && next !== null) return setAt(next, rest, value);
  const made: Draft = {};
  const fault = rest.length > 0 ? setAt(made, rest, value) : null;
  // Defined, not assigned, so that a key __proto__ stays a key.
  Object.defineProperty(target, key, {
    value: rest.length > 0 ? made : value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
  return fault;
}
