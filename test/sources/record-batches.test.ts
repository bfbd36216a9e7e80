/**
 * What becomes of each shape of input: which records are found, of which kind, what is rejected or skipped and why.
 */
import { describe, expect, test } from "vitest";
import { splitRecords, summary } from "./outcomes.ts";
import { cpuMs } from "../support/cpu.ts";

const call = (id: string, extra = ""): string =>
  `{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","userName":"ana"},"eventTime":"2026-01-02T03:04:05Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","eventID":"${id}"${extra}}`;
const finding =
  '{"schemaVersion":"2.0","id":"f1","service":{"count":1},"type":"Recon:EC2/Portscan","updatedAt":"2026-01-02T03:04:05Z"}';
const apiFinding =
  '{"SchemaVersion":"2.0","Id":"f2","Service":{"Count":1},"Type":"Recon:EC2/Portscan","UpdatedAt":"2026-01-02T03:04:05Z"}';
const envelope = (type: string, detail: string, source = "aws.x"): string =>
  `{"version":"0","id":"e","detail-type":"${type}","source":"${source}","account":"111122223333","detail":${detail},"region":"eu-west-1"}`;
const digest =
  '{"awsAccountId":"111122223333","digestStartTime":"2026-01-02T03:00:00Z","digestEndTime":"2026-01-02T04:00:00Z","logFiles":[]}';
const C = "cloudtrail";

/** What CloudWatch Logs hands to a subscription. */
const logs = (...messages: readonly string[]): string =>
  JSON.stringify({
    messageType: "DATA_MESSAGE",
    owner: "111122223333",
    logGroup: "trail",
    logStream: "111122223333_CloudTrail_eu-west-1",
    subscriptionFilters: ["all"],
    logEvents: messages.map((message, at) => ({ id: `3${at}`, timestamp: 1_767_323_045_000, message })),
  });

