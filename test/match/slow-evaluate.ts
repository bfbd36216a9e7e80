/**
 * A second, slow evaluation of Sigma expressions, against which the real one is held.
 *
 * Written from the semantics alone: no index, no shared leaves, no caches, nothing of src/sigma/leaf or src/sigma/plan.
 * Wildcards by dynamic programming over code points, networks by big integers, expressions by the runtime's own engine.
 */
import { DateTime } from "luxon";
import type { Event, Json } from "../../src/model/event.ts";
import type { DetectionRule, Expression, Pattern, RuleSet, Test, TextStep } from "../../src/sigma/ast.ts";
import type { ListTable } from "../../src/sigma/compile.ts";

/** Detections of the rule set that the event meets, in the order of the set. */
export function slowMatches(ruleSet: RuleSet, event: Event, lists: ListTable): DetectionRule[] {
  const [product, service] = event.logsource.split("/");
  return ruleSet.detections.filter(({ logsource, expression }) => {
    if (Object.keys(logsource.custom ?? {}).length > 0) return false;
    const stated: [string | null, string | undefined][] = [
      [logsource.product, product],
      [logsource.service, service],
      [logsource.category, undefined],
    ];
    return stated.every(([want, have]) => want === null || want === have) && slowEvaluate(expression, event, lists);
  });
}

/** The truth of an expression. */
export function slowEvaluate(expression: Expression, event: Event, lists: ListTable): boolean {
  switch (expression.op) {
    case "and":
      return expression.of.every((part) => slowEvaluate(part, event, lists));
    case "or":
      return expression.of.some((part) => slowEvaluate(part, event, lists));
    case "not":
      return !slowEvaluate(expression.of, event, lists);
    case "member":
      return ofMembers(expression, event, lists);
    case "leaf":
      return expression.field === null
        ? keyword(expression.test, event, lists)
        : fieldLeaf(expression.field, expression.test, { event, lists });
  }
}

/** Counts the members of all arrays at the field for which the inside is true, then asks the quantifier. */
function ofMembers(
  { field, which, of }: Extract<Expression, { op: "member" }>,
  event: Event,
  lists: ListTable,
): boolean {
  const values = wholeValues(event.record, field === "." ? [] : field.split("."));
  const arrays = values.filter((value) => Array.isArray(value)) as Json[][];
  const members = arrays.flatMap((array) =>
    array.filter((_member, index) => typeof which !== "number" || index === which || index - array.length === which),
  );
  const good = members.filter((member) => slowEvaluate(of, { ...event, record: member as Event["record"] }, lists));
  if (which === "none") return good.length === 0;
  if (which === "all_or_empty") return good.length === members.length;
  return which === "all" ? members.length > 0 && good.length === members.length : good.length > 0;
}

/** What stands at a path, arrays left whole; one for each branch. */
function wholeValues(value: Json, parts: readonly string[]): Json[] {
  if (parts.length === 0) return [value];
  if (Array.isArray(value)) return (value as Json[]).flatMap((member) => wholeValues(member, parts));
  if (typeof value !== "object" || value === null) return [];
  for (let length = parts.length; length > 0; length -= 1) {
    const entry = Object.entries(value).find(([key]) => key === parts.slice(0, length).join("."));
    const isThere = entry !== undefined && resolve(entry[1], parts.slice(length)) !== null;
    if (isThere) return wholeValues(entry[1], parts.slice(length));
  }
  return [];
}

/** Values of a field, arrays flattened; null when the key stands nowhere. */
export function slowValues(event: Event, field: string): Json[] | null {
  if (field.startsWith("enrich.")) return [computed(event, field)];
  if (field === ".") return flatten(event.record);
  return resolve(event.record, field.split("."));
}

/** A field that is computed: the ones that need no configuration, and office hours in UTC. */
function computed(event: Event, field: string): Json {
  const { principal } = event;
  if (field === "enrich.principal.id") return principal.id;
  if (field === "enrich.principal.name") return principal.name;
  if (field === "enrich.principal.kind") return principal.kind;
  if (field === "enrich.principal.session") return principal.session;
  if (field === "enrich.calendar.business.open") {
    const time = DateTime.fromMillis(event.timeMs, { zone: "utc" });
    return time.weekday <= 5 && time.hour >= 7 && time.hour < 20;
  }
  if (field === "enrich.denied") {
    const code = Object.hasOwn(event.record, "errorCode") ? event.record["errorCode"] : "";
    return (
      typeof code === "string" &&
      /^(.*\.)?(AccessDenied(Exception)?|Unauthorized(Operation|Exception|Access)?|Forbidden(Exception)?)$/i.test(code)
    );
  }
  throw new Error(`the slow evaluation does not know ${field}`);
}

