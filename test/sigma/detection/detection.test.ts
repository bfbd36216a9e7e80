/**
 * How detections become expressions: value types, escapes, modifiers, keywords, lists.
 */
import { describe, expect, test } from "vitest";
import type { Expression, Pattern, Test } from "../../../src/sigma/ast.ts";
import { anyOf, leaf, not } from "../../../src/sigma/detection/expression.ts";
import { parsePattern } from "../../../src/sigma/detection/pattern.ts";
import { expressionOf, HEAD, parse, places } from "../build.ts";

const text = (pattern: Pattern, cased = false): Test => ({ type: "text", pattern, cased });
const f = (...tests: Test[]): Expression => anyOf(tests.map((one) => leaf("f", one)));
const kw = (...pattern: Pattern): Expression => leaf(null, text(pattern));
const regex = (source: string, flags = ""): Test => ({
  type: "regex",
  source,
  ignoreCase: flags.includes("i"),
  multiline: flags.includes("m"),
  dotAll: flags.includes("s"),
});

describe("escapes and wildcards", () => {
  test.for<[string, Pattern]>([
    [String.raw`\*`, ["*"]],
    [String.raw`\\*`, ["\\", 0]],
    [String.raw`\\\*`, [String.raw`\*`]],
    [String.raw`\\\\*`, ["\\\\", 0]],
    [String.raw`a\b`, [String.raw`a\b`]],
    [String.raw`a\\b`, [String.raw`a\b`]],
    [String.raw`\\\\`, ["\\\\"]],
    [String.raw`\\\ `.trim(), ["\\\\"]],
    ["a\\", ["a\\"]],
    [String.raw`\?`, ["?"]],
    ["a*b?c", ["a", 0, "b", 1, "c"]],
    ["a**b", ["a", 0, "b"]],
    ["*?*", [0, 1, 0]],
    ["", []],
    ["%name%", ["%name%"]],
  ])("%j", ([written, pattern]) => {
    expect(parsePattern(written, false)).toStrictEqual(pattern);
  });

  test.for<[string, Pattern]>([
    ["a%b-c.d%e", ["a", { list: "b-c.d" }, "e"]],
    [String.raw`\%b\%`, ["%b%"]],
    ["%%", ["%%"]],
    ["100% of %b%", ["100% of ", { list: "b" }]],
    ["%a%%b%*", [{ list: "a" }, { list: "b" }, 0]],
  ])("expand %j", ([written, pattern]) => {
    expect(parsePattern(written, true)).toStrictEqual(pattern);
  });
});

describe("values", () => {
  test.for<[string, Expression]>([
    ["{f: abc}", f(text(["abc"]))],
    ["{f: ''}", f(text([]))],
    ["{f: null}", f({ type: "null" })],
    ["{f: }", f({ type: "null" })],
    ["{f: 443}", f({ type: "number", value: 443, text: "443" })],
    ["{f: 18446744073709551616}", f({ type: "number", value: 2 ** 64, text: "18446744073709551616" })],
    ["{f: '443'}", f(text(["443"]))],
    ["{f: true}", f({ type: "boolean", value: true })],
    ["{f: 'true'}", f(text(["true"]))],
    ["{f: NO}", f(text(["NO"]))],
    ["{f: 010}", f({ type: "number", value: 10, text: "010" })],
    ["{f: [a, A, b]}", f(text(["a"]), text(["b"]))],
    ["{f|cased: [a, A]}", f(text(["a"], true), text(["A"], true))],
    ["{f|neq: [a, b]}", not(f(text(["a"]), text(["b"])))],
    ["{f|exists: true}", f({ type: "exists", value: true })],
    ["{f|exists: 'no'}", f({ type: "exists", value: false })],
    ["{f|cidr: '10.1.2.3/8'}", f({ type: "cidr", network: "10.0.0.0/8" })],
    ["{f|cidr: '2001:DB8:0:0::/32'}", f({ type: "cidr", network: "2001:db8::/32" })],
    ["{f|gte: 1.5}", f({ type: "compare", operator: "gte", value: 1.5, part: null })],
    ["{f|hour|gte: 22}", f({ type: "compare", operator: "gte", value: 22, part: "hour" })],
    ["{f|week|neq: 53}", not(f({ type: "timepart", part: "week", value: 53 }))],
    ["{f|fieldref|endswith: g}", f({ type: "fieldref", field: "g", mode: "endswith", cased: false })],
    ["{f|fieldref|cased: g}", f({ type: "fieldref", field: "g", mode: "equals", cased: true })],
    ["{f|re|i|m: '^a'}", f(regex("^a", "im"))],
    ["{f|re|ignorecase: a}", f(regex("a", "i"))],
    ["{f|re|startswith: 'a|b'}", f(regex("^(?:a|b)"))],
    ["{f|re|endswith: 'a|b'}", f(regex("(?:a|b)$"))],
    ["{f|contains: 5}", f(text([0, "5", 0]))],
    ["{f|startswith|endswith: x}", f(text([0, "x", 0]))],
    ["{f|contains: '*x'}", f(text([0, "x", 0]))],
    ["{f|contains|expand: '%l%'}", f(text([0, { list: "l" }, 0]))],
  ])("%s", ([body, expected]) => {
    expect(expressionOf(body)).toStrictEqual(expected);
  });

  test("contains with all: each value on its own", () => {
    expect(expressionOf("{f|contains|all: [x, y]}")).toStrictEqual({
      op: "and",
      of: [leaf("f", text([0, "x", 0])), leaf("f", text([0, "y", 0]))],
    });
  });
});

