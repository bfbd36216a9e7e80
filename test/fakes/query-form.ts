/**
 * The Query protocols of AWS (SNS, STS, IAM; with small differences EC2): a form in, XML out.
 *
 * The SDK has only the client's half of these. Forms: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html and
 * …/aws-ec2-query-protocol.html. Pure.
 */
import type { Shape } from "./schema.ts";

type Traits = { readonly xmlName?: string; readonly ec2QueryName?: string; readonly xmlFlattened?: unknown };

function traitsOf(shape: Shape): Traits {
  return shape.getMergedTraits();
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function formName(key: string, member: Shape, isEc2: boolean): string {
  const { ec2QueryName, xmlName } = traitsOf(member);
  return isEc2 ? (ec2QueryName ?? capital(xmlName ?? key)) : (xmlName ?? key);
}

/** The value of a shape in a form, undefined where the form has none. */
export function readForm(
  shape: Shape,
  form: URLSearchParams,
  at: { readonly prefix: string; readonly isEc2: boolean },
): unknown {
  const { prefix, isEc2 } = at;
  if (shape.isStructSchema()) {
    const entries = [...shape.structIterator()].map(([key, member]) => {
      const name = formName(key, member, isEc2);
      return [key, readForm(member, form, { prefix: prefix === "" ? name : `${prefix}.${name}`, isEc2 })] as const;
    });
    const given = entries.filter(([, value]) => value !== undefined);
    return given.length > 0 || prefix === "" ? Object.fromEntries(given) : undefined;
  }
  if (shape.isListSchema()) return readList(shape, form, at);
  if (shape.isMapSchema()) return readMap(shape, form, at);
  const text = form.get(prefix);
  if (text === null) return undefined;
  if (shape.isBooleanSchema()) return text === "true";
  if (shape.isNumericSchema()) return Number(text);
  return shape.isTimestampSchema() ? new Date(text) : text;
}

type Place = Parameters<typeof readForm>[2];

function readList(shape: Shape, form: URLSearchParams, { prefix, isEc2 }: Place): unknown {
  const value = shape.getValueSchema();
  const isFlat = isEc2 || traitsOf(shape).xmlFlattened !== undefined;
  const inner = isFlat ? prefix : `${prefix}.${traitsOf(value).xmlName ?? "member"}`;
  const items: unknown[] = [];
  for (;;) {
    const item = readForm(value, form, { prefix: `${inner}.${items.length + 1}`, isEc2 });
    if (item === undefined) return items.length === 0 ? undefined : items;
    items.push(item);
  }
}

function readMap(shape: Shape, form: URLSearchParams, { prefix, isEc2 }: Place): unknown {
  const isFlat = isEc2 || traitsOf(shape).xmlFlattened !== undefined;
  const keyName = traitsOf(shape.getKeySchema()).xmlName ?? "key";
  const valueName = traitsOf(shape.getValueSchema()).xmlName ?? "value";
  const entries: [string, unknown][] = [];
  for (;;) {
    const entry = `${prefix}${isFlat ? "" : ".entry"}.${entries.length + 1}`;
    const key = form.get(`${entry}.${keyName}`);
    if (key === null) return entries.length === 0 ? undefined : Object.fromEntries(entries);
    entries.push([key, readForm(shape.getValueSchema(), form, { prefix: `${entry}.${valueName}`, isEc2 })]);
  }
}

/** Text of an XML element. */
export function escapeXml(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (char) => names[char] as string);
}

/** A value as an element `name`; a structure's members stand in it, "" for what is missing. */
export function writeXml(shape: Shape, value: unknown, at: { readonly name: string; readonly isEc2: boolean }): string {
  const { name, isEc2 } = at;
  if (value === undefined || value === null) return "";
  if (shape.isStructSchema()) return `<${name}>${writeMembers(shape, value, isEc2)}</${name}>`;
  if (shape.isListSchema()) {
    const isFlat = traitsOf(shape).xmlFlattened !== undefined;
    const inner = traitsOf(shape.getValueSchema()).xmlName ?? (isEc2 ? "item" : "member");
    const items = (value as readonly unknown[]).map((item) =>
      writeXml(shape.getValueSchema(), item, { name: isFlat ? name : inner, isEc2 }),
    );
    return isFlat ? items.join("") : `<${name}>${items.join("")}</${name}>`;
  }
  if (shape.isMapSchema()) {
    const entries = Object.entries(value).map(
      ([key, item]) =>
        `<entry><key>${escapeXml(key)}</key>${writeXml(shape.getValueSchema(), item, { name: "value", isEc2 })}</entry>`,
    );
    return `<${name}>${entries.join("")}</${name}>`;
  }
  return `<${name}>${value instanceof Date ? value.toISOString() : escapeXml(`${value as string | number}`)}</${name}>`;
}

/** The members of a structure, without an element around them. */
export function writeMembers(shape: Shape, value: unknown, isEc2: boolean): string {
  const object = value as Readonly<Record<string, unknown>>;
  return [...shape.structIterator()]
    .map(([key, member]) => writeXml(member, object[key], { name: traitsOf(member).xmlName ?? key, isEc2 }))
    .join("");
}
