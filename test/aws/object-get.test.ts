/**
 * GetObject after the model of the SDK's first request of a bucket, over a server that checks the signature by itself:
 * the same objects, errors and numbers of requests as by the SDK's command alone.
 */
import { S3Client } from "@aws-sdk/client-s3";
import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CALL_LIMITS } from "../../src/aws/clients.ts";
import { type ObjectGet, openObjectGet } from "../../src/aws/object-get.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { awsAt } from "./set-up.ts";

type Credentials = { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
type Answer = (request: IncomingMessage, response: ServerResponse) => void;
type Seen = { readonly path: string; readonly host: string; readonly scope: string; readonly token: string };

const FIRST = { accessKeyId: "AKIAFIRST", secretAccessKey: "first-secret" };
const BODY = Buffer.from("the bytes of an object ".repeat(40));
const signal = (): AbortSignal => new AbortController().signal;

let server: Server;
let port = 0;
let seen: Seen[] = [];
let answers: Answer[] = [];
let credentials: Credentials = FIRST;
/** What whoever asks for credentials waits for. */
let held: Promise<unknown> = Promise.resolve();
/** How far the server's clock is ahead, ms. */
let aheadMs = 0;
let client: S3Client | null = null;

const give =
  (headers: Readonly<Record<string, string>> = {}, body = BODY): Answer =>
  (_request, response) => {
    response.writeHead(200, { etag: '"e"', "content-length": String(body.length), ...headers });
    response.end(body);
  };
const refuse =
  (status: number, code: string, headers: Readonly<Record<string, string>> = {}): Answer =>
  (_request, response) => {
    response.writeHead(status, { "content-type": "application/xml", ...headers });
    response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>because of ${code}</Message></Error>`);
  };
const reset: Answer = (_request, response) => void response.socket?.resetAndDestroy();

beforeEach(async () => {
  [seen, answers, credentials, held, aheadMs] = [[], [], FIRST, Promise.resolve(), 0];
  server = createServer((request, response) => {
    const { host = "", authorization = "" } = request.headers;
    const [, scope = ""] = /Credential=([^,]*)\/aws4_request,/.exec(authorization) ?? [];
    const token = String(request.headers["x-amz-security-token"] ?? "");
    seen.push({ path: request.url ?? "", host, scope: scope.replace(/\/\d{8}\//, "/DAY/"), token });
    response.setHeader("date", new Date(Date.now() + aheadMs).toUTCString());
    const at = String(request.headers["x-amz-date"]).replace(/(....)(..)(..T..)(..)(..Z)/, "$1-$2-$3:$4:$5");
    const isLate = Math.abs(Date.parse(at) - Date.now() - aheadMs) > 900_000;
    if (isLate) return refuse(403, "RequestTimeTooSkewed")(request, response);
    if (!isSigned(request)) return refuse(403, "SignatureDoesNotMatch")(request, response);
    (answers.shift() ?? give())(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  ({ port } = server.address() as AddressInfo);
});
afterEach(async () => {
  client?.destroy();
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

/** Whether the signature is the one of https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
function isSigned({ method = "", url = "", headers }: IncomingMessage): boolean {
  const [, scope = "", names = "", signature] =
    /Credential=[^/]*\/([^,]*), SignedHeaders=([^,]*), Signature=(\w+)$/.exec(headers.authorization ?? "") ?? [];
  const [path, query = ""] = url.split("?");
  const lines = names.split(";").map((name) => `${name}:${String(headers[name])}\n`);
  const payload = String(headers["x-amz-content-sha256"]);
  const canonical = [method, path, query, lines.join(""), names, payload].join("\n");
  const hash = createHash("sha256").update(canonical).digest("hex");
  const text = ["AWS4-HMAC-SHA256", String(headers["x-amz-date"]), scope, hash].join("\n");
  let key: string | Buffer = `AWS4${credentials.secretAccessKey}`;
  for (const part of scope.split("/")) key = createHmac("sha256", key).update(part).digest();
  return createHmac("sha256", key).update(text).digest("hex") === signature && names.includes("x-amz-content-sha256");
}

async function open(): Promise<ObjectGet> {
  const aws = awsAt(`http://127.0.0.1:${port}`);
  // Marked as those of createAws are, so that the client keeps none.
  const provider = Object.assign(() => held.then(() => credentials), { memoized: true });
  const extra = { forcePathStyle: true, followRegionRedirects: true, credentials: provider };
  client = aws.open(S3Client, CALL_LIMITS, extra);
  return openObjectGet(client, systemClock);
}

/** The object's bytes, checked, and what is said of it. */
async function read(get: ObjectGet, key: string): Promise<{ text: string; about: Record<string, unknown> }> {
  const { body, check, ...about } = await get({ bucket: "logs", key }, signal());
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  await check?.(bytes);
  const { ContentLength, ETag, Metadata, ServerSideEncryption } = about;
  return { text: bytes.toString(), about: { ContentLength, ETag, Metadata, ServerSideEncryption } };
}

/** What the second request of a bucket is answered with; the first got an object. */
async function readSecond(...given: readonly Answer[]): Promise<string> {
  const get = await open();
  await read(get, "first");
  seen = [];
  answers = [...given];
  return (await read(get, "second")).text;
}

describe("later objects of a bucket", () => {
  const keys = ["plain", "a b+c/(é)'!*~", "/lead//twice/", "../up/./x", "ends/", "%2F&=?#"];
  test.each(keys)("are asked for as the SDK does it, signed: %s", async (key) => {
    const headers = { "x-amz-meta-signature": "abc", "x-amz-server-side-encryption": "aws:kms" };
    answers = [give(headers), give(), give(headers)];
    const bySdk = await read(await open(), key);
    client?.destroy();
    const get = await open();
    await read(get, "another");
    expect(await read(get, key)).toEqual(bySdk);
    expect(bySdk.about).toMatchObject({ Metadata: { signature: "abc" }, ServerSideEncryption: "aws:kms" });
    const [first, , third] = seen;
    expect(third).toEqual(first);
    expect(seen).toHaveLength(3);
  });

  test("are signed with the credentials of the moment, and their token", async () => {
    const get = await open();
    for (const name of ["a", "b", ""]) {
      const token = name === "" ? {} : { sessionToken: `${name}-token` };
      credentials = { accessKeyId: `ASIA${name}`, secretAccessKey: `${name}-secret`, ...token };
      await read(get, `object-${name}`);
    }
    expect(seen.map(({ scope, token }) => [scope, token])).toEqual([
      ["ASIAa/DAY/eu-west-1/s3", "a-token"],
      ["ASIAb/DAY/eu-west-1/s3", "b-token"],
      ["ASIA/DAY/eu-west-1/s3", ""],
    ]);
  });

  test("are asked for in the Region that a redirect told of, without another redirect", async () => {
    const elsewhere = refuse(301, "PermanentRedirect", { "x-amz-bucket-region": "eu-north-1" });
    answers = [elsewhere];
    const get = await open();
    await read(get, "first");
    await read(get, "second");
    expect(seen.map(({ scope }) => scope.split("/")[2])).toEqual(["eu-west-1", "eu-north-1", "eu-north-1"]);
    // A bucket that was made anew in another Region is followed there.
    answers = [refuse(301, "PermanentRedirect", { "x-amz-bucket-region": "us-east-1" })];
    seen = [];
    await read(get, "third");
    await read(get, "fourth");
    expect(seen.map(({ scope }) => scope.split("/")[2])).toEqual(["eu-north-1", "us-east-1", "us-east-1"]);
  });

  test("are signed by the server's clock, where the host's is wrong", async () => {
    const get = await open();
    await read(get, "first");
    aheadMs = 3 * 3_600_000;
    await read(get, "second");
    expect(seen).toHaveLength(3);
    await read(get, "third");
    expect(seen).toHaveLength(4);
  });
});

describe("a later object that is not had at once", () => {
  test.each<[string, Answer]>([
    ["SlowDown", refuse(503, "SlowDown")],
    ["InternalError", refuse(500, "InternalError")],
    ["ECONNRESET", reset],
  ])("is asked for again by the SDK, three times in all: %s", async (name, fault) => {
    expect(await readSecond(fault, fault)).toBe(BODY.toString());
    expect(seen).toHaveLength(3);
    seen = [];
    await expect(readSecond(fault, fault, fault)).rejects.toMatchObject(
      name === "ECONNRESET" ? { code: name } : { name },
    );
    expect(seen).toHaveLength(3);
  });

  test("is asked for again where its answer broke off while the SDK asked for new credentials", async () => {
    const breakOff: Answer = (_request, response) => {
      response.writeHead(503, { "content-length": "1000" }).write("<Error>");
      held = systemClock.sleep(200);
      void systemClock.sleep(20).then(() => response.socket?.destroy());
    };
    expect(await readSecond(breakOff)).toBe(BODY.toString());
    expect(seen).toHaveLength(2);
  });

  test.each([
    ["NoSuchKey", 404],
    ["AccessDenied", 403],
    ["ExpiredToken", 400],
    ["InvalidObjectState", 403],
  ])("says why, with one request: %s", async (name, status) => {
    await expect(readSecond(refuse(status, name))).rejects.toMatchObject({
      name,
      message: `because of ${name}`,
      $metadata: { httpStatusCode: status },
    });
    expect(seen).toHaveLength(1);
  });

  test("is given up at once by an abort", async () => {
    const get = await open();
    await read(get, "first");
    seen = [];
    const end = new AbortController();
    answers = [() => end.abort()];
    await expect(get({ bucket: "logs", key: "second" }, end.signal)).rejects.toMatchObject({ name: "AbortError" });
    expect(seen).toHaveLength(1);
  });
});

describe("S3's checksum of a later object", () => {
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(BODY));
  const sums = {
    crc32: crc.toString("base64"),
    sha1: createHash("sha1").update(BODY).digest("base64"),
    sha256: createHash("sha256").update(BODY).digest("base64"),
  };
  const other = Buffer.from(BODY.toString().toUpperCase());

  test.each(Object.entries(sums))("is compared: %s", async (name, sum) => {
    expect(await readSecond(give({ [`x-amz-checksum-${name}`]: sum }))).toBe(BODY.toString());
    const altered = readSecond(give({ [`x-amz-checksum-${name}`]: sum }, other));
    await expect(altered).rejects.toThrow(`Checksum mismatch: x-amz-checksum-${name} says ${sum}`);
  });

  test("is compared: crc64nvme, by the value of its specification", async () => {
    // CRC-64/NVME of "123456789": https://reveng.sourceforge.io/crc-catalogue/all.htm, 2026-11-26.
    const check = Buffer.from("ae8b14860a799888", "hex").toString("base64");
    const digits = Buffer.from("123456789");
    expect(await readSecond(give({ "x-amz-checksum-crc64nvme": check }, digits))).toBe("123456789");
    const altered = readSecond(give({ "x-amz-checksum-crc64nvme": check }, Buffer.from("123456780")));
    await expect(altered).rejects.toThrow("Checksum mismatch: x-amz-checksum-crc64nvme");
  });

  test("is left to the SDK where it is of another algorithm, with the same answer", async () => {
    // CRC-32C of "123456789", from the same catalogue.
    const check = Buffer.from("e3069283", "hex").toString("base64");
    const headers = { "x-amz-checksum-crc32c": check };
    expect(await readSecond(give(headers, Buffer.from("123456789")))).toBe("123456789");
    expect(seen).toHaveLength(1);
    await expect(readSecond(give(headers, Buffer.from("123456780")))).rejects.toThrow("Checksum mismatch");
  });

  test("of parts says nothing of the whole", async () => {
    const headers = { "x-amz-checksum-crc32": `${sums.crc32}-3`, "x-amz-checksum-type": "COMPOSITE" };
    expect(await readSecond(give(headers, other))).toBe(other.toString());
  });
});
