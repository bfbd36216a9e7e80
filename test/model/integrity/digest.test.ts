/** A digest file is proven only by CloudTrail's own signature over what it says, where it lies and what came before it. */
import { createPublicKey } from "node:crypto";
import { describe, expect, test } from "vitest";
import { type Digest, type Faulty, readDigest, verifyDigest } from "../../../src/model/integrity/digest.ts";
import { fromUri, toDigestPlace, toLogPlace } from "../../../src/model/integrity/place.ts";
import { type Delivered, makeSigningKey, makeTrail } from "../../fakes/digests.ts";

const key = makeSigningKey();
const START = Date.parse("2026-01-02T03:01:31Z");
const HOUR = 3_600_000;
const trail = makeTrail({ bucket: "logs", key });
const files = [trail.log(START + 5 * 60_000, ["{}"]), trail.log(START + 10 * 60_000, ["{}", "{}"])];
const first = trail.digest(START, []);
const second = trail.digest(START + HOUR, files);

type Spoil = {
  readonly text?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly key?: string;
  readonly by?: Uint8Array | null;
};

/** What a delivered digest file, spoiled or not, comes to. */
function judge(delivered: Delivered, spoil: Spoil = {}): Digest | Faulty {
  const { text = delivered.text, metadata = delivered.metadata, by = key.der } = spoil;
  const object = { bucket: delivered.bucket, key: spoil.key ?? delivered.key, bytes: Buffer.from(text), metadata };
  const read = readDigest(object);
  return "fault" in read ? read : (verifyDigest(read, by) ?? read);
}