describe("encodings", () => {
  const parts = (...texts: string[]): Expression => f(...texts.map((part) => text([0, part, 0])));
  test.for<[string, Expression]>([
    ["{f|base64offset|contains: foobar}", parts("Zm9vYmFy", "Zvb2Jhc", "mb29iYX")],
    ["{f|base64offset: foobar}", parts("Zm9vYmFy", "Zvb2Jhc", "mb29iYX")],
    ["{f|base64offset|contains: é}", parts("w6", "Op", "Dq")],
    ["{f|base64: foo}", f(text(["Zm9v"]))],
    [String.raw`{f|base64: 'a\*'}`, f(text(["YSo="]))],
    ["{f|wide|base64: ping}", f(text(["cABpAG4AZwA="]))],
    ["{f|utf16|base64: ping}", f(text(["//5wAGkAbgBnAA=="]))],
    ["{f|utf16be|base64: é}", f(text(["AOk="]))],
  ])("%s", ([body, expected]) => {
    expect(expressionOf(body)).toStrictEqual(expected);
  });

  test("base64offset finds its text at each of the three alignments, whatever stands around it", () => {
    for (const word of ["xy", "ab", "foo", "é€", "powershell"]) {
      const expression = expressionOf(`{f|base64offset|contains: '${word}'}`);
      const leaves = expression.op === "or" ? expression.of : [expression];
      const needles = leaves
        .flatMap((part) => (part.op === "leaf" && part.test.type === "text" ? part.test.pattern : []))
        .filter((part) => typeof part === "string");
      for (const [before, behind] of [
        ["", ""],
        ["A", "B"],
        ["AB", "é"],
        ["ABC", "\n\n"],
        ["0123", "4"],
      ] as const) {
        const encoded = Buffer.from(before + word + behind).toString("base64");
        expect(needles.some((needle) => encoded.includes(needle))).toBe(true);
        expect(needles.every((needle) => needle !== "")).toBe(true);
      }
    }
  });

  test("windash writes option dashes in five ways, and no other dash", () => {
    const expected = ["-", "/", "–", "—", "―"].map((dash) => text([0, `a-b ${dash}c`, 0]));
    expect(expressionOf("{f|windash|contains: 'a-b -c'}")).toStrictEqual(f(...expected));
    expect(expressionOf("{f|contains|windash: 'a-b -c'}")).toStrictEqual(f(...expected));
  });
});

