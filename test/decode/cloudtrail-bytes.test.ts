/**
 * CloudTrail records as bytes: what is refused and why, numbers that no double holds, keys that name parts of Object.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Arrival } from "../../src/contracts.ts";
import { cloudtrailDecoder } from "../../src/decode/cloudtrail.ts";
import type { Event } from "../../src/model/event.ts";
import { base } from "./base-record.ts";

const historic: Arrival = { nowMs: null, duplicateKeys: false };
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("records that are none", () => {
  test.for([
    ["bad UTF-8", Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d), "bad_utf8"],
    ["an overlong slash", Uint8Array.of(0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d), "bad_utf8"],
    ["no JSON", bytesOf('{"a" 1}'), "bad_json"],
    ["a raw control character in a text", bytesOf('{"a":"\u0001"}'), "bad_json"],
    ["an array", bytesOf("[]"), "bad_json"],
    ["nothing", new Uint8Array(0), "bad_json"],
    [
      "an S3 notification",
      bytesOf(
        '{"eventVersion":"2.1","eventSource":"aws:s3","eventTime":"2026-01-02T03:04:05.000Z","eventName":"ObjectCreated:Put","s3":{}}',
      ),
      "unknown_kind",
    ],
  ] as const)("%s", ([, bytes, reason], { expect }) => {
    const decoded = cloudtrailDecoder.decode(bytes, historic);
    expect(decoded).toMatchObject({ reason });
    // oxlint-disable-next-line no-control-regex
    expect((decoded as { detail: string }).detail).toMatch(/^[^\u0000-\u001f]{1,250}$/);
  });

  test("a record that has nothing but a time is an event", () => {
    expect(cloudtrailDecoder.decode(bytesOf('{"eventTime":"2026-01-02T03:04:05Z"}'), historic)).toMatchObject({
      accountId: "",
      region: "",
      principal: { kind: "unknown" },
    });
  });

  test("no bytes make it throw", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 60 }),
          fc.jsonValue().map((value) =>
            bytesOf(
              JSON.stringify({
                ...base,
                userIdentity: value,
                requestParameters: value,
                resources: value,
                eventID: value,
              }),
            ),
          ),
        ),
        (bytes) => {
          const decoded = cloudtrailDecoder.decode(bytes, historic);
          return "reason" in decoded || decoded.key.length > 0;
        },
      ),
    );
  });
});

describe("numbers", () => {
  const numberOf = (text: string): unknown => {
    const decoded = cloudtrailDecoder.decode(
      bytesOf(`{"eventTime":"2026-01-02T03:04:05Z","n":${text},"s":"x-12345678901234567890"}`),
      historic,
    );
    return "reason" in decoded ? decoded.reason : decoded.record["n"];
  };
  test.for([
    ["9007199254740991", 9007199254740991],
    ["9007199254740993", "9007199254740993"],
    ["-12345678901234567890", "-12345678901234567890"],
    ["1e400", "1e400"],
    ["[1,12345678901234567890]", [1, "12345678901234567890"]],
    ['{"__proto__":12345678901234567890}', JSON.parse('{"__proto__":"12345678901234567890"}')],
    ["0.12345678901234567890", 0.12345678901234568],
    ["8.82145e-05", 8.82145e-5],
    ["1e5", 100_000],
    ['"12345678901234567890"', "12345678901234567890"],
  ] as const)("%s", ([text, value], { expect }) => expect(numberOf(text)).toStrictEqual(value));
});

test("keys that name parts of Object stay ordinary keys", () => {
  const decoded = cloudtrailDecoder.decode(
    bytesOf(
      '{"eventTime":"2026-01-02T03:04:05Z","eventID":"a","__proto__":{"recipientAccountId":"9"},"constructor":{"prototype":{"x":1}},"userIdentity":{"__proto__":{"arn":"x"}}}',
    ),
    historic,
  ) as Event;
  expect([decoded.key, decoded.principal.id]).toEqual(["/a", ""]);
  expect(Object.hasOwn(decoded.record, "__proto__")).toBe(true);
  expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
});
