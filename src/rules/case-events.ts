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
type Fault = { readonly at: string; readonly message: string };
type Result = { readonly record: JsonObject } | Fault;
type Results = { readonly records: readonly JsonObject[] } | Fault;
/** Which of the events that a line stands for: the line, what makes its id, and how much later it is than the first. */
type Turn = { readonly index: number; readonly suffix: string; readonly laterMs: number };

/** Makes the events of a case whole. */
export function expandEvents(events: readonly CaseEvent[]): ExpandedEvents {
  const results = events.map((event, index) =>
    isDerived(event) ? repeat(event, index, events) : { records: [event] },
  );
  return {
    records: results.flatMap((result) => ("records" in result ? result.records : [])),
    faults: results.flatMap((result, index) =>
      "records" in result ? [] : [{ path: `events[${index}].${result.at}`, message: result.message }],
    ),
  };
}

/** The events that one line stands for. The first fault tells of all: they differ in time and id only. */
function repeat(event: DerivedEvent, index: number, events: readonly CaseEvent[]): Results {
  const { times, every } = event.repeat ?? { times: 1, every: "0s" };
  const everyMs = parseDuration(every) ?? 0;
  const records: JsonObject[] = [];
  for (let turn = 0; turn < times; turn += 1) {
    const suffix = turn === 0 ? String(index) : `${index}.${turn}`;
    const result = derive(event, { index, suffix, laterMs: turn * everyMs }, events);
    if (!("record" in result)) return result;
    records.push(result.record);
  }
  return { records };
}

function isDerived(event: CaseEvent): event is DerivedEvent {
  return Object.hasOwn(event, "base");
}

function derive(event: DerivedEvent, { index, suffix, laterMs }: Turn, events: readonly CaseEvent[]): Result {
  const base = events[event.base];
  if (base === undefined || event.base >= index || isDerived(base)) {
    return { at: "base", message: `${event.base} is not the index of a whole event before this one` };
  }
  const copy = structuredClone(base) as Draft;
  const inner = ownValue(copy, "detail");
  // Inside an EventBridge envelope the record is its `detail`.
  const record = isObject(inner) && Object.hasOwn(copy, "detail-type") ? inner : copy;
  changeId(record, suffix);
  const movedMs = toMovedMs(event.at ?? "+0s") + laterMs;
  if ((event.at !== undefined || laterMs > 0) && !moveTime(record, movedMs)) {
    return {
      at: event.at === undefined ? "repeat" : "at",
      message: "the base has no eventTime, updatedAt or timestamp that can be read",
    };
  }
  for (const [path, value] of Object.entries(event.set ?? {})) {
    const fault = setAt(copy, path.split("."), value);
    if (fault !== null) return { at: `set["${path}"]`, message: fault };
  }
  return { record: copy as JsonObject };
}

/** Another eventID or requestId in the form of a UUID; of a finding another id of 32 digits. */
function changeId(record: Draft, suffix: string): void {
  for (const key of ["eventID", "requestId"]) {
    const id = textAt(record, key);
    if (id === "") continue;
    const hex = sha256Hex(`${id}#${suffix}`);
    const last = [`4${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`, hex.slice(20, 32)];
    record[key] = [hex.slice(0, 8), hex.slice(8, 12), ...last].join("-");
    return;
  }
  for (const key of ["id", "Id"]) {
    const id = textAt(record, key);
    if (id !== "") record[key] = sha256Hex(`${id}#${suffix}`).slice(0, 32);
  }
}

function toMovedMs(at: string): number {
  return (parseDuration(at.slice(1)) ?? 0) * (at.startsWith("-") ? -1 : 1);
}

/** Moves the event's time; false when it has none. */
function moveTime(record: Draft, movedMs: number): boolean {
  const key = ["eventTime", "updatedAt", "UpdatedAt", "timestamp"].find((name) => Object.hasOwn(record, name));
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