function resolve(value: Json, parts: readonly string[]): Json[] | null {
  if (parts.length === 0) return flatten(value);
  if (Array.isArray(value)) {
    const found = (value as Json[]).map((member) => resolve(member, parts)).filter((members) => members !== null);
    return found.length === 0 ? null : found.flat();
  }
  if (typeof value !== "object" || value === null) return null;
  for (let length = parts.length; length > 0; length -= 1) {
    const entry = Object.entries(value).find(([key]) => key === parts.slice(0, length).join("."));
    const found = entry === undefined ? null : resolve(entry[1], parts.slice(length));
    if (found !== null) return found;
  }
  return null;
}

function flatten(value: Json): Json[] {
  return Array.isArray(value) ? (value as Json[]).flatMap(flatten) : [value];
}

function fieldLeaf(field: string, test: Test, world: { event: Event; lists: ListTable }): boolean {
  const values = slowValues(world.event, field);
  if (test.type === "exists") return (values !== null) === test.value;
  if (test.type === "null") return (values ?? []).every((value) => value === null);
  if (test.type === "fieldref") {
    const others = slowValues(world.event, test.field) ?? [];
    return (values ?? []).some((value) => others.some((other) => refers(test, value, other)));
  }
  return (values ?? []).some((value) => valueMeets(test, value, world.lists));
}

function refers(test: Extract<Test, { type: "fieldref" }>, value: Json, other: Json): boolean {
  const [left, right] = [scalarText(value), scalarText(other)].map((text) =>
    text === null || test.cased ? text : fold(text),
  );
  if (typeof left !== "string" || typeof right !== "string") return false;
  if (test.mode === "equals") return left === right;
  if (test.mode === "contains") return left.indexOf(right) >= 0;
  return test.mode === "startswith"
    ? left.indexOf(right) === 0
    : left.slice(left.length - right.length) === right && left.length >= right.length;
}

function keyword(test: Test, event: Event, lists: ListTable): boolean {
  const texts = scalarsBelow(event.record, 0);
  // A list of networks or expressions as keyword: the `*` around it say only that it is sought inside texts.
  const [, inner] = test.type === "text" && test.pattern.length === 3 ? test.pattern : [];
  const type = typeof inner === "object" ? lists.get(inner.list)?.type : undefined;
  const bare: Test =
    test.type === "text" && typeof inner === "object" && (type === "cidr" || type === "regex")
      ? { ...test, pattern: [inner] }
      : test;
  return texts.some((text) => valueMeets(bare, text, lists));
}

function valueMeets(test: Test, value: Json, lists: ListTable): boolean {
  switch (test.type) {
    case "text":
      return textMeets(test, value, lists);
    case "encoded":
      return substitute(test.pattern, lists)
        .flatMap((filled) => (Array.isArray(filled) ? encoded(filled, test.steps) : []))
        .some((pattern) =>
          pattern.every((part) => typeof part === "string") && typeof value === "object"
            ? false
            : textsOf(value).some((text) => glob(pattern, text, test.cased)),
        );
    case "regex": {
      const [inline = "", letters = ""] = /^\(\?([ims]+)\)/.exec(test.source) ?? [];
      const stated = `${letters}${test.ignoreCase ? "i" : ""}${test.multiline ? "m" : ""}${test.dotAll ? "s" : ""}`;
      const expression = toRegExp(test.source.slice(inline.length), [...new Set(stated)].join(""));
      return textsOf(value).some((text) => expression.test(text));
    }
    case "regex_expand": {
      const sources = test.parts.reduce<string[]>(
        (heads, part) => heads.flatMap((head) => asRegExps(part, lists).map((piece) => head + piece)),
        [""],
      );
      const flags = `${test.ignoreCase ? "i" : ""}${test.multiline ? "m" : ""}${test.dotAll ? "s" : ""}`;
      return sources.some((source) => textsOf(value).some((text) => toRegExp(source, flags).test(text)));
    }
    case "cidr":
      return typeof value === "string" && inNetwork(value, test.network);
    case "number":
      return (
        decimal(value) !== null &&
        (Number(decimal(value)) === test.value || decimal(value) === test.text) &&
        !isFarApart(value, test.text)
      );
    case "boolean":
      return value === test.value || (typeof value === "string" && value.toLowerCase() === String(test.value));
    case "compare": {
      const number = test.part === null ? toNumber(value) : timePart(value, test.part);
      if (number === null) return false;
      const order = Math.sign(number - test.value);
      return { gt: order > 0, gte: order >= 0, lt: order < 0, lte: order <= 0 }[test.operator];
    }
    case "timepart":
      return timePart(value, test.part) === test.value;
    default:
      return false;
  }
}

