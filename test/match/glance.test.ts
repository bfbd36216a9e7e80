/**
 * Passing records over without parsing them changes nothing: the same counts, matches and rejected records come out with
 * glances and without, for records in any spelling and for damaged ones.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Batch, Matcher, MatchResult } from "../../src/contracts.ts";
import { cloudtrailDecoder } from "../../src/decode/cloudtrail.ts";
import { createMatcher } from "../../src/match/matcher.ts";
import { UNKNOWN_ROW } from "../../src/model/glance.ts";
import type { Expression } from "../../src/sigma/ast.ts";
import { compileRules } from "../../src/sigma/compile.ts";
import { createRecordBatcher } from "../../src/sources/records/batches.ts";
import { parseRuleFiles } from "../../src/sigma/rule-set.ts";
import { HAS_PUBLIC_DATA, readPublicRecords, readPublicRules } from "./public-rules.ts";
import { leaf, NO_LISTS, ruleOf, setOf, text } from "./build.ts";

const not = (of: Expression): Expression => ({ op: "not", of });
const both = (...of: Expression[]): Expression => ({ op: "and", of });
/** Rules by what makes them candidates: a witness at the top or in the identity, or a guard. */
const RULES: Readonly<Record<string, Expression>> = {
  name: text("eventName", "CreateEndpoint"),
  call: both(text("eventSource", "iam.amazonaws.com"), text("requestParameters.userName", "ÿ*")),
  root: text("userIdentity.type", "Root"),
  agent: text("userAgent", "*kali*"),
  job: text("eventName", "*Job"),
  // By a field that nobody numbers records by.
  person: text("userIdentity.userName", "anna"),
  issuer: leaf("userIdentity.arn", {
    type: "regex",
    source: ".+:assumed-role/aws:.+",
    ignoreCase: false,
    multiline: false,
    dotAll: false,
  }),
  succeeded: leaf("errorCode", { type: "null" }),
  failed: both(leaf("errorCode", { type: "exists", value: true }), text("awsRegion", "eu-*")),
  deep: text("requestParameters.userName", "anna"),
  // What is known beyond the first look decides a part of these, or all.
  other: both(text("eventName", "CreateEndpoint"), not(text("requestParameters.userName", "anna"))),
  either: both(text("eventSource", "iam.amazonaws.com"), {
    op: "or",
    of: [text("requestParameters.userName", "a*"), both(text("awsRegion", "eu-*"), not(text("userAgent", "*kali*")))],
  }),
  written: both(text("eventName", "CreateEndpoint"), leaf("readOnly", { type: "boolean", value: false })),
  // Several conditions on what the first look reads.
  elsewhere: both(text("eventName", "CreateEndpoint"), not(text("eventSource", "iam.amazonaws.com"))),
  nowhere: both(text("eventName", "CreateEndpoint"), leaf("eventSource", { type: "null" })),
  rooted: both(text("eventName", "DescribeJob"), text("userIdentity.type", "Root")),
  tool: both(text("userAgent", "*kali*"), not(text("eventName", "DescribeJob"))),
  // Steady: what is left to tell stands in fields that records are numbered by.
  stranger: both(text("userIdentity.type", "Root"), not(text("userIdentity.arn", "*:assumed-role/aws:*"))),
  robot: both(text("eventName", "CreateEndpoint"), not(text("userAgent", "*kali*"))),
  nobody: both(text("eventName", "CreateEndpoint"), not(leaf("requestParameters", { type: "null" }))),
  same: both(
    text("eventName", "DescribeJob"),
    leaf("userAgent", { type: "fieldref", field: "requestParameters.a", mode: "equals", cased: false }),
  ),
  member: both(text("eventName", "CreateEndpoint"), {
    op: "member",
    field: "requestParameters.a",
    which: "any",
    of: leaf(".", { type: "number", value: 1, text: "1" }),
  }),
  word: both(text("eventName", "CreateEndpoint"), not(text(null, "anna"))),
};

function matcherOf(names: readonly string[]): Matcher {
  const ruleSet = setOf(names.map((name) => ruleOf(name, RULES[name]!)));
  const rules = compileRules(ruleSet, { lists: NO_LISTS, fields: new Map() });
  return createMatcher({ rules, ruleSet, decoders: { cloudtrail: cloudtrailDecoder } });
}

function batchesOf(input: Uint8Array): Batch[] {
  const limits = { recordBytes: 1 << 16, depth: 8 };
  const batcher = createRecordBatcher({ source: "trail", path: "/in", limits, sizeHint: 0, skip: 0 });
  return [...batcher.push(input), ...batcher.end()].map((batch) => ({
    ...batch,
    origin: { source: "trail", path: "/in", indexes: batch.indexes },
    positions: [],
    floorMs: Infinity,
    settle: () => undefined,
  }));
}