describe("keywords and lists", () => {
  const map = (field: string, value: string): Expression => leaf(field, text([value]));
  test.for<[string, Expression]>([
    ["a", kw(0, "a", 0)],
    ["[a, b*]", anyOf([kw(0, "a", 0), kw(0, "b", 0)])],
    ["[4625, true]", anyOf([kw(0, "4625", 0), kw(0, "true", 0)])],
    ["{'|all': [a, b]}", { op: "and", of: [kw(0, "a", 0), kw(0, "b", 0)] }],
    ["{'|re': 'a.b'}", leaf(null, regex("a.b"))],
    ["{'|startswith': a}", kw("a", 0)],
    ["[{f: a}, {g: b}]", anyOf([map("f", "a"), map("g", "b")])],
    ["[a, {g: b}, [c, [d]]]", anyOf([kw(0, "a", 0), map("g", "b"), kw(0, "c", 0), kw(0, "d", 0)])],
    ["{f: a, g: b}", { op: "and", of: [map("f", "a"), map("g", "b")] }],
    ["{f|startswith: a, f|endswith: b}", { op: "and", of: [leaf("f", text(["a", 0])), leaf("f", text([0, "b"]))] }],
    ["{__proto__: a, constructor.x: b}", { op: "and", of: [map("__proto__", "a"), map("constructor.x", "b")] }],
  ])("%s", ([body, expected]) => {
    expect(expressionOf(body)).toStrictEqual(expected);
  });
});

describe("legal chains of modifiers", () => {
  const values: Readonly<Record<string, string>> = {
    cidr: "10.0.0.0/8",
    exists: "true",
    gt: "5",
    hour: "5",
    lte: "5",
    minute: "5",
  };
  const valueFor = (chain: string): string =>
    values[chain.split("|").findLast((name) => name in values) ?? ""] ?? "'%a%'";
  const check = (chain: string, mode: "strict" | "lenient" = "strict"): string[] => {
    const text = `${HEAD}detection:\n  sel:\n    f|${chain}: ${valueFor(chain)}\n  condition: sel\n`;
    const { problems } = parse(text, { mode });
    return places(problems).filter((place) => mode === "lenient" || !place.includes("warning"));
  };

  test.for([
    "contains",
    "startswith|endswith",
    "cased|contains",
    "contains|cased",
    "neq|contains",
    "wide|base64|contains",
    "utf16le|base64offset|contains",
    "windash|contains",
    "windash|startswith|endswith",
    "expand",
    "expand|contains",
    "windash|expand",
    "windash|neq|expand|cased|endswith",
    "utf16le|base64|windash",
    "base64|expand",
    "utf16le|base64|expand",
    "base64offset|expand|contains",
    "wide|base64offset|windash|expand|contains",
    "re",
    "re|i",
    "re|m|s|i|contains",
    "re|expand",
    "re|i|m|expand|endswith",
    "re|neq|expand",
    "re|neq",
    "cidr",
    "cidr|neq",
    "fieldref",
    "fieldref|contains|neq",
    "fieldref|cased",
    "exists",
    "gt",
    "hour",
    "hour|gt",
    "minute|lte|neq",
  ])("%s is taken", (chain) => {
    expect(check(chain)).toStrictEqual([]);
  });

  test.for([
    ["contains|windash", "windash|contains"],
    ["endswith|windash", "windash|endswith"],
    ["contains|expand", "expand|contains"],
    ["contains|cased|expand", "expand|contains|cased"],
    ["expand|windash", "windash|expand"],
    ["startswith|expand|endswith|windash", "windash|expand|startswith|endswith"],
    ["base64|contains|windash", "base64|windash|contains"],
  ] as const)("%s is refused in strict mode; lenient mode warns and reads %s", ([chain, ordered]) => {
    expect(check(chain)).toStrictEqual(["error modifier_chain 10:7"]);
    expect(check(chain, "lenient")[0]).toBe("warning modifier_chain 10:7");
    const read = (modifiers: string): Expression => expressionOf(`{f|${modifiers}: 'a -b'}`);
    expect(read(chain)).toStrictEqual(read(ordered));
  });

  test.for([
    "i",
    "m|re",
    "contains|re",
    "re|i|ignorecase",
    "re|windash",
    "expand|re",
    "re|expand|i",
    "re|contains|expand",
    "re|expand|windash",
    "cidr|expand",
    "cidr|contains",
    "cidr|cased",
    "gt|lt",
    "gt|hour",
    "hour|minute",
    "exists|contains",
    "exists|cased",
    "gt|cased",
    "hour|cased",
    "base64|wide",
    "base64|base64offset",
    "utf16|wide|base64",
    "contains|base64",
    "expand|base64",
    "fieldref|re",
    "contains|contains",
    "fieldref|expand",
    "re|i|cased",
  ])("%s is refused at the first modifier", (chain) => {
    expect(check(chain)).toStrictEqual(["error modifier_chain 10:7"]);
  });
});