/** Each entry of a list as an expression of its own. */
function asRegExps(part: string | { readonly list: string }, lists: ListTable): string[] {
  if (typeof part === "string") return [part];
  const list = lists.get(part.list);
  const literal = (text: string): string => text.replace(/[^\w\s]/g, (sign) => `\\${sign}`);
  const wild = (text: string): string =>
    text
      .split(/([*?])/)
      .map((piece) => (piece === "*" ? "[^]*" : piece === "?" ? "[^]" : literal(piece)))
      .join("");
  const { type, items } = list ?? { type: "string", items: [] };
  return items.map((item) => `(?:${type === "regex" ? item : type === "wildcard" ? wild(item) : literal(item)})`);
}

/** By code points where the engine allows it; with `u` it refuses escapes such as `\"`. */
function toRegExp(source: string, flags: string): RegExp {
  try {
    return new RegExp(source, `u${flags}`);
  } catch {
    return new RegExp(source, flags);
  }
}

/** Two texts beyond 2^53 that differ though their doubles are equal. */
function isFarApart(value: Json, text: string): boolean {
  if (typeof value !== "string" || Math.abs(Number(value)) <= Number.MAX_SAFE_INTEGER) return false;
  return /^-?\d+$/.test(value) && /^-?\d+$/.test(text) && BigInt(value) !== BigInt(text);
}

function decimal(value: Json): string | null {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value) ? value : null;
}

function toNumber(value: Json): number | null {
  const text = decimal(value);
  return text === null ? null : Number(text);
}

function timePart(value: Json, part: Extract<Test, { type: "timepart" }>["part"]): number | null {
  const number = toNumber(value);
  let time: DateTime;
  if (number !== null) time = DateTime.fromMillis(Math.abs(number) < 1e11 ? number * 1000 : number, { zone: "utc" });
  else if (typeof value === "string" && /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d/i.test(value)) {
    time = DateTime.fromISO(value.replace(" ", "T"), { zone: "utc" });
  } else return null;
  if (!time.isValid) return null;
  return part === "week" ? time.weekNumber : time[part];
}

function textMeets(test: Extract<Test, { type: "text" }>, value: Json, lists: ListTable): boolean {
  const patterns = substitute(test.pattern, lists);
  return patterns.some((pattern) => {
    if (typeof pattern === "object" && "cidr" in pattern)
      return typeof value === "string" && inNetwork(value, pattern.cidr);
    if (typeof pattern === "object" && "regex" in pattern)
      return textsOf(value).some((text) => new RegExp(pattern.regex, "u").test(text));
    const isEquality = pattern.every((part) => typeof part === "string");
    if (isEquality && typeof value === "object") return false;
    return textsOf(value).some((text) => glob(pattern, text, test.cased));
  });
}

type Filled = readonly (string | 0 | 1 | 2)[] | { cidr: string } | { regex: string };

function substitute(pattern: Pattern, lists: ListTable): Filled[] {
  const [only] = pattern;
  if (pattern.length === 1 && typeof only === "object") {
    const list = lists.get(only.list);
    if (list?.type === "cidr") return list.items.map((cidr) => ({ cidr }));
    if (list?.type === "regex") return list.items.map((regex) => ({ regex }));
  }
  let filled: (string | 0 | 1 | 2)[][] = [[]];
  for (const part of pattern) {
    const pieces: (string | 0 | 1 | 2)[][] =
      typeof part !== "object"
        ? [[part]]
        : (lists.get(part.list)?.items ?? []).map((item) =>
            lists.get(part.list)?.type === "wildcard"
              ? item.split(/([*?])/).map((piece) => (piece === "*" ? 0 : piece === "?" ? 1 : piece))
              : [item],
          );
    filled = filled.flatMap((head) => pieces.map((piece) => [...head, ...piece]));
  }
  return filled;
}

type Part = string | 0 | 1 | 2;