describe("a digest file", () => {
  test("that CloudTrail signed says what it covers, what it lists and what came before it", () => {
    expect(judge(first)).toMatchObject({ startMs: START, endMs: START + HOUR, previous: null, files: [] });
    expect(judge(second)).toMatchObject({
      startMs: START + HOUR,
      endMs: START + 2 * HOUR,
      fingerprint: key.fingerprint,
      previous: { uri: `s3://logs/${first.key}`, signature: first.metadata["signature"] },
      files: files.map((file) => ({ uri: `s3://logs/${file.key}` })),
    });
    expect(judge(second)).toMatchObject({ previous: { hash: (judge(first) as Digest).hash } });
  });

  test("is signed also where the key comes as SubjectPublicKeyInfo, as in AWS's examples", () => {
    const spki = createPublicKey(key.privateKey).export({ format: "der", type: "spki" });
    expect(judge(second, { by: spki })).not.toHaveProperty("fault");
  });

  const spoiled: readonly (readonly [string, string, Spoil])[] = [
    ["with one more space", "bad_signature", { text: `${second.text} ` }],
    [
      "with another hash in it",
      "bad_signature",
      {
        text: second.text.replace(/"hashValue":"./, '"hashValue":"0').replace(/"hashValue":"0(.)/, '"hashValue":"f$1'),
      },
    ],
    ["without one of its log files", "bad_signature", { text: without(second.text, "logFiles") }],
    ["with another end", "bad_signature", { text: second.text.replace('T05:01:31Z"', 'T05:01:32Z"') }],
    ["with the signature of another", "bad_signature", { metadata: first.metadata }],
    ["by another key of the same fingerprint", "bad_signature", { by: makeSigningKey().der }],
    ["by a key that nobody knows", "unknown_key", { by: null }],
    ["by a key that is none", "unknown_key", { by: Uint8Array.of(1, 2, 3) }],
    ["without a signature", "unsigned", { metadata: {} }],
    ["without the name of the algorithm", "unsigned", { metadata: { signature: second.metadata["signature"] ?? "" } }],
    [
      "by another algorithm",
      "bad_signature",
      { metadata: { ...second.metadata, "signature-algorithm": "MD5withRSA" } },
    ],
    [
      "with a signature that is no hexadecimal",
      "bad_signature",
      { metadata: { ...second.metadata, signature: "xyz" } },
    ],
    ["under another key", "moved", { key: second.key.replace("T050131Z", "T060131Z") }],
    ["that is no JSON", "malformed", { text: "{" }],
    ["that is a list", "malformed", { text: "[]" }],
    ["without times", "malformed", { text: second.text.replace("digestStartTime", "x") }],
    ["without log files", "malformed", { text: second.text.replace("logFiles", "x") }],
    [
      "with a hash of another kind",
      "malformed",
      { text: second.text.replace('"hashAlgorithm":"SHA-256"', '"hashAlgorithm":"MD5"') },
    ],
    [
      "that names the one before it in part",
      "malformed",
      { text: second.text.replace("previousDigestHashValue", "x") },
    ],
  ];
  test.each(spoiled)("%s is %s", (_what, fault, spoil) => {
    const judged = judge(second, spoil);
    expect(judged).toMatchObject({ fault });
    expect((judged as Faulty).detail).not.toBe("");
  });

  test("of any bytes gives a fault, never an exception", () => {
    for (const text of ["", "null", "1", '"x"', '{"logFiles":[1]}', '{"__proto__":{}}', "\u0000"])
      expect(judge(second, { text })).toHaveProperty("fault");
    const bytes = Uint8Array.of(0xff, 0xfe, 0x00);
    expect(readDigest({ bucket: "b", key: "k", bytes, metadata: {} })).toMatchObject({ fault: "malformed" });
  });
});

/** The text with an empty list. */
function without(text: string, list: string): string {
  return JSON.stringify({ ...(JSON.parse(text) as object), [list]: [] });
}

describe("the key of a file", () => {
  const digests: readonly (readonly [string, ReturnType<typeof toDigestPlace>])[] = [
    [
      second.key,
      {
        accountId: "111122223333",
        region: "eu-west-1",
        chain: "s3://logs/AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/eu-west-1_main_eu-west-1",
        endMs: START + 2 * HOUR,
        isBackfill: false,
      },
    ],
    [
      "a/b/AWSLogs/o-exampleorgid/111122223333/CloudTrail-Digest/us-gov-west-1/2026/01/02/111122223333_CloudTrail-Digest_us-gov-west-1_my_trail-1_us-gov-east-1_20260102T050131Z_backfill.json.gz",
      {
        accountId: "111122223333",
        region: "us-gov-west-1",
        chain:
          "s3://logs/a/b/AWSLogs/o-exampleorgid/111122223333/CloudTrail-Digest/us-gov-west-1/us-gov-west-1_my_trail-1_us-gov-east-1_backfill",
        endMs: START + 2 * HOUR,
        isBackfill: true,
      },
    ],
    [second.key.replace("111122223333_", "999922223333_"), null],
    [second.key.replace("T050131Z", "T996131Z"), null],
    [second.key.replace(".json.gz", ".json"), null],
    ["AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/x.json.gz", null],
  ];
  test.each(digests)("of a digest file says its place: %s", (name, place) => {
    const found = toDigestPlace({ bucket: "logs", key: name });
    expect(found).toEqual(place);
  });

  test("of a log file says account, Region and hour; other objects have none", () => {
    const hourMs = Date.parse("2026-01-02T03:00:00Z");
    expect(toLogPlace(files[0]?.key ?? "")).toEqual({ accountId: "111122223333", region: "eu-west-1", hourMs });
    expect(toLogPlace(second.key)).toBeNull();
    expect(
      toLogPlace("AWSLogs/111122223333/elasticloadbalancing/eu-west-1/2026/01/02/x_20260102T0305Z_a.json.gz"),
    ).toBeNull();
    expect(toLogPlace("AWSLogs/111122223333/CloudTrail/eu-west-1/2026/01/02/x_20261302T0305Z_a.json.gz")).toBeNull();
  });

  test("of a file is got back from its URI", () => {
    expect(fromUri("s3://logs/a/b c")).toEqual({ bucket: "logs", key: "a/b c" });
  });
});
