/**
 * Random records and ways of writing them down: the inputs of every test that splits.
 *
 * A record has the marks of its kind and anything else under other keys; a layout is one of the shapes in which AWS hands
 * records out; a style says which white space stands between tokens and which characters are escaped.
 */
import fc from "fast-check";

/** No key that is one backslash: once it has met one, V8 13.6's JSON.parse takes any escaped key of one character for it. */
const KEYS = [
  "Records",
  "Events",
  "detail",
  "detail-type",
  "userIdentity",
  "eventName",
  "a",
  "",
  "é",
  '"',
  "a\\b",
  "\n",
  "__proto__",
];

/** Any JSON value, with keys and texts that mean something to the splitter. */
const anyValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(
      null,
      true,
      false,
      0,
      -1.5,
      1e21,
      12345678901234567n.toString(),
      '{"Records":[',
      "]}",
      "\u{1f600}",
      "\ud800",
    ),
    fc.string({ unit: "binary", maxLength: 8 }),
    fc.integer(),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...KEYS.slice(1)), tie("value"), { maxKeys: 3 }),
  ),
})).value;

/** A record: marks of its kind, and anything under other keys. */
export const anyRecord: fc.Arbitrary<Record<string, unknown>> = fc.record(
  {
    eventVersion: fc.constant("1.08"),
    eventID: fc.string({ unit: "binary", maxLength: 6 }),
    requestParameters: anyValue,
    userIdentity: anyValue,
  },
  { requiredKeys: ["eventVersion", "eventID"] },
);

/** How a value is written: white space between tokens, and which characters are escaped. */
export type Style = { readonly spaces: readonly string[]; readonly escapes: number };
export const anyStyle: fc.Arbitrary<Style> = fc.record({
  spaces: fc.array(fc.constantFrom("", "", " ", "\n", "\t", "\r\n  "), { minLength: 1, maxLength: 7 }),
  escapes: fc.nat(5),
});

/** Writes JSON with the style's white space and escapes; the same value always reads back. */
export function write(value: unknown, style: Style, tick = { at: 0 }): string {
  const gap = (): string => style.spaces[tick.at++ % style.spaces.length]!;
  const text = (plain: string): string =>
    JSON.stringify(plain).replace(/[a-zA-Z]/g, (letter, at: number, all: string) =>
      all[at - 1] !== "\\" && !/\\u.{0,3}$/.test(all.slice(0, at)) && (at + tick.at) % 5 < style.escapes - 3
        ? `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`
        : letter,
    );
  if (Array.isArray(value))
    return `[${gap()}${value.map((item) => write(item, style, tick)).join(`${gap()},${gap()}`)}${gap()}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value).map(
      ([key, item]) => `${text(key)}${gap()}:${gap()}${write(item, style, tick)}`,
    );
    return `{${gap()}${members.join(`${gap()},${gap()}`)}${gap()}}`;
  }
  return typeof value === "string" ? text(value) : JSON.stringify(value);
}

/** Writes records in one shape. */
export type Layout = (records: readonly Record<string, unknown>[], style: Style) => string;
/** No white space, nothing escaped. */
export const compact: Style = { spaces: [""], escapes: 0 };
const toEnvelope = (detail: unknown): Record<string, unknown> => ({
  version: "0",
  "detail-type": "AWS API Call via CloudTrail",
  source: "aws.x",
  detail,
  resources: ["{"],
});
/** The shapes, by name. */
export const layouts: Readonly<Record<string, Layout>> = {
  container: (records, style) => write({ Records: records }, style),
  "container between other keys": (records, style) =>
    write({ x: [{ y: "]" }], Records: records, z: { Records: [1] } }, style),
  array: (records, style) => write(records, style),
  lines: (records) => records.map((record) => write(record, compact)).join("\n"),
  "values behind one another": (records, style) => records.map((record) => write(record, style)).join(style.spaces[0]),
  envelopes: (records, style) => records.map((record) => write(toEnvelope(record), style)).join("\n"),
  "array of envelopes": (records, style) => write(records.map(toEnvelope), style),
  rows: (records, style) =>
    write({ Events: records.map((record) => ({ EventId: "x", CloudTrailEvent: write(record, style) })) }, style),
  pages: (records) => records.map((record) => write({ Records: [record] }, compact)).join("\n"),
};
/** A shape and a style. */
export const anyWriting: fc.Arbitrary<{ layout: string; style: Style }> = fc.record({
  layout: fc.constantFrom(...Object.keys(layouts)),
  style: anyStyle,
});
