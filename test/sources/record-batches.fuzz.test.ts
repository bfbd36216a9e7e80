/**
 * Splitting held against JSON.parse on random records in random layouts, cut into pieces at any byte; and against damage:
 * no bytes crash it, and what stands before the damage, or on other lines, comes out whole.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyRecord, anyWriting, compact, layouts, write } from "./any-records.ts";
import { type Outcome, splitRecords, summary } from "./outcomes.ts";

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