type Case = readonly [name: string, input: string, outcomes: readonly string[], skipped?: Record<string, number>];
const shapes: readonly Case[] = [
  ["a delivery file on one line", `{"Records":[${call("a")},${call("b")}]}`, [C, C]],
  [
    "a delivery file, pretty-printed",
    JSON.stringify({ Records: [JSON.parse(call("a")), JSON.parse(call("b"))] }, null, 2),
    [C, C],
  ],
  ["other keys around Records", `{"a":[1,{"b":2}],"Records":[${call("a")}],"c":"]}","Records":[${call("b")}]}`, [C, C]],
  ["a delivery file without records", '{"Records":[]}', []],
  ["a digest file", digest, [], { digest_file: 1 }],
  ["NDJSON, CRLF, blank lines, no line end at the end", `${call("a")}\r\n\r\n${call("b")}\n\n${call("c")}`, [C, C, C]],
  ["records with nothing between them", call("a") + call("b"), [C, C]],
  ["an array of records", `[${call("a")} , ${call("b")}]`, [C, C]],
  ["an array of pages", `[{"Records":[${call("a")}]},{"Records":[${call("b")},${call("c")}],"n":1}]`, [C, C, C]],
  ["NDJSON of delivery files", `{"Records":[${call("a")}]}\n{"Records":[${call("b")}]}`, [C, C]],
  [
    "log events of CloudWatch Logs, of several kinds",
    logs(call("ü"), finding, envelope("AWS API Call via CloudTrail", call("b")), call("c")),
    [C, "guardduty", C, C],
  ],
  ["messages of CloudWatch Logs behind one another", logs(call("a"), call("b")) + logs(call("c")), [C, C, C]],
  [
    "log events that are no records",
    logs("START RequestId: 1", '{"a":1}', call("a"), call("b").slice(0, -9), "[]", envelope("Scheduled Event", "{}")),
    ["bad_json", "unknown_kind", C, "bad_json", "bad_json"],
    { envelope: 1 },
  ],
  [
    "what CloudWatch Logs sends to try a subscription",
    logs("CWL CONTROL MESSAGE: Checking health of destination Kinesis stream.").replace("DATA", "CONTROL"),
    [],
    { control_message: 1 },
  ],
  ["a message in a message", logs(logs(call("a")), '{"message":"{}"}'), ["unknown_kind", "unknown_kind"]],
  ["a log event with a broken escape", logs("x").replace('"x"', '"\\ud8"'), ["bad_json"]],
  ["a BOM", `\u{feff}${call("a")}`, [C]],
  ["nothing", "", []],
  ["white space", " \n\t\r\n", []],
  [
    "EventBridge envelopes",
    [
      envelope("AWS API Call via CloudTrail", call("a")),
      envelope("AWS Console Sign In via CloudTrail", call("b")),
      envelope("GuardDuty Finding", finding),
      envelope("AWS Insight via CloudTrail", call("c")),
    ].join("\n"),
    [C, C, "guardduty", C],
  ],
  [
    "an array of envelopes",
    `[${envelope("AWS Service Event via CloudTrail", call("a"))},${envelope("GuardDuty Finding", apiFinding)}]`,
    [C, "guardduty"],
  ],
  [
    "envelopes of other kinds",
    [
      envelope("Scheduled Event", "{}"),
      call("a"),
      envelope("EC2 Instance State-change Notification", '{"state":"running"}'),
    ].join("\n"),
    [C],
    { envelope: 2 },
  ],
  [
    "envelopes that are events themselves, by who sends them",
    [
      envelope("Security Hub Findings - Imported", `{"findings":[${apiFinding}]}`, "aws.securityhub"),
      envelope("SageMaker Training Job State Change", '{"TrainingJobStatus":"Failed"}', "aws.sagemaker"),
      envelope("AWS API Call via CloudTrail", call("a"), "aws.sagemaker"),
      envelope("Batch Inference Job State Change", "{}", "aws.bedrock"),
      envelope("Anomaly Detected", "{}", "aws.\\u0063e"),
      envelope("Scheduled Event", "{}", "aws.events"),
    ].join("\n"),
    ["eventbridge", "eventbridge", C, "eventbridge", "cost"],
    { envelope: 1 },
  ],
  [
    "an envelope whose detail comes first",
    `{"detail":${call("a")},"source":"aws.s3","detail-type":"AWS API Call via CloudTrail"}`,
    [C],
  ],
  ["an envelope without detail-type, by its detail", `{"detail":${call("a")},"source":"aws.s3"}`, [C]],
  ["an envelope with a text for its detail", envelope("GuardDuty Finding", '"x"'), ["bad_json"]],
  ["findings in both spellings", `${finding}\n${apiFinding}`, ["guardduty", "guardduty"]],
  [
    "a GetFindings page",
    `{"Findings":[${apiFinding},${apiFinding}],"ResponseMetadata":{}}`,
    ["guardduty", "guardduty"],
  ],
  ["a GetFindings page as the wire has it", `{"findings":[${finding}]}`, ["guardduty"]],
  [
    "a LookupEvents page",
    JSON.stringify({
      Events: [
        { EventId: "a", CloudTrailEvent: call("a") },
        { EventId: "b", CloudTrailEvent: call("b") },
      ],
      NextToken: "t",
    }),
    [C, C],
  ],
  [
    "rows of a LookupEvents page, one a line",
    [call("a"), call("b")].map((text) => JSON.stringify({ CloudTrailEvent: text })).join("\n"),
    [C, C],
  ],
  ["two kinds in one file", [call("a"), finding, call("b"), finding].join("\n"), [C, "guardduty", C, "guardduty"]],
  ["objects of no known kind", `{"not-an-event":true}\n${call("a")}\n{}`, ["unknown_kind", C, "unknown_kind"]],
  [
    "values that are no objects",
    `{"Records":[1,"x",${call("a")},null,[{"b":[]}],-1.5e3,${call("b")},true]}`,
    ["bad_json", "bad_json", C, "bad_json", "bad_json", "bad_json", C, "bad_json"],
  ],
  ["a trimmed record", '{"eventName":"GetObject","eventSource":"s3.amazonaws.com"}', [C]],
  ["an Insight record", '{"eventVersion":"1.07","eventID":"a","insightDetails":{"state":"Start"}}', [C]],
  ["keys written with escapes", `{"\\u0052ecords":[${call("a").replace("eventName", "event\\u004eame")}]}`, [C]],
];

