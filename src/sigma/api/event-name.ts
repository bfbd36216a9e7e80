/**
 * One value for `eventName` against the operations of the event sources that the rule states.
 *
 * Without a source, or where the table has some operations of a source only, an unknown name may still be right: it is
 * told only when a known one is a single edit away. Values with wildcards are told when they match nothing.
 */
import { compilePattern, type PlainPattern } from "../leaf/text.ts";
import type { Findings } from "../problems.ts";
import { type ApiEvent, apiNames, type Source, SOURCES_TOLD, toShort, withoutDate } from "./names.ts";

/** Where the value stands and how it is written, and what the rule says of the event source there (null: nothing). */
export type NamePlace = ValuePlace & { readonly sources: readonly Source[] | null };
type ValuePlace = { readonly at: number; readonly value: string; readonly findings: Findings };

/** Edits within which a name is taken for a slip of another. */
const NEAR = 2;
/** What tells a later version of an operation from the one before: no slip. */
const VERSION = /v?\d+$/i;

/**
 * Checks a value; `pattern` is folded. Comes back with the events that a name which was told probably means: the fields
 * beside it are held against these, so that a slip in one name hides no other.
 */
export function lintEventName(pattern: PlainPattern, { sources, ...place }: NamePlace): readonly ApiEvent[] {
  const stated = sources ?? [...apiNames().sources.values()];
  const isWhole = sources !== null && stated.every((source) => source.isWhole);
  const { literal, matches } = compilePattern(pattern);
  if (literal === null) {
    const isKnown = stated.some(({ events }) => [...events.keys()].some((name) => matches(name)));
    if (!isKnown && isWhole) lintPattern(stated, place);
    return [];
  }
  const events = stated.flatMap((source) => findEvent(source, literal) ?? []);
  const loggedAs = events.every((event) => event.loggedAs !== null) ? (events[0]?.loggedAs ?? null) : null;
  if (events.length > 0 && loggedAs === null) return [];
  const { at, value, findings } = place;
  if (loggedAs === null) return isWhole ? lintUnknown(stated, place) : lintSlip(stated, place);
  if (sources === null) return [];
  const message = `${toShort(stated)} logs ${value} as ${loggedAs}`;
  findings.lapse("api_event_unknown", at, { message, value, remedy: `write ${loggedAs}` });
  return eventsOf(stated, loggedAs);
}

function eventsOf(sources: readonly Source[], name: string): readonly ApiEvent[] {
  return sources.flatMap((source) => findEvent(source, name.toLowerCase()) ?? []);
}

/** The event of a name; a date behind it may be another than the table has. */
function findEvent({ events }: Source, literal: string): ApiEvent | null {
  const event = events.get(literal);
  if (event !== undefined) return event;
  const undated = events.get(withoutDate(literal));
  return undated === undefined ? null : { ...undated, loggedAs: null };
}

function lintPattern(stated: readonly Source[], { at, value, findings }: ValuePlace): void {
  const message = `no operation of ${toShort(stated)} matches ${value}`;
  findings.warning("api_event_unknown", at, { message, value, remedy: "mend the value, or state another eventSource" });
}

/** A name that sources whose every event is known do not have. */
function lintUnknown(stated: readonly Source[], { at, value, findings }: ValuePlace): readonly ApiEvent[] {
  const names = stated.flatMap(({ events }) => [...events.values()].flatMap((event) => event.loggedAs ?? event.name));
  const near = findings.near(value, names, NEAR);
  const begun = `no such operation in ${toShort(stated)}: ${value}`;
  if (near !== null) {
    const words = { message: `${begun}; did you mean ${near}`, value, remedy: `write ${near}` };
    const isOther = isOtherVersion(value, near);
    if (isOther) findings.warning("api_event_unknown", at, words);
    else findings.lapse("api_event_unknown", at, words);
    // Another version of an operation may have fields of its own.
    return isOther ? [] : eventsOf(stated, near);
  }
  const owners = [...apiNames().sources.values()].filter((source) => findEvent(source, value.toLowerCase()) !== null);
  if (owners.length > 0 && owners.length <= SOURCES_TOLD) {
    const message = `${begun}; it is one of ${toShort(owners)}`;
    const remedy = `state eventSource ${owners.map(({ name }) => name).join(" or ")}`;
    findings.lapse("api_event_unknown", at, { message, value, remedy });
    return eventsOf(owners, value);
  }
  const remedy = "check it in the API reference of the service; a newer operation may be right";
  findings.warning("api_event_unknown", at, { message: begun, value, remedy });
  return [];
}

/** A name that may be right where not every name is known. */
function lintSlip(stated: readonly Source[], { at, value, findings }: ValuePlace): readonly ApiEvent[] {
  const near = findings.near(
    value,
    stated.flatMap(({ events }) => [...events.values()].map((event) => event.name)),
    1,
  );
  if (near === null || isOtherVersion(value, near)) return [];
  const message = `no known operation is called ${value}; did you mean ${near}`;
  findings.warning("api_event_unknown", at, { message, value, remedy: `write ${near}, if it is meant` });
  return eventsOf(stated, near);
}

function isOtherVersion(left: string, right: string): boolean {
  return left.replace(VERSION, "").toLowerCase() === right.replace(VERSION, "").toLowerCase();
}
