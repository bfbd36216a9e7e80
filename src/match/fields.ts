/**
 * The fields `enrich.*`: what rules may read beside the record, computed before the match.
 *
 * Each is a pure function of the event and of the configuration given here: same event, same value, on every machine. A
 * field is computed at most once an event, and only when a rule that may match reads it. What needs state is no field of
 * this table. To add one: a line in FIELDS (or a family as calendars), a test, and its row in docs/fields.md follows.
 */
import type { Event, Json } from "../model/event.ts";
import type { FieldTable } from "../sigma/compile.ts";
import { type Calendar, compileCalendar, DEFAULT_CALENDAR } from "./calendar.ts";
import { amountField, beforeField, riseField, timesField } from "./cost.ts";
import { deniedField } from "./denied.ts";
import { countField, modelField, requestedField } from "./gpu.ts";
import { blockedField, intervenedField, modelIdField, modelUsdField, tokensField } from "./invocation.ts";
import { priceKnownField, usdField } from "./price.ts";

/** A field, with the sentence and type that docs/fields.md shows. */
export type FieldDefinition = {
  readonly type: "text" | "boolean" | "number";
  readonly what: string;
  readonly compute: (event: Event) => Json;
};

/** Fields that need no configuration. */
export const FIELDS: Readonly<Record<string, FieldDefinition>> = {
  "enrich.principal.id": {
    type: "text",
    what: "Who acted: the first of sessionIssuer.arn, arn, principalId, invokedBy that is neither missing nor empty. Of an arn `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION` the role, `arn:aws:iam::ACCOUNT:role/ROLE`, and of a principal id `AROA…:SESSION` the role's part, so that rotating session names change nothing; the path of the role is not in it.",
    compute: (event) => event.principal.id,
  },
  "enrich.principal.name": {
    type: "text",
    what: "Short name of who acted: the last part of the id's path.",
    compute: (event) => event.principal.name,
  },
  "enrich.principal.kind": {
    type: "text",
    what: "human, workload, service, root or unknown.",
    compute: (event) => event.principal.kind,
  },
  "enrich.principal.session": {
    type: "text",
    what: "Session name of an assumed role, else empty.",
    compute: (event) => event.principal.session,
  },
  "enrich.denied": {
    type: "boolean",
    what: "The call failed because a permission was missing, however the service spells it: the caller's, or that of a role or key which the call makes use of (`KMSAccessDeniedException`).",
    compute: deniedField,
  },
  "enrich.gpu.requested": {
    type: "number",
    what: "Accelerators that the call asks for: those of the instance type × the number of instances, arrays added up; of types to choose from the largest. A call that changes a size counts the whole new size. A dedicated host counts as one instance of its type, or as the smallest of its family: how many it holds is in no record. 0 for every other call, and where a record does not tell: a changed fleet whose types or size it does not name, a changed capacity reservation, a capacity block that is extended or whose purchase was refused, nodes for a cluster's group whose type neither request nor response names. A fraction where the type has a share of one.",
    compute: requestedField,
  },
  "enrich.gpu.count": {
    type: "number",
    what: "The same for a call that succeeded, from its response where that tells; else 0.",
    compute: countField,
  },
  "enrich.gpu.model": {
    type: "text",
    what: 'Model of these accelerators such as "H100", each once; of a failed call, of those asked for. Absent where there are none.',
    compute: modelField,
  },
  "enrich.usd_per_hour": {
    type: "number",
    what: "List price of the instances with accelerators that the call was given (of a failed call: asked for), in USD per hour, on demand, in the record's Region. Types without a known price are left out; absent where none is known.",
    compute: usdField,
  },
  "enrich.price.known": {
    type: "boolean",
    what: "false: the call names a type with accelerators whose price in this Region is not known. Absent where it names no such type.",
    compute: priceKnownField,
  },
  "enrich.model.id": {
    type: "text",
    what: "Model-invocation log: id of the model or inference profile that was called, without the ARN around it.",
    compute: modelIdField,
  },
  "enrich.model.tokens": {
    type: "number",
    what: "Model-invocation log: tokens of the call, in and out, read from and written to the cache.",
    compute: tokensField,
  },
  "enrich.model.usd": {
    type: "number",
    what: "Model-invocation log: list price of these tokens in USD, on demand. Absent where the price of the model is not known, as of an inference profile of your own.",
    compute: modelUsdField,
  },
  "enrich.guardrail.intervened": {
    type: "boolean",
    what: "Model-invocation log: a guardrail stopped or changed the answer. Absent where the log has no output (too large, or text logging is off).",
    compute: intervenedField,
  },
  "enrich.guardrail.blocked": {
    type: "text",
    what: "Model-invocation log: policies of the guardrail that blocked something: topicPolicy, contentPolicy, wordPolicy, sensitiveInformationPolicy, contextualGroundingPolicy. Absent where none did.",
    compute: blockedField,
  },
  "enrich.cost.amount": {
    type: "number",
    what: "Row of costs: its UnblendedCost as a number, in the unit of the row (USD; CNY in China).",
    compute: amountField,
  },
  "enrich.cost.before": {
    type: "number",
    what: "Row of costs: the highest such amount of the same dimensions in the days before it (14; of an hourly row, the 24 hours before it). 0 where there was none.",
    compute: beforeField,
  },
  "enrich.cost.rise": {
    type: "number",
    what: "Row of costs: how much more it is than that.",
    compute: riseField,
  },
  "enrich.cost.times": {
    type: "number",
    what: "Row of costs: how many times that it is. Absent where that is 0.",
    compute: timesField,
  },
};

/** The calendar that shipped rules ask for; `accounts.ID.calendar` puts another in its place for one account. */
export const BUSINESS_CALENDAR = "business";

/** What the fields take from the configuration. */
export type FieldOptions = {
  readonly calendars: Readonly<Record<string, Calendar>>;
  /** Account id → name of its calendar. */
  readonly accountCalendars: Readonly<Record<string, string>>;
};

/**
 * The table of all fields. `business` is there without configuration (Mon–Fri 07:00–20:00 UTC).
 * Throws config_invalid where a calendar cannot be read. An account whose calendar does not exist keeps `business`.
 */
export function createFields(options: FieldOptions): FieldTable {
  const table = new Map<string, (event: Event) => Json>();
  for (const [name, field] of Object.entries(FIELDS)) table.set(name, field.compute);
  const calendars = new Map(Object.entries({ [BUSINESS_CALENDAR]: DEFAULT_CALENDAR, ...options.calendars }));
  const tests = new Map([...calendars].map(([name, calendar]) => [name, compileCalendar(name, calendar)] as const));
  const own = new Map(
    Object.entries(options.accountCalendars).map(([account, name]) => [account, tests.get(name)] as const),
  );
  for (const [name, isOpen] of tests) {
    table.set(
      `enrich.calendar.${name}.open`,
      name === BUSINESS_CALENDAR
        ? (event) => (own.get(event.accountId) ?? isOpen)(event.timeMs)
        : (event) => isOpen(event.timeMs),
    );
  }
  return table;
}
