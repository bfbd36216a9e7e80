/**
 * The generated table as look-ups: event sources, their operations, and the members of request parameters.
 *
 * Read when the first CloudTrail rule is checked, and once a process. Names of sources and events are found without case,
 * as Sigma compares values; members keep it, as fields do. Knows nothing of rules.
 */
import { SERVICE_EVENTS, SERVICE_SOURCES } from "./service-events.ts";
import { MEMBER_NAMES, OPERATIONS, OTHER_SOURCES, SHAPES } from "./table.ts";

/** What a source writes to CloudTrail. */
export type Source = {
  readonly name: string;
  /** True when every event name is known, so that another one is a mistake. */
  readonly isWhole: boolean;
  /** True when parameters are spelled as the API does, with a lower first letter. */
  readonly isSpelled: boolean;
  /** Event names in lower case → how an event is called and what it takes. */
  readonly events: ReadonlyMap<string, ApiEvent>;
};

/** `shape` and `response` null: nothing is known of its parameters, or of what it answers. `loggedAs`: how records call it, when not by its own name. */
export type ApiEvent = {
  readonly name: string;
  readonly shape: number | null;
  readonly response: number | null;
  readonly loggedAs: string | null;
};

const UNKNOWN = { shape: null, response: null, loggedAs: null } as const;

/** A member of a shape: another shape below, anything below, or a value. */
export type Member = number | "open" | null;

/** The look-ups. */
export type ApiNames = {
  /** By name in lower case. */
  readonly sources: ReadonlyMap<string, Source>;
  /** Members of a shape by name. */
  members(shape: number): ReadonlyMap<string, Member>;
};

let read: ApiNames | null = null;

/** The look-ups, made at the first call. */
export function apiNames(): ApiNames {
  return (read ??= readTable());
}

function readTable(): ApiNames {
  const names = MEMBER_NAMES.split(/\s/);
  const lines = SHAPES.split("\n");
  const shapes = new Map<number, ReadonlyMap<string, Member>>();
  const sources = new Map<string, Source>();
  let events = new Map<string, ApiEvent>();
  for (const line of OPERATIONS.split("\n")) {
    const [name = "", ...rest] = line.split(" ");
    if (name === "=") {
      const [source = "", ...marks] = rest;
      events = new Map(toServiceEvents(source));
      const isWhole = marks.includes("whole");
      sources.set(source.toLowerCase(), { name: source, isWhole, isSpelled: marks.includes("spelled"), events });
    } else if (rest[0] === ">") events.set(name.toLowerCase(), { ...UNKNOWN, name, loggedAs: rest[1] ?? "" });
    else {
      const [shape, response] = rest;
      const known = { shape: Number(shape), response: response === undefined ? null : Number(response) };
      events.set(name.toLowerCase(), { name, ...known, loggedAs: null });
    }
  }
  for (const source of [...OTHER_SOURCES.split(/\s/), ...SERVICE_SOURCES, ...Object.keys(SERVICE_EVENTS)]) {
    if (sources.has(source.toLowerCase())) continue;
    const own = new Map(toServiceEvents(source));
    sources.set(source.toLowerCase(), { name: source, isWhole: false, isSpelled: false, events: own });
  }
  return {
    sources,
    members: (shape) => {
      const known = shapes.get(shape) ?? toMembers(lines[shape] ?? "", names);
      shapes.set(shape, known);
      return known;
    },
  };
}

function toServiceEvents(source: string): [string, ApiEvent][] {
  return (SERVICE_EVENTS[source] ?? []).map((name) => [name.toLowerCase(), { ...UNKNOWN, name }]);
}

function toMembers(line: string, names: readonly string[]): ReadonlyMap<string, Member> {
  return new Map(
    (line === "" ? [] : line.split(" ")).map((token) => {
      const [, head = "", , inner] = /^([^>*]+)(\*|>(\d+))?$/.exec(token) ?? [];
      const name = /^\d+$/.test(head) ? (names[Number(head)] ?? "") : head;
      return [name, inner === undefined ? (token.endsWith("*") ? "open" : null) : Number(inner)];
    }),
  );
}

/** The name without the API's date, which some services put behind it: ListFunctions20150331, UpdateFunctionCode20150331v2. */
export function withoutDate(event: string): string {
  return event.replace(/(?:19|20)\d{6}(?:v\d+)?$/i, "");
}

/** Services that a message names; a name that more of them have is nobody's. */
export const SOURCES_TOLD = 3;

/** "sagemaker", "s3 and iam". */
export function toShort(sources: readonly Source[]): string {
  const names = sources.map(({ name }) => name.replace(/\.amazonaws\.com$/, ""));
  return names.length > SOURCES_TOLD ? `${names.slice(0, SOURCES_TOLD).join(", ")} …` : names.join(" and ");
}