/** Results with glances and without; bytes as texts, so that a difference can be read. */
function runBoth(matcher: Matcher, input: Uint8Array, nowMs: number | null): [unknown[], unknown[]] {
  const at = { nowMs, watermarkMs: Date.UTC(2026, 0, 5, 12) };
  const lay = ({ rejected, matches, ...counts }: MatchResult): unknown => ({
    ...counts,
    rejected: rejected.map((one) => ({ ...one, bytes: Buffer.from(one.bytes ?? []).toString("latin1") })),
    matches: matches.map((one) => ({ ...one, record: Buffer.from(one.record ?? []).toString("latin1") })),
  });
  const batches = batchesOf(input);
  return [
    batches.map((batch) => lay(matcher.match(batch, at))),
    batches.map((batch) => lay(matcher.match({ ...batch, glances: null }, at))),
  ];
}

const KEYS = [
  "eventTime", "eventSource", "eventName", "errorCode", "userAgent", "awsRegion", "userIdentity", "userIdentity.arn",
  "requestParameters", "readOnly", "eventVersion", "a", "a.b", "__proto__", "s3", "x1", "x2",
] as const; // prettier-ignore
/** JSON texts of values, most of them sound. "ÿ" stands for the raw byte 0xff, which no UTF-8 has. */
const VALUES = [
  '"CreateEndpoint"', '"createendpoint"', '"\\u0043reateEndpoint"', '"DescribeJob"', '"iam.amazonaws.com"', '"aws:s3"',
  '"2026-01-05T12:00:01Z"', '"2026-01-05T11:59:59Z"', '"2026-02-30T12:00:00Z"', '"2026-01-05T12:00:00.5Z"', '"2026-01-05 12:00:00"',
  '"2031-01-05T12:00:00Z"', '"kali/1"', '"Ka\\u006ci"', '"ÿ"', '"\u00c3\u00a9"', '"a\nb"', '"a\\qb"', '"\\ud800"', '"\\u12"', '"',
  '{"type":"Root"}', '{"type":"Root","type":"IAMUser"}', '{"arn":"arn:aws:sts::1:assumed-role/aws:x/i-1"}', '{"arn":["a:assumed-role/aws:b"]}',
  '[{"type":"Root"}]', '{"\\u0074ype":"Root"}', '{"userName":"anna"}', '{"userName":"ÿx"}', '{ "a" : [ 1 , {} , [] ] }', "{}", "[]",
  "[1,]", '{"a":1,}', "null", "true", "false", "tru", "nulll", "0", "-1.5e+7", "01", "1.", ".5", "-", "1e", "12345678901234567890",
  "1e400", "[[[[[[[[[1]]]]]]]]]", "", "{", "]",
] as const; // prettier-ignore

const spelled = (key: string, escaped: boolean): string =>
  JSON.stringify(key).replace(/[a-z]/, (letter) => (escaped ? `\\u00${letter.charCodeAt(0).toString(16)}` : letter));
/** Members as rules want them, which chance alone hardly ever puts together. */
const MEANT = [
  '"eventName":"DescribeJob"', '"eventName":"CreateEndpoint"', '"userIdentity":{"type":"Root"}', '"userAgent":"kali/1"',
  '"eventSource":"iam.amazonaws.com"', '"requestParameters":{"userName":"ÿx"}',
] as const; // prettier-ignore
const oddMember = fc
  .tuple(fc.constantFrom(...KEYS), fc.constantFrom(...VALUES), fc.integer({ min: 0, max: 15 }))
  .map(([key, value, odd]) => `${spelled(key, odd === 0)}${odd === 1 ? " \n" : ""}:${odd === 2 ? "\t" : ""}${value}`);
const anyMember = fc.oneof({ weight: 3, arbitrary: oddMember }, { weight: 1, arbitrary: fc.constantFrom(...MEANT) });
/** A record with what makes it one, and a few members of any kind. */
const anyText = fc
  .tuple(fc.array(anyMember, { maxLength: 5 }), fc.boolean(), fc.integer({ min: 0, max: 9 }))
  .map(([members, isTimed, odd]) => {
    const marks = [
      '"eventVersion":"1.08"',
      '"eventID":"e"',
      ...(isTimed ? ['"eventTime":"2026-01-05T12:00:00Z"'] : []),
    ];
    return `{${[...marks, ...members].join(odd === 0 ? " , " : ",")}}`;
  });
