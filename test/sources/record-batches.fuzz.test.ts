/**
 * Splitting held against JSON.parse on random records in random layouts, cut into pieces at any byte; and against damage:
 * no bytes crash it, and what stands before the damage, or on other lines, comes out whole.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Outcome, splitRecords, summary } from "./outcomes.ts";

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
const anyRecord: fc.Arbitrary<Record<string, unknown>> = fc.record(
  {
    eventVersion: fc.constant("1.08"),
    eventID: fc.string({ unit: "binary", maxLength: 6 }),
    requestParameters: anyValue,
    userIdentity: anyValue,
  },
  { requiredKeys: ["eventVersion", "eventID"] },
);

/** How a value is written: white space between tokens, and which characters are escaped. */
type Style = { readonly spaces: readonly string[]; readonly escapes: number };
const anyStyle: fc.Arbitrary<Style> = fc.record({
  spaces: fc.array(fc.constantFrom("", "", " ", "\n", "\t", "\r\n  "), { minLength: 1, maxLength: 7 }),
  escapes: fc.nat(5),
});

/** Writes JSON with the style's white space and escapes; the same value always reads back. */
function write(value: unknown, style: Style, tick = { at: 0 }): string {
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

type Layout = (records: readonly Record<string, unknown>[], style: Style) => string;
const compact: Style = { spaces: [""], escapes: 0 };
const toEnvelope = (detail: unknown): Record<string, unknown> => ({
  version: "0",
  "detail-type": "AWS API Call via CloudTrail",
  source: "aws.x",
  detail,
  resources: ["{"],
});
const layouts: Readonly<Record<string, Layout>> = {
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
const anyWriting = fc.record({ layout: fc.constantFrom(...Object.keys(layouts)), style: anyStyle });

const parse = (outcomes: readonly Outcome[]): unknown[] =>
  outcomes.map(({ text }) => JSON.parse(Buffer.from(text, "latin1").toString()));
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
/** As UTF-8 has them: a lone surrogate written raw becomes U+FFFD. JSON.stringify escapes them, so only identity is left. */
const same = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe("valid input", () => {
  test("splitting finds what JSON.parse finds, in any layout and any cut", () => {
    fc.assert(
      fc.property(
        fc.array(anyRecord, { maxLength: 6 }),
        anyWriting,
        fc.integer({ min: 1, max: 90 }),
        (records, { layout, style }, pieceBytes) => {
          const input = encode(layouts[layout]!(records, style));
          const result = splitRecords(input, pieceBytes);
          expect(summary(result)).toEqual(records.map(() => "cloudtrail"));
          expect(parse(result.outcomes)).toEqual(same(records));
          expect(splitRecords(input, 1 << 20).outcomes).toEqual(result.outcomes);
        },
      ),
      { numRuns: 400 },
    );
  });

  test("every single cut of a document in two gives the same", () => {
    const records = [
      { eventVersion: "1", eventID: 'é\\"', a: [1.5e-7, null] },
      { eventVersion: "1", eventID: "\u{1f600}", userIdentity: { type: "x" } },
    ];
    for (const layout of Object.keys(layouts)) {
      const input = encode(layouts[layout]!(records, { spaces: [" ", "\n", ""], escapes: 5 }));
      const whole = splitRecords(input).outcomes;
      expect(parse(whole)).toEqual(records);
      for (let cut = 1; cut < input.length; cut += 1) expect(splitRecords(input, cut).outcomes).toEqual(whole);
    }
  });
});

/** One byte changed, put in or taken out, or all behind it cut off. */
const anyDamage = fc.record({
  how: fc.constantFrom("change", "insert", "remove", "cut"),
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  byte: fc.oneof(
    fc.constantFrom(...'{}[]":,\\\n '.split("").map((char) => char.charCodeAt(0))),
    fc.integer({ min: 0, max: 255 }),
  ),
});
type Damage = { readonly how: string; readonly at: number; readonly byte: number };

function harm(input: Uint8Array, { how, byte }: Damage, at: number): Uint8Array {
  const [head, tail] = [input.subarray(0, at), input.subarray(at)];
  if (how === "cut") return head;
  if (how === "remove") return Buffer.concat([head, tail.subarray(1)]);
  return Buffer.concat([head, Uint8Array.of(byte), how === "insert" ? tail : tail.subarray(1)]);
}

describe("damaged input", () => {
  test("what ends before the damage comes out whole, and all pieces give the same", () => {
    fc.assert(
      fc.property(
        fc.array(anyRecord, { minLength: 1, maxLength: 5 }),
        anyWriting,
        anyDamage,
        (records, { layout, style }, damage) => {
          const input = encode(layouts[layout]!(records, style));
          const at = Math.floor(damage.at * input.length);
          const harmed = harm(input, damage, at);
          const result = splitRecords(harmed, 1 << 20);
          expect(splitRecords(harmed, 5).outcomes).toEqual(result.outcomes);
          const head = splitRecords(input.subarray(0, at)).outcomes;
          const end = head.findIndex(({ is }) => is !== "cloudtrail");
          const before = head.slice(0, end === -1 ? head.length : end);
          expect(result.outcomes.slice(0, before.length)).toEqual(before);
        },
      ),
      { numRuns: 800 },
    );
  });

  test("of lines, only the damaged one is lost", () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { minLength: 3, maxLength: 6 }), fc.nat(), anyDamage, (records, pick, damage) => {
        const texts = records.map((record) => write(record, compact));
        const hit = pick % texts.length;
        const line = encode(texts[hit]!);
        const at = Math.floor(damage.at * line.length);
        const harmed = harm(line, damage, at);
        const input = Buffer.concat(
          texts.flatMap((text, index) => [index === hit ? harmed : encode(text), encode("\n")]),
        );
        const found = splitRecords(input)
          .outcomes.filter(({ is }) => is === "cloudtrail")
          .map(({ text }) => text);
        const others = texts.filter((_, index) => index !== hit).map((text) => Buffer.from(text).toString("latin1"));
        expect(found).toEqual(expect.arrayContaining(others));
      }),
      { numRuns: 800 },
    );
  });

  test("no bytes crash it, and each is counted", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.array(
          fc.constantFrom(
            '{"Records":[',
            "{",
            "}",
            "[",
            "]",
            '"',
            ",",
            ":",
            "\n{",
            "\\",
            "1",
            "null",
            '"detail":',
            '"eventID":1,"eventName":',
          ),
          { maxLength: 30 },
        ),
        (noise, tokens) => {
          for (const input of [noise, encode(tokens.join("")), Buffer.concat([encode(tokens.join("")), noise])]) {
            const result = splitRecords(input, 3);
            expect(splitRecords(input).outcomes).toEqual(result.outcomes);
            expect(result.batches.at(-1)).toMatchObject({ isLast: true, upTo: result.read });
          }
        },
      ),
      { numRuns: 800 },
    );
  });
});

describe("corpus", () => {
  const folder = join(import.meta.dirname, "../fixtures/split");
  const files = readdirSync(folder).filter((name) => name.endsWith(".bin"));
  test.for(files)("%s", (name, { expect }) => {
    const input = readFileSync(join(folder, name));
    const wanted = JSON.parse(readFileSync(join(folder, name.replace(/\.bin$/, ".json")), "utf8")) as {
      outcomes: string[];
      skipped: Record<string, number>;
    };
    for (const pieceBytes of [1, 2, 5, 1 << 20]) {
      const result = splitRecords(input, pieceBytes);
      expect({ outcomes: summary(result), skipped: result.skipped }).toEqual(wanted);
    }
  });
});
