/**
 * The quick look at an object vouches for what a parser takes, and tells where values stand.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type PlainKeys, PlainScanner } from "../../src/lib/split/plain.ts";
import { PLAIN_WASM_SOURCE } from "../../src/lib/split/plain-wasm.ts";
import { hashSource } from "../../tools/make-plain-wasm.ts";

const keys: PlainKeys = {
  names: ["id", "who", "time", "list"],
  marks: 2,
  inner: 1,
  unusual: 0,
  placed: { item: [2, 0], inner: [0] },
};
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Whether the whole text is vouched for. Something stands behind it, as in life. */
function isPlain(text: string, depth = 64): boolean {
  const bytes = encode(`${text},`);
  return new PlainScanner(keys, depth).scan(bytes, 0, bytes.length) === bytes.length - 1;
}

/** Whether a parser takes the text, with no number that it might not take exactly. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return !/:\s*-?[\d.]*(?:[eE]|\d{16})/.test(text);
  } catch {
    return false;
  }
}

const from = (chars: string, maxLength: number): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...chars.split("")), { maxLength }).map((parts) => parts.join(""));

describe("an object without followed keys is plain exactly when a parser takes it", () => {
  test.for([
    ["numbers", from("-+.eE0123", 7)],
    ["literals", from("truefalsn", 6)],
    ["texts", from('abcdefgh\\u0041"/n\n\u0001é{[', 24).map((body) => `"${body}"`)],
    ["structure", from('{}[]:,"a1 \t', 14)],
  ] as const)("%s", ([, anyValue]) => {
    fc.assert(
      fc.property(anyValue, fc.constantFrom("", " ", "\r\n"), (value, space) => {
        const text = `{${space}"x"${space}:${space}${value}${space}}`;
        expect([text, isPlain(text)]).toEqual([text, isJson(text)]);
      }),
      { numRuns: 3000 },
    );
  });

  test("any value, and no part of it", () => {
    const anyValue = fc.jsonValue().filter((value) => !/e[+-]\d|\d{16}/.test(JSON.stringify(value)));
    fc.assert(
      fc.property(anyValue, fc.nat(), (value, pick) => {
        const text = JSON.stringify({ x: value, y: [value] });
        expect(isPlain(text)).toBe(true);
        const cut = encode(text).subarray(0, 1 + (pick % (text.length - 1)));
        expect(new PlainScanner(keys, 64).scan(cut, 0, cut.length)).toBe(-1);
      }),
    );
  });
});

describe("what it tells", () => {
  test("places of values of the item and of the inner object, −1 where there is none; keys seen; depth", () => {
    const text = '{"who":{"x":[1],"id":"me"} , "time" : 12 ,"other":{"id":"no"}}';
    const bytes = encode(`[${text}]`);
    const scanner = new PlainScanner(keys, 64);
    expect(scanner.scan(bytes, 1, bytes.length)).toBe(bytes.length - 1);
    const [time, id, inner] = [0, 2, 4].map((at) => text.slice(scanner.places[at], scanner.places[at + 1]));
    expect([time, id, inner]).toEqual(["12", "", '"me"']);
    expect(scanner.places[2]).toBe(-1);
    expect([scanner.seen, scanner.deepest]).toEqual([2, 3]);
  });

  test.for([
    ['{"id":1,"id":2}', "a key twice"],
    ['{"x":1,"y":2,"x":3}', "an unknown key twice"],
    ['{"who":{"id":1,"id":1}}', "an inner key twice"],
    ['{"i\\u0064":1}', "a key with an escape"],
    ['{"time":"1\\n"}', "a placed value with an escape"],
    ['{"a.b":1}', "a key with a dot"],
    ['{"x":[1234567890123456]}', "a number of 16 digits"],
    ['{"x":1e2}', "a number with an exponent"],
    ['{"who":[]}', "an array under the inner key"],
    [`{${Array.from({ length: 17 }, (_, at) => `"k${at}":1`).join()}}`, "many unknown keys"],
  ] as const)("%s is given up on: %s", ([text]) => {
    expect(isPlain(text)).toBe(false);
  });

  test("nesting up to the limit", () => {
    expect(isPlain('{"a":[[1]]}', 3)).toBe(true);
    expect(isPlain('{"a":[[[1]]]}', 3)).toBe(false);
    expect(isPlain('{"who":{}}', 1)).toBe(false);
  });
});

describe("objects in one array", () => {
  /** Objects of up to 20 KB, with their ends: some 3 MB of them do not fit into the pass at once. */
  const objects = Array.from({ length: 300 }, (_, at) => `{"id":"${at}","x":"${"y".repeat((at * 7919) % 20_000)}"}`);
  const bytes = encode(objects.join(","));
  const starts = objects.map((_, at) => objects.slice(0, at).reduce((sum, text) => sum + text.length + 1, 0));

  test("are told one after the other, in any order, however many bytes lie behind them", () => {
    const scanner = new PlainScanner(keys, 64);
    const ends = starts.map((start, at) => start + (objects[at]?.length ?? 0));
    const scan = (start: number): number => scanner.scan(bytes, start, bytes.length);
    expect(starts.map(scan)).toEqual(ends);
    expect(starts.toReversed().map(scan)).toEqual(ends.toReversed());
    expect(scanner.places[2]).toBe('{"id":'.length);
  });

  test("that grow are seen when they are whole, as soon as the end says so", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 40_000 }), { minLength: 1, maxLength: 30 }), (steps) => {
        const scanner = new PlainScanner(keys, 64);
        const filled = new Uint8Array(bytes.length);
        let [end, at] = [0, 0];
        for (const step of steps) {
          const before = end;
          end = Math.min(end + step, bytes.length);
          filled.set(bytes.subarray(before, end), before);
          for (; at < objects.length - 1; at += 1) {
            const [start, whole] = [starts[at] ?? 0, (starts[at] ?? 0) + (objects[at]?.length ?? 0)];
            if (start >= end) break;
            const found = scanner.scan(filled, start, end);
            expect(found).toBe(whole <= end ? whole : -1);
            if (found === -1) break;
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  test("that were replaced are seen as they are once the old ones are forgotten", () => {
    const scanner = new PlainScanner(keys, 64);
    const window = encode('{"id":1},{"id":2,"x":3},');
    expect(scanner.scan(window, 0, window.length)).toBe(8);
    window.copyWithin(0, 9);
    scanner.forget();
    expect(scanner.scan(window, 0, window.length - 9)).toBe(14);
  });

  test("of more than 256 KiB are left to the scanner, and what stands behind them is not", () => {
    const large = `{"x":"${"y".repeat(300_000)}"}`;
    const both = encode(`${large},{"id":1},`);
    const scanner = new PlainScanner(keys, 64);
    expect(scanner.scan(both, 0, both.length)).toBe(-1);
    expect(scanner.scan(both, large.length + 1, both.length)).toBe(both.length - 1);
  });
});

test("the module is made of its source as it stands (tools/make-plain-wasm.ts makes it anew)", () => {
  expect(PLAIN_WASM_SOURCE).toBe(hashSource());
});

test("names that the pass has no room for are refused", () => {
  const named =
    (names: readonly string[]): (() => PlainScanner) =>
    () =>
      new PlainScanner({ ...keys, names }, 64);
  expect(named(["x".repeat(32)])).toThrow("more than 31 bytes");
  expect(named(Array.from({ length: 65 }, (_, at) => `k${at}`))).toThrow("65 names");
});
