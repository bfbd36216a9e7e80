/**
 * Bodies of one's own: a JSON value of the config whose texts name fields of the alert, `{{alert.severity}}`.
 *
 * Lookup of own fields only: no code, no conditions, and what is put in is not looked at again. The result is written by
 * JSON.stringify, so nothing in an alert can leave its place. A text that is one field alone becomes the field's value; a
 * field that this alert lacks is null there and empty within a text. What no alert can have is told when the
 * configuration is checked.
 */
import { nearest } from "../../lib/nearest.ts";
import type { Alert, AlertEvidence } from "../../model/alert.ts";

const FIELD = /\{\{\s*alert((?:\.[\w-]+)+)\s*\}\}/g;
const ONE = /^\{\{\s*alert((?:\.[\w-]+)+)\s*\}\}$/;
const BRACED = /\{\{([^{}]*)\}\}/g;

/** The value with every field filled in. */
export function fillTemplate(template: unknown, alert: unknown): unknown {
  if (typeof template === "string") {
    const [, path] = ONE.exec(template) ?? [];
    if (path !== undefined) return look(alert, path) ?? null;
    return template.replace(FIELD, (_, field: string) => toText(look(alert, field)));
  }
  if (Array.isArray(template)) return template.map((one) => fillTemplate(one, alert));
  if (typeof template !== "object" || template === null) return template;
  return Object.fromEntries(Object.entries(template).map(([key, one]) => [key, fillTemplate(one, alert)]));
}

/** Names of group-by fields have dots in them, so what is left of the path is tried as one name first. */
function look(alert: unknown, path: string): unknown {
  let value = alert;
  const names = path.slice(1).split(".");
  for (const [index, name] of names.entries()) {
    if (typeof value !== "object" || value === null) return undefined;
    const rest = names.slice(index).join(".");
    if (Object.hasOwn(value, rest)) return (value as Record<string, unknown>)[rest];
    if (!Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

function toText(value: unknown): string {
  return typeof value === "string" ? value : value === undefined || value === null ? "" : JSON.stringify(value);
}

/** What a template names below a field: nothing, an index, an index and a member of evidence, any field of a rule. */
type Below = "nothing" | "index" | "evidence" | "any";
const FIELDS: Readonly<Record<keyof Alert, Below>> = {
  id: "nothing",
  revision: "nothing",
  ruleId: "nothing",
  ruleName: "nothing",
  title: "nothing",
  severity: "nothing",
  accountId: "nothing",
  accountName: "nothing",
  region: "nothing",
  principal: "nothing",
  firstEventTime: "nothing",
  lastEventTime: "nothing",
  eventIds: "index",
  eventCount: "nothing",
  attack: "index",
  atlas: "index",
  why: "nothing",
  group: "any",
  evidence: "evidence",
  late: "nothing",
  negative: "nothing",
  approx: "nothing",
  seenTime: "nothing",
};
const MEMBERS: Readonly<Record<keyof AlertEvidence, true>> = {
  time: true,
  eventId: true,
  action: true,
  sourceIPAddress: true,
  userAgent: true,
  errorCode: true,
  target: true,
};

/** A `{{…}}` that can never be filled in. */
export type TemplateFault = { readonly path: readonly PropertyKey[]; readonly message: string };

/** Every `{{…}}` of a template that names no field of an alert, with the nearest that does. */
export function findTemplateFaults(template: unknown, path: readonly PropertyKey[] = []): readonly TemplateFault[] {
  if (typeof template === "string")
    return [...template.matchAll(BRACED)].flatMap(([whole, inner = ""]) => {
      const near = findNearest(inner.trim());
      return near === null ? [] : [{ path, message: `${whole} names no field of an alert; ${near}` }];
    });
  if (typeof template !== "object" || template === null) return [];
  return Object.entries(template).flatMap(([key, one]) => {
    const at = [...path, Array.isArray(template) ? Number(key) : key];
    const named = key.includes("{{") ? [{ path: at, message: `${key}: fields are filled in in values only` }] : [];
    return [...named, ...findTemplateFaults(one, at)];
  });
}

/** Null when the name is a field; else what to write instead. */
function findNearest(name: string): string | null {
  const [first = "", ...below] = name.replace(/^alert\./, "").split(".");
  if (!isName(FIELDS, first)) {
    const near = nearest(first, Object.keys(FIELDS));
    return near === null ? "fields are those of docs/alert.md, as {{alert.severity}}" : say(near);
  }
  const near = [first, ...findBelow(FIELDS[first], below)].join(".");
  return name === `alert.${near}` ? null : say(near);
}

/** The path below a field as it is, where it can be; else the nearest. */
function findBelow(what: Below, below: readonly string[]): readonly string[] {
  if (what === "nothing" || below.length === 0) return [];
  if (what === "any") return below.every((one) => /^[\w-]+$/.test(one)) ? below : [];
  const [head = "", ...rest] = below;
  const index = /^\d+$/.test(head) ? head : "0";
  if (what === "index" || (rest.length === 0 && index === head)) return [index];
  const member = rest[0] ?? head;
  return [index, isName(MEMBERS, member) ? member : (nearest(member, Object.keys(MEMBERS)) ?? "action")];
}

function isName<T extends object>(names: T, name: string): name is Extract<keyof T, string> {
  return Object.hasOwn(names, name);
}

function say(field: string): string {
  return `did you mean {{alert.${field}}}?`;
}
