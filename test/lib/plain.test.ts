/**
 * The quick look at an object vouches for what a parser takes, and tells where values stand.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type PlainKeys, PlainScanner } from "../../src/lib/split/plain.ts";

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