describe("shapes of input", () => {
  test.for(shapes)("%s", ([, input, outcomes, skipped = {}], { expect }) => {
    for (const pieceBytes of [65_536, 1, 3, 64]) {
      const result = splitRecords(input, pieceBytes);
      expect(summary(result)).toEqual(outcomes);
      expect(result.skipped).toEqual(skipped);
      for (const { is, text } of result.outcomes) if (is === C || is === "guardduty") JSON.parse(text);
    }
  });
});

const bad: readonly (readonly [...Case, string?])[] = [
  ["a text file", "hello world,\nthis is no JSON\n", ["bad_json"]],
  ["binary bytes", "\u0000\u0001\u0002PK\u0003\u0004", ["bad_json"]],
  ["a broken line among good ones", `${call("a")}\n{"eventID":"x\n${call("b")}`, [C, "bad_json", C]],
  ["a line cut behind a colon", `${call("a")}\n{"eventID":\n${call("b")}\n${call("c")}`, [C, "bad_json", C, C]],
  ["two lines cut behind a bracket", `{"a":[\n{"a":[\n${call("b")}\n${call("c")}`, ["bad_json", "bad_json", C, C]],
  ["a line that lost its end", `${call("a")}\n${call("x").slice(0, -1)}\n${call("b")}`, [C, "bad_json", C]],
  ["a line with brackets too many", `${call("a")}}}]\n${call("b")}`, [C, "bad_json", C]],
  ["the last line cut off", `${call("a")}\n${call("b").slice(0, 50)}`, [C, "truncated"]],
  ["junk behind the value", `{"Records":[${call("a")}]} junk`, [C, "bad_json"]],
  [
    "a record broken inside, in a file of one line",
    `{"Records":[${call("a")},{"a":[1,],"b" 2,"c":{]},${call("b")}]}`,
    [C, "bad_json", C],
  ],
  [
    "a record that lost a bracket and takes the rest with it",
    `{"Records":[${call("a")},{"a":{,${call("b")}]}`,
    [C, "bad_json", "truncated"],
  ],
  ["a comma missing between records", `{"Records":[${call("a")} ${call("b")},${call("c")}]}`, [C, "bad_json"]],
  [
    "a broken file, then a good one on the next line",
    `{"Records":[${call("a")},;]}\n{"Records":[${call("b")}]}`,
    [C, "bad_json", C],
  ],
  [
    "a file cut in a record, then a good one on the next line",
    `{"Records":[${call("a")},{"b":\n{"Records":[${call("b")}]}\n${call("c")}`,
    [C, "bad_json", C, C],
  ],
  ["a file cut inside a record", `{"Records":[${call("a")},{"eventID":"b","x":[`, [C, "truncated"]],
  ["a file cut between records", `{"Records":[${call("a")},`, [C, "truncated"]],
  ["a file cut behind its records", `{"Records":[${call("a")}]`, [C, "truncated"]],
  [
    "a row whose record is cut",
    JSON.stringify({
      Events: [
        { CloudTrailEvent: '{"a":' },
        { CloudTrailEvent: call("a") },
        { CloudTrailEvent: `${call("b")} x` },
        { CloudTrailEvent: 5 },
      ],
    }),
    ["bad_json", C, "bad_json", "bad_json"],
  ],
  ["a row with a broken escape", '{"Events":[{"CloudTrailEvent":"{\\"a\\":\\x}"}]}', ["bad_json"]],
  ["half a BOM", "\u00ef", ["bad_json"]],
];

