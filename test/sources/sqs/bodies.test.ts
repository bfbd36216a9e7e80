/** What becomes of each body of a message: its records, what is rejected and skipped, and where it points. */
import { describe, expect, test } from "vitest";
import { createRecordScanners } from "../../../src/sources/records/batches.ts";
import { packMessages } from "../../../src/sources/sqs/bodies.ts";
import { textsOf } from "../../contracts/source-exam.ts";
import { toNotice, toSnsMessage, toTestNotice } from "../../fakes/s3-notices.ts";
import { call, delivery, finding, LIMITS } from "../records.ts";
import { envelope } from "./envelope.ts";

const API = "AWS API Call via CloudTrail";
const state = envelope("SageMaker Training Job State Change", '{"TrainingJobStatus":"Failed"}', "aws.sagemaker");
const other = envelope("Scheduled Event", "{}", "aws.events");

const pack = (bodies: readonly string[], limits = LIMITS): ReturnType<typeof packMessages> =>
  packMessages(
    bodies.map((body, at) => ({ id: `m${at}`, body, sizeBytes: body.length, sentMs: 0, receives: 1 })),
    { source: "s", queue: "q", limits, scanners: createRecordScanners(limits) },
  );
const outcomes = (batches: ReturnType<typeof packMessages>): unknown => ({
  records: batches.flatMap(({ kind, ...batch }) => textsOf({ ...batch, kind } as never).map((text) => [kind, text])),
  rejected: batches.flatMap(({ rejected }) => rejected.map(({ reason }) => reason)),
  skipped: batches.flatMap(({ skipped }) => Object.entries(skipped)),
});

describe("a body", () => {
  const many = `[${envelope(API, call("a"))},${envelope("GuardDuty Finding", finding("f"))}]`;
  test.each<[string, string, readonly (readonly [string, string])[], readonly string[], readonly unknown[]]>([
    ["an envelope", envelope(API, call("a")), [["cloudtrail", call("a")]], [], []],
    ["a finding", envelope("GuardDuty Finding", finding("f")), [["guardduty", finding("f")]], [], []],
    ["an envelope that is the event", state, [["eventbridge", state]], [], []],
    ["an envelope of no use", other, [], [], [["envelope", 1]]],
    [
      "pretty-printed",
      `\n${JSON.stringify({ "detail-type": API, source: "aws.x", detail: { eventName: "A", eventID: "b" } }, null, 2)}\n`,
      [["cloudtrail", JSON.stringify({ eventName: "A", eventID: "b" }, null, 2).replaceAll("\n", "\n  ")]],
      [],
      [],
    ],
    ["by way of SNS", toSnsMessage(envelope(API, call("ü"))), [["cloudtrail", call("ü")]], [], []],
    ["SNS around an envelope of no use", toSnsMessage(other), [], [], [["envelope", 1]]],
    ["SNS around a text", toSnsMessage("hello"), [], ["bad_json"], []],
    [
      "SNS with a broken escape",
      toSnsMessage("x").replace('"Message":"x"', '"Message":"\\ud8"'),
      [],
      ["unknown_kind"],
      [],
    ],
    ["a record without an envelope", call("a"), [["cloudtrail", call("a")]], [], []],
    [
      "several in an array",
      many,
      [
        ["cloudtrail", call("a")],
        ["guardduty", finding("f")],
      ],
      [],
      [],
    ],
    [
      "a page of records",
      delivery(call("a"), call("b")),
      [
        ["cloudtrail", call("a")],
        ["cloudtrail", call("b")],
      ],
      [],
      [],
    ],
    ["a page without records", '{"Records":[]}', [], ["unknown_kind"], []],
    [
      "a notice of S3",
      toNotice({ bucket: "b", key: "k", size: 1, etag: "e" }),
      [["cloudtrail", expect.stringContaining('"aws:s3"') as string]],
      [],
      [],
    ],
    ["a test notice of S3", toTestNotice("b"), [], ["unknown_kind"], []],
    ["no JSON", "hello", [], ["bad_json"], []],
    ["white space", " \n", [], ["unknown_kind"], []],
    ["cut off", envelope(API, call("a")).slice(0, -10), [], ["truncated"], []],
    ["something behind it", `${envelope(API, call("a"))}!`, [["cloudtrail", call("a")]], ["bad_json"], []],
    ["an envelope whose detail is a text", envelope(API, '"x"'), [], ["bad_json"], []],
    [
      "too deep",
      envelope(API, `{"eventName":"a","eventID":"b","c":${"[".repeat(70)}${"]".repeat(70)}}`),
      [],
      ["too_deep"],
      [],
    ],
  ])("%s", (_name, body, ...[records, rejected, skipped]) => {
    expect(outcomes(pack([body]))).toEqual({ records, rejected, skipped });
  });

  test("of nearly a MiB is read, one whose record is larger than the limit is not", () => {
    const fill = (bytes: number): string => envelope(API, call("a").replace('"b"', `"${"x".repeat(bytes)}"`));
    expect(outcomes(pack([fill(1_040_000)]))).toMatchObject({ records: [["cloudtrail", expect.any(String)]] });
    const limits = { ...LIMITS, recordBytes: 100_000 };
    expect(outcomes(pack([fill(100_000)], limits))).toMatchObject({ records: [], rejected: ["too_big"] });
  });
});

test("many bodies make one batch a kind, in a buffer of its own, and a broken one spoils no other", () => {
  const bodies = [
    envelope(API, call("a")),
    "{broken",
    toSnsMessage(envelope(API, call("b"))),
    state,
    `[${envelope(API, call("c"))}]`,
    envelope(API, `{"eventName":"x","eventName":"y","eventID":"d"}`),
    other,
  ];
  const batches = pack(bodies);
  expect(
    batches.map(({ kind, origin, flags, rejected, skipped }) => [
      kind,
      origin.path,
      [...origin.indexes],
      flags === null ? null : [...flags],
      rejected.map(({ pointer }) => pointer.path),
      skipped,
    ]),
  ).toEqual([
    ["cloudtrail", "sqs://q/batch/m0", [0, 2, 5], [0, 0, 1], ["sqs://q/m1"], { envelope: 1 }],
    ["eventbridge", "sqs://q/batch/m0", [3], null, [], {}],
    ["cloudtrail", "sqs://q/m4", [0], null, [], {}],
  ]);
  for (const { chunk } of batches) expect([chunk.byteOffset, chunk.byteLength]).toEqual([0, chunk.buffer.byteLength]);
  const [rejected] = batches[0]!.rejected;
  expect(Buffer.from(rejected!.bytes!).toString()).toBe("{broken");
});