/** Members beyond the fields that most rules ask first. */
const FURTHER = [
  '"readOnly":true', '"readOnly":false', '"requestParameters":{"userName":"anna"}', '"userAgent":"kali/2"', '"awsRegion":"eu-west-1"',
] as const; // prettier-ignore
/**
 * Each record twice, and once more with another member: what is remembered of the first is used for the second, and must
 * not be for the third where that makes a difference.
 */
const anyInput = fc
  .tuple(fc.array(anyText, { minLength: 1, maxLength: 4 }), fc.constantFrom(...FURTHER), fc.boolean())
  .map(([texts, further, isContainer]) => {
    const all = [...texts, ...texts, ...texts.map((one) => one.replace("{", `{${further},`))];
    return Buffer.from(isContainer ? `{"Records":[${all.join(",")}]}` : all.join("\n"), "latin1");
  });
/** Mostly few: of many, one nearly always needs the whole record. */
const anyRules = fc.oneof(
  { weight: 3, arbitrary: fc.subarray(Object.keys(RULES), { minLength: 1, maxLength: 3 }) },
  { weight: 1, arbitrary: fc.subarray(Object.keys(RULES), { minLength: 1 }) },
);

describe("passing records over", () => {
  test("changes no outcome", () => {
    fc.assert(
      fc.property(anyInput, anyRules, fc.constantFrom(null, Date.UTC(2026, 5, 1)), (input, names, nowMs) => {
        const [glanced, parsed] = runBoth(matcherOf(names), input, nowMs);
        expect(glanced).toEqual(parsed);
      }),
      { numRuns: 3000 },
    );
  });

  test("changes no outcome when any byte of a sound record is another", () => {
    const sound = `{"eventVersion":"1.08","userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::1:assumed-role/r/s"},"eventTime":"2026-01-05T12:00:00Z","eventSource":"iam.amazonaws.com","eventName":"Get","n":-1.5e3,"b":[true,null],"userAgent":"x\\n\\u00e9"}`;
    const matcher = matcherOf(["name", "root", "agent", "issuer"]);
    fc.assert(
      fc.property(
        fc.nat({ max: sound.length - 1 }),
        fc.integer({ min: 0, max: 255 }),
        fc.boolean(),
        (at, byte, isPut) => {
          const input = Buffer.from(`{"Records":[${sound},${sound}]}`, "latin1");
          const head = input.subarray(0, 12 + at);
          const harmed = Buffer.concat([head, Uint8Array.of(byte), input.subarray(12 + at + (isPut ? 0 : 1))]);
          const [glanced, parsed] = runBoth(matcher, harmed, null);
          expect(glanced).toEqual(parsed);
        },
      ),
      { numRuns: 1500 },
    );
  });
});

describe.skipIf(!HAS_PUBLIC_DATA)("captured records and public rules", () => {
  test("have the same outcome", () => {
    const { ruleSet } = parseRuleFiles(readPublicRules("rules/cloud/aws/"), { mode: "lenient" });
    const rules = compileRules(ruleSet, { lists: NO_LISTS, fields: new Map() });
    const matcher = createMatcher({ rules, ruleSet, decoders: { cloudtrail: cloudtrailDecoder } });
    const [glanced, parsed] = runBoth(matcher, Buffer.from(`{"Records":[${readPublicRecords().join(",")}]}`), null);
    expect(glanced).toEqual(parsed);
  });
});

test("a rule that looks within the field of another's witness is met by each of many records that are alike", () => {
  const record = '{"eventVersion":"1.08","eventTime":"2026-01-05T12:00:00Z","eventSource":"s","eventName":"StopJob"}';
  const input = Buffer.from(`{"Records":[${record},${record},${record}]}`);
  const [batch] = batchesOf(input);
  const { matches } = matcherOf(["name", "job"]).match(batch!, { nowMs: null, watermarkMs: 0 });
  expect(matches.map(({ ruleId, pointer }) => [ruleId, pointer.index])).toEqual([
    ["job", 0],
    ["job", 1],
    ["job", 2],
  ]);
});

test("records that are alike in what is asked first are told apart by the rest", () => {
  const members = ['"readOnly":true', '"readOnly":false', '"requestParameters":{"userName":"anna"}'];
  const records = members.map(
    (member) => `{"eventVersion":"1.08","eventTime":"2026-01-05T12:00:00Z","eventName":"CreateEndpoint",${member}}`,
  );
  const [batch] = batchesOf(Buffer.from(`{"Records":[${records.join(",")}]}`));
  const { matches } = matcherOf(["written", "rooted", "other"]).match(batch!, { nowMs: null, watermarkMs: 0 });
  expect(matches.map(({ ruleId, pointer }) => [ruleId, pointer.index])).toEqual([
    ["other", 0],
    ["written", 1],
    ["other", 1],
  ]);
});

