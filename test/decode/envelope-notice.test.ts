/** Notices of new objects: each form, keys in each spelling, and what is broken in part. */
import { describe, expect, test } from "vitest";
import { parseNotice } from "../../src/decode/envelope-notice.ts";
import { toEventBridgeNotice, toNotice, toNoticeRecord, toSnsMessage, toTestNotice } from "../fakes/s3-notices.ts";

const KEY = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/01/02/a b+c=é(1).json.gz";
const noticed = {
  bucket: "trail-logs",
  key: KEY,
  size: 19_300,
  etag: "b21b84d653bb07b05b1e6b33684dc11b",
  sequencer: "0C0F",
};
const object = { bucket: "trail-logs", key: KEY, etag: noticed.etag, sequencer: "0C0F", sizeBytes: 19_300 };
const nothing = { objects: [], others: 0, isTest: false, faults: [] };

describe("a notice", () => {
  test.each<[string, string, object]>([
    ["of S3", toNotice(noticed), { ...nothing, objects: [object] }],
    ["of S3 by SNS", toSnsMessage(toNotice(noticed), "Amazon S3 Notification"), { ...nothing, objects: [object] }],
    ["by EventBridge", toEventBridgeNotice(noticed), { ...nothing, objects: [object] }],
    ["by EventBridge and SNS", toSnsMessage(toEventBridgeNotice(noticed)), { ...nothing, objects: [object] }],
    [
      "of two objects",
      toNotice(noticed, { ...noticed, key: "b" }),
      { ...nothing, objects: [object, { ...object, key: "b" }] },
    ],
    [
      "of CloudTrail itself",
      toSnsMessage(JSON.stringify({ s3Bucket: "trail-logs", s3ObjectKey: ["a b", "c"] })),
      {
        ...nothing,
        objects: ["a b", "c"].map((key) => ({ bucket: "trail-logs", key, etag: "", sequencer: "", sizeBytes: null })),
      },
    ],
    ["that tests", toTestNotice("trail-logs"), { ...nothing, isTest: true }],
    ["that tests, by SNS", toSnsMessage(toTestNotice("trail-logs")), { ...nothing, isTest: true }],
    [
      "of a removal",
      JSON.stringify({ Records: [toNoticeRecord(noticed, "ObjectRemoved:Delete")] }),
      { ...nothing, others: 1 },
    ],
    [
      "of a removal by EventBridge",
      toEventBridgeNotice(noticed).replace("Object Created", "Object Deleted"),
      { ...nothing, others: 1 },
    ],
    ["without records", '{"Records":[]}', nothing],
    ["no JSON", "{", { ...nothing, faults: ["the message is no JSON"] }],
    ["no JSON in SNS", toSnsMessage("hello"), { ...nothing, faults: ["the message in SNS's envelope is no JSON"] }],
    ["something else", '{"a":1}', { ...nothing, faults: ["an object with none of the keys of a notice"] }],
    ["null", "null", { ...nothing, faults: ["an object with none of the keys of a notice"] }],
    [
      "by EventBridge without a key",
      '{"source":"aws.s3","detail-type":"Object Created","detail":{"bucket":{"name":"b"}}}',
      { ...nothing, faults: ["the event names no bucket or no key"] },
    ],
    [
      "of CloudTrail without a bucket",
      '{"s3ObjectKey":["a"]}',
      { ...nothing, faults: ["the notice names no bucket or no key"] },
    ],
  ])("%s", (_name, body, expected) => {
    expect(parseNotice(body)).toEqual(expected);
  });

  test("broken in part gives the objects that it names, and says what is wrong with the others", () => {
    const records = [
      null,
      toNoticeRecord({ ...noticed, key: "" }),
      toNoticeRecord(noticed),
      { ...toNoticeRecord(noticed), s3: { bucket: { name: "b" }, object: { key: "%E0%A4%A" } } },
      { eventName: "ObjectCreated:Put", s3: { bucket: {}, object: { key: "k" } } },
      { ...toNoticeRecord(noticed), s3: { bucket: { name: "b" }, object: { key: "k", size: "12" } } },
    ];
    expect(parseNotice(JSON.stringify({ Records: records }))).toEqual({
      ...nothing,
      objects: [object, { bucket: "b", key: "k", etag: "", sequencer: "", sizeBytes: null }],
      faults: [0, 1, 3, 4].map((at) => `record ${at} names no bucket or no readable key`),
    });
  });
});
