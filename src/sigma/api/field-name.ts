/**
 * One field of a CloudTrail rule against the record's own fields, and against the parameters and responses of the operations
 * that the rule states. Of responses the first level is known.
 *
 * Parameters are checked where every event name is known, or where none can be told but all events of the stated sources
 * are, and the service spells them by the one rule; elsewhere (EC2, S3 and a few more) only a slip of a known one is told.
 * Where no event name is stated all that is told is a warning: a newer call may have what no other has. Case counts in fields. What stands below a map, a text or a field
 * that depends on the service is never judged.
 */
import { compilePattern, type PlainPattern } from "../leaf/text.ts";
import type { Findings } from "../problems.ts";
import { type ApiEvent, apiNames, type Member, type Source, toShort, withoutDate } from "./names.ts";
import { type FieldTree, RECORD_FIELDS } from "./record-fields.ts";

/** A place where the field is read: its sources and the patterns of its event names; null where anything is possible. */
export type Call = { readonly sources: readonly Source[] | null; readonly names: readonly PlainPattern[] | null };
/** Where the field stands and is read. `meant`: by names in lower case that were told as unknown, the events that they probably mean. */
export type FieldPlace = {
  readonly at: number;
  readonly calls: readonly Call[];
  readonly meant: Meant;
  readonly findings: Findings;
};
/** Unknown event names in lower case, with the events that they probably mean. */
export type Meant = ReadonlyMap<string, readonly ApiEvent[]>;

const NEAR = 2;
/** Events or services that are named in a message. */
const OWNERS_TOLD = 3;
const COMPUTED = /^(?:enrich|state)\./;
/** What refusals and plain answers of any operation are made of, as seen in records. */
const ANY_RESPONSE: ReadonlySet<string> = new Set(["message", "__type", "requestId", "_return"]);
/** Names below which nothing is known: quoted dots and places in arrays, which this file does not read. */
const UNREAD = /[\\[\]]/;

/** Checks a field. */
export function lintFieldName(field: string, place: FieldPlace): void {
  if (COMPUTED.test(field) || UNREAD.test(field)) return;
  const path = field.split(".").filter((part) => !/^\d+$/.test(part));
  let tree: FieldTree = RECORD_FIELDS;
  for (const [depth, name] of path.entries()) {
    const below: FieldTree | null | "open" | undefined = Object.hasOwn(tree, name) ? tree[name] : undefined;
    if (below === undefined) {
      tell({ path, depth, names: Object.keys(tree), owner: "CloudTrail records", isSure: true, isStated: true }, place);
      return;
    }
    if (below === null) return;
    if (below === "open") break;
    tree = below;
  }
  if (path.length < 2) return;
  if (path[0] === "requestParameters") lintMember(path, { kind: "requests", shapeOf: ({ shape }) => shape }, place);
  if (path[0] === "responseElements" && !ANY_RESPONSE.has(path[1] ?? ""))
    lintMember(path, { kind: "responses", shapeOf: ({ response }) => response }, place);
}

/** Every event that the calls can be, whose they are in words, and whether all are spelled by the rule and known. */
type Events = {
  readonly events: readonly ApiEvent[];
  readonly owners: ReadonlySet<string>;
  readonly isSpelled: boolean;
  /** Event names are stated at every place. */
  readonly isStated: boolean;
};

/** Null when an event of the calls is not known. */
function toEvents(calls: readonly Call[], meant: Meant): Events | null {
  const events: ApiEvent[] = [];
  const owners = new Set<string>();
  let isSpelled = true;
  let isStated = true;
  for (const { sources, names } of calls) {
    if (sources === null) return null;
    isSpelled &&= sources.every((source) => source.isSpelled);
    if (names === null) {
      if (!sources.every((source) => source.isWhole)) return null;
      const all = sources.flatMap((source) => [...source.events.values()].filter(({ loggedAs }) => loggedAs === null));
      // What a service does by itself may have parameters that nobody has written down.
      isSpelled &&= all.every(({ shape }) => shape !== null);
      events.push(...all.filter(({ shape }) => shape !== null));
      owners.add(toShort(sources));
      isStated = false;
      continue;
    }
    for (const pattern of names) {
      const { literal, matches } = compilePattern(pattern);
      const stated = sources.flatMap((source) =>
        literal === null
          ? [...source.events].filter(([name]) => matches(name)).map(([, event]) => event)
          : (source.events.get(literal) ?? source.events.get(withoutDate(literal)) ?? []),
      );
      const found = (literal === null ? undefined : meant.get(literal)) ?? stated;
      if (found.length === 0) return null;
      events.push(...found);
      for (const { name } of found) owners.add(name);
    }
  }
  return { events, owners, isSpelled, isStated };
}

/** What is held against: requests or responses. */
type Side = { readonly kind: "requests" | "responses"; readonly shapeOf: (event: ApiEvent) => number | null };

function lintMember(path: readonly string[], { kind, shapeOf }: Side, place: FieldPlace): void {
  const found = toEvents(place.calls, place.meant);
  const shapes = (found?.events ?? []).flatMap((event) => shapeOf(event) ?? []);
  if (found === null || shapes.length === 0 || shapes.length < found.events.length) return;
  let level: readonly Member[] = shapes;
  for (const [depth, name] of path.entries()) {
    if (depth === 0) continue;
    const members = level.flatMap((member) => (typeof member === "number" ? [apiNames().members(member)] : []));
    const next = members.flatMap((known) => (known.has(name) ? [known.get(name) ?? null] : []));
    if (next.length === 0) {
      const names = members.flatMap((known) => [...known.keys()]);
      const owner = `${kind} of ${[...found.owners].slice(0, OWNERS_TOLD).join(", ")}`;
      tell({ path, depth, names, owner, isSure: found.isSpelled, isStated: found.isStated }, place);
      return;
    }
    if (next.some((member) => member === "open")) return;
    // A text may hold JSON that CloudTrail writes out.
    if (next.every((member) => member === null)) return;
    level = next;
  }
}

/** The part of a field that is unknown, what stands there in its owner, whether the owner has nothing else, and is stated. */
type Unknown = {
  readonly path: readonly string[];
  readonly depth: number;
  readonly names: readonly string[];
  readonly owner: string;
  readonly isSure: boolean;
  readonly isStated: boolean;
};

/** Tells an unknown part of a field; a near miss of a name that is surely right is a lapse. */
function tell({ path, depth, names, owner, isSure, isStated }: Unknown, { findings, at }: FieldPlace): void {
  const field = path.join(".");
  const part = path[depth] ?? "";
  const same = names.find((name) => name.toLowerCase() === part.toLowerCase());
  const meant = (name: string): string => path.with(depth, name).join(".");
  if (same !== undefined) {
    findings.warning("field_case", at, {
      message: `the field \`${field}\` is written \`${meant(same)}\` in CloudTrail records, and case counts`,
      value: field,
      remedy: `write ${meant(same)}`,
    });
    return;
  }
  const near = findings.near(part, names, isSure ? NEAR : 1);
  if (near === null && !isSure) return;
  const message = `${owner} have no field ${field}${near === null ? "" : `; did you mean ${meant(near)}`}`;
  if (near === null) {
    const remedy = "write the field as a record of CloudTrail has it; case counts";
    findings.warning("api_field_unknown", at, { message, value: field, remedy });
  } else if (isSure && isStated)
    findings.lapse("api_field_unknown", at, { message, value: field, remedy: `write ${meant(near)}` });
  else findings.warning("api_field_unknown", at, { message, value: field, remedy: `write ${meant(near)}` });
}