test("what is remembered of a call is not taken for another caller or agent", () => {
  const callers = [
    ["arn:aws:sts::1:assumed-role/aws:x/s", "aws-cli/2"],
    ["arn:aws:iam::1:user/anna", "aws-cli/2"],
    ["arn:aws:sts::1:assumed-role/aws:x/s", "kali/1"],
    ["arn:aws:sts::1:assumed-role/aws:x/s", "aws-cli/2"],
    ["arn:aws:iam::1:user/anna", "kali/1"],
  ] as const;
  const records = callers.map(
    ([arn, agent]) =>
      `{"eventVersion":"1.08","eventTime":"2026-01-05T12:00:00Z","eventName":"CreateEndpoint","userAgent":"${agent}","userIdentity":{"type":"Root","arn":"${arn}"}}`,
  );
  const [batch] = batchesOf(Buffer.from(`{"Records":[${records.join(",")}]}`));
  for (const [rule, met] of [
    ["stranger", [1, 4]],
    ["robot", [0, 1, 3]],
  ] as const) {
    const { matches } = matcherOf([rule]).match(batch!, { nowMs: null, watermarkMs: 0 });
    expect(matches.map(({ pointer }) => pointer.index)).toEqual(met);
  }
});

describe("what is passed over", () => {
  const passes = (record: string, names = ["name", "root", "agent", "issuer"]): boolean => {
    const ruleSet = setOf(names.map((name) => ruleOf(name, RULES[name]!)));
    const rules = compileRules(ruleSet, { lists: NO_LISTS, fields: new Map() });
    let decoded = 0;
    const decode: typeof cloudtrailDecoder.decode = (bytes, arrival) => {
      decoded += 1;
      return cloudtrailDecoder.decode(bytes, arrival);
    };
    const matcher = createMatcher({ rules, ruleSet, decoders: { cloudtrail: { ...cloudtrailDecoder, decode } } });
    const [batch] = batchesOf(Buffer.from(`{"Records":[${record}]}`));
    expect(matcher.match(batch!, { nowMs: null, watermarkMs: 0 })).toMatchObject({ read: 1 });
    return decoded === 0;
  };
  const plain = (members: string): string =>
    `{"eventVersion":"1.08","eventTime":"2026-01-05T12:00:00Z","eventSource":"s","eventName":"Get"${members}}`;

  test.for([
    ["a record that no rule asks for", plain(""), true],
    [
      "with an identity, odd texts and nesting",
      plain(',"userIdentity":{"type":"IAMUser"},"x":{"y":["é\\n",1.5]}'),
      true,
    ],
    ["one that a witness points at", plain(',"userIdentity":{"type":"root"}'), false],
    ["one whose guard holds", plain(',"userAgent":"curl kali"'), false],
    ["a key that stands twice", plain(',"eventName":"CreateEndpoint"'), false],
    ["a key that stands twice in another spelling", plain(',"\\u0065ventName":"CreateEndpoint"'), false],
    ["a key with a dot, which a path may mean", plain(',"userIdentity.type":"Root"'), false],
    ["a value with an escape", plain(',"userAgent":"\\u006bali"'), false],
    ["an escape that is none", plain(',"x":"\\u12g4"'), false],
    ["a notification of S3", plain(',"s3":{}').replace('"s"', '"aws:s3"'), false],
    ["identities in a list", plain(',"userIdentity":[{"type":"Root"}]'), false],
    ["another form of time", '{"eventVersion":"1","eventID":"e","eventTime":"2026-01-05T12:00:00.1Z"}', false],
    ["no time", '{"eventVersion":"1","eventID":"e"}', false],
  ] as const)("%s: %s → %s", ([, record, expected]) => {
    expect(passes(record)).toBe(expected);
  });

  test("nothing where a rule needs more than is seen", () => {
    expect(passes(plain(""), ["name", "deep"])).toBe(false);
    expect(passes(plain(""), ["name", "call"])).toBe(true);
  });

  test("a record of an envelope has no row", () => {
    const record = plain("");
    const [batch] = batchesOf(
      Buffer.from(
        `${record}\n{"detail-type":"AWS API Call via CloudTrail","source":"x","detail":${record}}\n${record}`,
      ),
    );
    const width = batch!.glances!.length / 3;
    expect([0, 1, 2].map((row) => batch!.glances![row * width] === UNKNOWN_ROW)).toEqual([false, true, false]);
  });
});