describe("damage", () => {
  test.for(bad)("%s", ([, input, outcomes], { expect }) => {
    for (const pieceBytes of [65_536, 1, 3, 64]) expect(summary(splitRecords(input, pieceBytes))).toEqual(outcomes);
  });

  test("a rejected record keeps its bytes and says where and what", () => {
    const [batch] = splitRecords(`${call("a")}\n{"x" 1}\n${call("b")}`).batches;
    expect(batch!.rejected).toMatchObject([
      { reason: "bad_json", pointer: { source: "test", path: "input", index: 1 }, sizeBytes: 8, kind: "" },
    ]);
    expect(Buffer.from(batch!.rejected[0]!.bytes!).toString()).toBe('{"x" 1}\n');
    expect(batch!.rejected[0]!.detail).toMatch(/^from byte \d+: unexpected "1" at byte \d+$/);
  });

  test("hostile line starts cost no more than a few readings", () => {
    const begunMs = cpuMs();
    splitRecords('{"a":[\n'.repeat(150_000) + "}");
    splitRecords('{"a":[\n{},\n'.repeat(90_000) + "}");
    expect(cpuMs() - begunMs).toBeLessThan(5000);
  });
});

describe("bounds", () => {
  const nested = (depth: number): string => `${'{"a":'.repeat(depth - 1)}{}${"}".repeat(depth - 1)}`;
  const deepCall = (depth: number): string => call("deep", `,"x":${nested(depth - 1)}`);
  const bigCall = (bytes: number): string => call("big", `,"x":"${"y".repeat(bytes - call("big").length - 7)}"`);

  test("nesting is bounded at exactly the limit, neighbours unharmed", () => {
    const inputs = [
      [call("a"), deepCall(64), deepCall(65), call("b")].join("\n"),
      `{"Records":[${[call("a"), deepCall(64), deepCall(65), call("b")].join(",")}]}`,
      [call("a"), deepCall(64), deepCall(65), call("b")]
        .map((text) => envelope("AWS API Call via CloudTrail", text))
        .join("\n"),
      JSON.stringify({
        Events: [call("a"), deepCall(64), deepCall(65), call("b")].map((text) => ({ CloudTrailEvent: text })),
      }),
    ];
    for (const input of inputs) expect(summary(splitRecords(input))).toEqual([C, C, "too_deep", C]);
  });

  test("a million brackets are too deep, closed or not", () => {
    const deep = "[".repeat(1_000_000);
    expect(summary(splitRecords(`{"a":${deep}\n${call("a")}`, 65_536, {}))).toEqual(["too_deep", C]);
    expect(
      summary(
        splitRecords(`{"Records":[{"eventID":"d","eventName":"x","a":${deep}${"]".repeat(1_000_000)}},${call("a")}]}`),
      ),
    ).toEqual(["too_deep", C]);
  });

  test("size is bounded at exactly the limit, in every shape, however it is cut", () => {
    const texts = [call("a"), bigCall(5000), bigCall(5001), call("b"), bigCall(400_000), call("c")];
    const wanted = [C, C, "too_big", C, "too_big", C];
    for (const input of [
      texts.join("\n"),
      `{"Records":[${texts.join(",")}]}`,
      texts.map((text) => envelope("AWS API Call via CloudTrail", text)).join("\n"),
      JSON.stringify({ Events: texts.map((text) => ({ CloudTrailEvent: text })) }),
    ]) {
      for (const pieceBytes of [1 << 20, 1000])
        expect(summary(splitRecords(input, pieceBytes, { recordBytes: 5000 }))).toEqual(wanted);
    }
  });

  test("a record of many megabytes is passed over without being kept", () => {
    const { batches } = splitRecords(`{"Records":[${call("a")},${bigCall(20_000_000)},${call("b")}]}`, 65_536);
    const rejected = batches.flatMap((batch) => batch.rejected);
    expect(rejected).toMatchObject([
      { reason: "too_big", bytes: null, sizeBytes: 20_000_000, kind: C, pointer: { index: 1 } },
    ]);
    for (const { chunk } of batches) expect(chunk.length).toBeLessThanOrEqual(5 << 20);
  });

  test("junk of many megabytes is one rejected piece without bytes", () => {
    const result = splitRecords(`${"x".repeat(9_000_000)}\n${call("a")}`);
    expect(summary(result)).toEqual(["bad_json", C]);
    expect(result.outcomes[0]!.text).toBe("");
  });

  test("batches hold one kind, 1,000 records, 4 MiB, and own their buffer", () => {
    const medium = bigCall(9000);
    const { batches, read } = splitRecords(
      `{"Records":[${Array.from({ length: 3500 }, (_, at) => (at % 3 === 0 ? medium : at % 7 === 0 ? finding : call(`${at}`))).join(",")}]}`,
      65_536,
      { sizeHint: 1 << 24 },
    );
    expect(read).toBe(3500);
    expect(new Set(batches.map(({ chunk }) => chunk.buffer)).size).toBe(batches.length);
    for (const { chunk, offsets, indexes } of batches) {
      expect(chunk.byteOffset).toBe(0);
      expect(chunk.byteLength).toBe(chunk.buffer.byteLength);
      expect(indexes.length).toBeLessThanOrEqual(1000);
      expect(offsets.length).toBe(indexes.length * 2);
      expect(Math.max(...offsets) - Math.min(...offsets)).toBeLessThanOrEqual(4 << 20);
    }
  });

  test("rejected records fill a batch as well, so that they do not pile up", () => {
    const { batches } = splitRecords("[" + "1,".repeat(2500) + "1]");
    expect(batches.map((batch) => batch.rejected.length)).toEqual([1000, 1000, 501]);
    expect(batches.map((batch) => batch.upTo)).toEqual([1000, 2000, 2501]);
    expect(batches.map((batch) => batch.isLast)).toEqual([false, false, true]);
  });
});