/** The texts that one comes to by its modifiers, each with its places. */
function encoded(filled: readonly Part[], steps: readonly TextStep[]): Part[][] {
  const has = (name: string): boolean => steps.some((step) => step === name);
  const utf16 = steps.find((step) => step.startsWith("utf16") || step === "wide");
  const isBase64 = has("base64") || has("base64offset");
  const toBytes = (text: string): Buffer => {
    if (utf16 === undefined) return Buffer.from(text);
    const bytes = Buffer.from(text, "utf16le");
    if (utf16 === "utf16be") return bytes.swap16();
    return utf16 === "utf16" ? Buffer.concat([Buffer.from([0xff, 0xfe]), bytes]) : bytes;
  };
  const texts = isBase64
    ? inBase64(toBytes(filled.join("")), has("base64offset")).map((text): Part[] => [text])
    : [filled.map((part) => (typeof part === "string" ? toBytes(part).toString("latin1") : part))];
  const from = has("contains") || has("endswith") ? [0 as const] : [];
  const to = has("contains") || has("startswith") ? [0 as const] : [];
  return texts.map((text) => [...from, ...(has("windash") ? text.flatMap(withDashes) : text), ...to]);
}

/** The whole, or what stays the same of it at each place whatever bytes stand around it. */
function inBase64(bytes: Buffer, isInside: boolean): string[] {
  if (!isInside) return [bytes.toString("base64")];
  return [0, 1, 2].map((before) => {
    const [low, high] = [0x00, 0xff].map((byte) =>
      Buffer.concat([Buffer.alloc(before, byte), bytes, Buffer.alloc(3, byte)]).toString("base64"),
    );
    return Array.from(low ?? "")
      .filter((character, index) => character !== "=" && character === high?.[index])
      .join("");
  });
}

function withDashes(part: Part): Part[] {
  if (typeof part !== "string") return [part];
  return part
    .split(/(?<![\p{L}\p{N}_])[-/](?=[\p{L}\p{N}_])/u)
    .flatMap((piece, at) => (at === 0 ? [piece] : [2, piece]));
}

/** Dynamic programming: which prefixes of the text the pattern so far can cover. */
function glob(pattern: readonly (string | 0 | 1 | 2)[], text: string, cased: boolean): boolean {
  const points = Array.from(cased ? text : fold(text));
  const steps = pattern.flatMap((part): (string | 0 | 1 | 2)[] =>
    typeof part === "string" ? Array.from(cased ? part : fold(part)) : [part],
  );
  let reach = points.map(() => false);
  reach.unshift(true);
  for (const step of steps) {
    const next = reach.map(() => false);
    for (let at = 0; at < reach.length; at += 1) {
      if (step === 0) next[at] = reach[at] === true || (at > 0 && next[at - 1] === true);
      else if (at > 0)
        next[at] =
          reach[at - 1] === true &&
          (step === 1 || (step === 2 ? "-/–—―".includes(points[at - 1] ?? "x") : step === points[at - 1]));
    }
    reach = next;
  }
  return reach.at(-1) === true;
}

function fold(text: string): string {
  return text.toLowerCase().split("ς").join("σ");
}

function scalarText(value: Json): string | null {
  return value === null || typeof value === "object" ? null : String(value);
}

/** Texts that string operations see of one value. */
function textsOf(value: Json): string[] {
  if (value === null) return [];
  return typeof value === "object" ? [...scalarsBelow(value, 0), JSON.stringify(value)] : [String(value)];
}

function scalarsBelow(value: Json, depth: number): string[] {
  const text = scalarText(value);
  if (text !== null) return [text];
  if (value === null || depth >= 64) return [];
  return Object.values(value).flatMap((member) => scalarsBelow(member as Json, depth + 1));
}

function inNetwork(text: string, network: string): boolean {
  const [base = "", bits] = network.split("/");
  const [address, start] = [toBig(text), toBig(base)];
  if (address === null || start === null || address.size !== start.size) return false;
  const host = BigInt(start.size - Number(bits ?? start.size));
  return address.value >> host === start.value >> host;
}

function toBig(text: string): { value: bigint; size: 32 | 128 } | null {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text)?.[1];
  const quad = (mapped ?? text).split(".");
  if (quad.length === 4) {
    if (!quad.every((octet) => /^(0|[1-9]\d{0,2})$/.test(octet) && Number(octet) < 256)) return null;
    return { value: quad.reduce((sum, octet) => sum * 256n + BigInt(octet), 0n), size: 32 };
  }
  if (!/^[0-9a-f:]+$/i.test(text) || !text.includes(":")) return null;
  const sides = text.split("::").map((side) => (side === "" ? [] : side.split(":")));
  const [head = [], tail = []] = sides;
  const missing = 8 - head.length - tail.length;
  if (sides.length > 2 || (sides.length === 2 ? missing < 1 : missing !== 0)) return null;
  const groups = [...head, ...Array.from({ length: missing }, () => "0"), ...tail];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  return { value: groups.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n), size: 128 };
}
