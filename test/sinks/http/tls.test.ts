/** Certificates are checked, both ways, and every call ends within its deadlines. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { SendResult } from "../../../src/contracts.ts";
import { createSecret } from "../../../src/model/secret.ts";
import { createWebhookSink, webhookSink } from "../../../src/sinks/webhook.ts";
import { item } from "../../contracts/alert-items.ts";
import { startReceiver, type ReceiverOptions } from "../../fakes/http/receiver.ts";
import { makePki } from "../../support/kafka/pki.ts";

const { signal } = new AbortController();
const pki = makePki();
const stranger = makePki();
const failed = (why: RegExp) => [{ status: "unknown", code: "tls_failed", detail: expect.stringMatching(why) }];

function write(name: string, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "sagewatch-tls-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

async function post(url: string, more: Record<string, unknown> = {}, key?: string): Promise<readonly SendResult[]> {
  const config = webhookSink.schema.parse({ type: "webhook", url, allow: ["127.0.0.0/8"], ...more });
  const secret = createSecret({ env: "KEY" });
  if (key !== undefined) secret.fill(key);
  const sink = createWebhookSink(
    { ...config, ...(key !== undefined && { key: secret }) },
    { version: "1.0.0", stdout: process.stdout },
  );
  onTestFinished(() => sink.close());
  return sink.send([item(1)], signal);
}

async function startTls(
  tls: NonNullable<ReceiverOptions["tls"]>,
  host?: string,
): Promise<{ port: number; calls: unknown[] }> {
  const receiver = await startReceiver(() => ({ status: 200 }), { tls, ...(host !== undefined && { host }) });
  onTestFinished(receiver.close);
  return receiver;
}

test("a certificate that no known authority vouches for is refused, and nothing is sent", async () => {
  const { port, calls } = await startTls(pki.server);
  expect(await post(`https://127.0.0.1:${port}/`)).toEqual(failed(/no TLS with https:.*`caFile`/));
  expect(await post(`https://127.0.0.1:${port}/`, { caFile: write("ca.pem", stranger.ca.cert) })).toEqual(failed(/./));
  expect(calls).toEqual([]);
});

test("an authority of one's own is trusted", async () => {
  const { port, calls } = await startTls(pki.server);
  const caFile = write("ca.pem", pki.ca.cert);
  expect(await post(`https://127.0.0.1:${port}/`, { caFile })).toEqual([{ status: "accepted" }]);
  expect(calls).toHaveLength(1);
});

test("a certificate for another host is refused", async () => {
  const { port, calls } = await startTls(pki.server, "127.0.0.2");
  const caFile = write("ca.pem", pki.ca.cert);
  expect(await post(`https://127.0.0.2:${port}/`, { caFile })).toEqual(failed(/altnames|127\.0\.0\.2/));
  expect(calls).toEqual([]);
});

test("a certificate that has expired is refused, though a known authority vouches for it", async () => {
  const old = makePki(Date.now() - 60_000);
  const { port, calls } = await startTls(old.server);
  const caFile = write("ca.pem", old.ca.cert);
  expect(await post(`https://127.0.0.1:${port}/`, { caFile })).toEqual(failed(/expired/));
  expect(calls).toEqual([]);
});

test("a client certificate is shown to a receiver that asks for one, which takes nothing without", async () => {
  const { port, calls } = await startTls({ ...pki.server, ca: pki.ca.cert, requestCert: true });
  const url = `https://127.0.0.1:${port}/`;
  const caFile = write("ca.pem", pki.ca.cert);
  const [without] = await post(url, { caFile });
  expect(without?.status).toBe("unknown");
  expect(calls).toEqual([]);
  const certFile = write("client.pem", pki.client.cert);
  expect(await post(url, { caFile, certFile }, pki.client.key)).toEqual([{ status: "accepted" }]);
});

test("a file of authorities that cannot be read is told by its path", async () => {
  const { port } = await startTls(pki.server);
  expect(await post(`https://127.0.0.1:${port}/`, { caFile: "/nowhere/ca.pem" })).toEqual([
    { status: "unknown", code: "file_unreadable", detail: expect.stringContaining("/nowhere/ca.pem") },
  ]);
});

/** Takes connections and says `greeting`, then a letter every 50 ms where it drips. */
async function startRaw(greeting: string, isDripping: boolean): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    if (greeting !== "") socket.write(greeting);
    const timer = isDripping ? setInterval(() => socket.write("x"), 50) : undefined;
    socket.on("close", () => clearInterval(timer));
    onTestFinished(() => void socket.destroy());
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

const OPEN = "HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n";
test.each([
  { what: "never shakes hands", scheme: "https", greeting: "", code: "connect_timed_out", ms: 200 },
  { what: "never answers", scheme: "http", greeting: "", code: "timed_out", ms: 1000 },
  { what: "never ends its answer", scheme: "http", greeting: OPEN, code: "timed_out", ms: 1000 },
])("a receiver that $what costs its deadline and no more", async ({ scheme, greeting, code, ms }) => {
  const port = await startRaw(greeting, greeting !== "");
  const begunMs = performance.now();
  const results = await post(`${scheme}://127.0.0.1:${port}/`, { connectTimeout: "200ms", timeout: "1s" });
  expect(results).toEqual([{ status: "unknown", code }]);
  expect(performance.now() - begunMs).toBeGreaterThanOrEqual(ms - 20);
  expect(performance.now() - begunMs).toBeLessThan(ms + 2000);
});

test("an answer of more than 1 MiB is not read to its end", async () => {
  const port = await startRaw(`HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n${"x".repeat(1_100_000)}`, true);
  expect(await post(`http://127.0.0.1:${port}/`)).toEqual([{ status: "unknown", code: "answer_too_large" }]);
});