describe("repeated keys", () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ["none", call("a"), false],
    ["at the top", call("a", ',"eventName":"x"'), true],
    ["at the top, escaped", call("a", ',"event\\u004eame":"x"'), true],
    ["in userIdentity", call("a").replace('"type":"IAMUser"', '"type":"IAMUser","arn":"a","type":"Root"'), true],
    ["in userIdentity, escaped", call("a").replace('"type":"IAMUser"', '"\\u0074ype":"Root","type":"IAMUser"'), true],
    ["deeper down is not looked for", call("a", ',"requestParameters":{"a":1,"a":2}'), false],
    ["the same key in two objects is none", call("a", ',"x":{"eventName":1},"y":{"type":1}'), false],
    ["keys that differ in an escape of something else", call("a", ',"event\\u004fame":1'), false],
    [
      "among hundreds of keys",
      call("a", `,${Array.from({ length: 500 }, (_, at) => `"k${at}":${at}`).join(",")},"k77":0`),
      true,
    ],
    [
      "hundreds of keys, none twice",
      call("a", `,${Array.from({ length: 500 }, (_, at) => `"k${at}":${at}`).join(",")}`),
      false,
    ],
  ];
  test.for(cases)("%s", ([, text, repeated], { expect }) => {
    const inputs = [
      text,
      `{"Records":[${text}]}`,
      envelope("AWS API Call via CloudTrail", text),
      JSON.stringify({ CloudTrailEvent: text }),
    ];
    for (const input of inputs) {
      for (const pieceBytes of [65_536, 1, 10]) {
        expect(splitRecords(input, pieceBytes).outcomes).toMatchObject([{ is: C, repeated }]);
      }
    }
  });

  test("an envelope with two details is flagged, the last one is the record", () => {
    const input = `{"detail":${call("a")},"detail-type":"AWS API Call via CloudTrail","detail":${call("b")}}`;
    expect(splitRecords(input).outcomes).toMatchObject([{ text: call("b"), repeated: true }]);
  });
});

describe("going on", () => {
  const input = `${call("a")}\n{"x":1}\n${call("b")}\nnot json\n${envelope("Scheduled Event", "{}")}\n${call("c")}`;
  test.for([0, 1, 2, 3, 4, 5, 6])("behind %i records of any outcome", (skip, { expect }) => {
    const whole = splitRecords(input);
    const rest = splitRecords(input, 7, { skip });
    expect(rest.outcomes).toEqual(whole.outcomes.filter(({ index }) => index >= skip));
    expect(rest.read).toBe(6 - skip);
    expect(rest.batches.at(-1)).toMatchObject({ upTo: 6, isLast: true });
  });
});
