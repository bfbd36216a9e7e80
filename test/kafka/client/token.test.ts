/** Tokens for MSK's IAM log-in, held against signatures that are worked out here step by step. */
import { createHash, createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { createTokens } from "../../../src/kafka/token.ts";

const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5);
const clock = { ...systemClock, nowMs: () => NOW_MS };
const identity = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG", sessionToken: "a/b+c==" };

const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/** SigV4 in query form: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html */
function signatureOf(url: URL, secret: string): string {
  const pairs = [...url.searchParams]
    .filter(([name]) => !["X-Amz-Signature", "User-Agent"].includes(name))
    .map((pair) => pair.map(encodeURIComponent).join("="))
    .toSorted();
  const canonical = ["GET", "/", pairs.join("&"), `host:${url.host}`, "", "host", sha("")].join("\n");
  const scope = ["20260102", "eu-west-1", "kafka-cluster", "aws4_request"];
  const text = ["AWS4-HMAC-SHA256", "20260102T030405Z", scope.join("/"), sha(canonical)].join("\n");
  const key = scope.reduce<string | Buffer>((last, part) => hmac(last, part), `AWS4${secret}`);
  return hmac(key, text).toString("hex");
}

function sha(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

test("a token is the signed URL that MSK takes, for 15 minutes", async () => {
  const tokens = createTokens({ region: "eu-west-1" }, { clock, chain: async () => identity });
  const { value: token, accessKeyId } = await tokens();
  expect(accessKeyId).toBe(identity.accessKeyId);
  expect(token).toMatch(/^[A-Za-z0-9_-]+$/);
  const url = new URL(Buffer.from(token, "base64url").toString());
  expect(url.origin).toBe("https://kafka.eu-west-1.amazonaws.com");
  expect(Object.fromEntries(url.searchParams)).toMatchObject({
    Action: "kafka-cluster:Connect",
    "X-Amz-Expires": "900",
    "X-Amz-Date": "20260102T030405Z",
    "X-Amz-Credential": "AKIDEXAMPLE/20260102/eu-west-1/kafka-cluster/aws4_request",
    "X-Amz-Security-Token": identity.sessionToken,
    "X-Amz-SignedHeaders": "host",
    "User-Agent": "sagewatch",
    "X-Amz-Signature": signatureOf(url, identity.secretAccessKey),
  });
});

test("credentials that end are fetched anew for the next token", async () => {
  let fetched = 0;
  const chain = async (): Promise<typeof identity & { expiration: Date }> => {
    fetched += 1;
    return { ...identity, accessKeyId: `AKID${fetched}`, expiration: new Date(NOW_MS + 60_000) };
  };
  const tokens = createTokens({ region: "cn-north-1" }, { clock, chain });
  const urls = [await tokens(), await tokens()].map(({ value }) => Buffer.from(value, "base64url").toString());
  expect(urls[0]).toMatch(/^https:\/\/kafka\.cn-north-1\.amazonaws\.com\.cn\/\?.*AKID1/);
  expect(urls[1]).toContain("AKID2");
});
