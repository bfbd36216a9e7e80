/** The sink webhook over a real server: the exam, the signature, the guard of addresses, templates and refusals. */
import { createHmac } from "node:crypto";
import type { LookupAddress } from "node:dns";
import type { IncomingHttpHeaders } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import type { Sink } from "../../src/contracts.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { createSecret } from "../../src/model/secret.ts";
import { createAddressGuard } from "../../src/sinks/http/guard.ts";
import { createWebhookSink, webhookSink } from "../../src/sinks/webhook.ts";
import { item } from "../contracts/alert-items.ts";
import { everythingTold, HOSTILE, hostileItems } from "../contracts/hostile-items.ts";
import { type Examined, examineSink } from "../contracts/sink-exam.ts";
import { hostileFinding } from "../encode/alerts.ts";
import { startReceiver } from "../fakes/http/receiver.ts";

type Got = { readonly headers: IncomingHttpHeaders; readonly body: string };

async function startHook() {
  const got: Got[] = [];
  const limit = { maxBytes: Infinity };
  const receiver = await startReceiver(({ headers, body }) => {
    if (body.length > limit.maxBytes) return { status: 413 };
    if (!got.some((one) => one.headers["idempotency-key"] === headers["idempotency-key"])) got.push({ headers, body });
    return { status: 200 };
  });
  return { ...receiver, got, limit };
}

const secret = createSecret({ env: "HOOK" });
secret.fill("hook-key");

function open(port: number, more: Record<string, unknown> = {}): Sink {
  const config = webhookSink.schema.parse({
    type: "webhook",
    url: `http://127.0.0.1:${port}/`,
    allow: ["127.0.0.1"],
    ...more,
  });
  return createWebhookSink({ ...config, secret }, { version: "1.0.0", stdout: process.stdout });
}

async function started() {
  const receiver = await startHook();
  onTestFinished(receiver.close);
  return receiver;
}

examineSink("webhook", async (): Promise<Examined> => {
  const { got, plan, port, close } = await startHook();
  const sink = open(port);
  return {
    sink,
    received: async () =>
      got.map(({ body }) => {
        const { id, revision } = JSON.parse(body) as { id: string; revision: number };
        return { id, revision };
      }),
    fail: async () => void (plan.isDown = true),
    mend: async () => void (plan.isDown = false),
    slow: (ms) => void (plan.delayMs = ms),
    reopen: () => open(port),
    dispose: async () => {
      await sink.close();
      await close();
    },
  };
});

const { signal } = new AbortController();

test("the signature is the HMAC of seconds and body, the key is id and revision", async () => {
  const { got, port } = await started();
  await open(port).send([item(1, 2)], signal);
  const [{ headers, body } = { headers: {}, body: "" }] = got;
  const [, seconds, hex] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers["x-sagewatch-signature"])) ?? [];
  expect(hex).toBe(createHmac("sha256", "hook-key").update(`${seconds}.${body}`).digest("hex"));
  expect(headers["idempotency-key"]).toBe(`${item(1).alert.id}-2`);
});

test.each([
  [400, { status: "refused", code: "bad_request" }],
  [413, { status: "refused", code: "too_large" }],
  [408, { status: "unknown", code: "timed_out" }],
  [429, { status: "unknown", code: "throttled" }],
  [302, { status: "unknown", code: "redirected", detail: expect.stringContaining("302") }],
  [401, { status: "unknown", code: "not_authorised", detail: expect.stringContaining("check `headers` and `secret`") }],
  [403, { status: "unknown", code: "not_permitted", detail: expect.stringContaining("grant it there") }],
  [404, { status: "unknown", code: "not_found", detail: expect.stringContaining("check the path") }],
  [410, { status: "unknown", code: "not_found", detail: expect.stringContaining("gone") }],
  [422, { status: "refused", code: "rejected" }],
  [500, { status: "unknown", code: "receiver_failed" }],
])("an answer %i is %o", async (status, result) => {
  const { plan, calls, port } = await started();
  plan.reply = { status, headers: { location: "http://127.0.0.1:1/" } };
  expect(await open(port).send([item(1)], signal)).toEqual([result]);
  expect(calls).toHaveLength(status === 413 ? 2 : 1);
});

test("a receiver that takes less gets the alert with less evidence, which says so", async () => {
  const { got, limit, port } = await started();
  const whole = JSON.stringify(item(1).alert).length;
  limit.maxBytes = whole - 100;
  expect(await open(port).send([item(1)], signal)).toEqual([{ status: "accepted" }]);
  expect(got[0]?.body).toContain("cut to fit");
});

const INNER = [
  "127.0.0.1",
  "2130706433",
  "0x7f000001",
  "0177.0.0.1",
  "[::1]",
  "[::ffff:127.0.0.1]",
  "[::ffff:7f00:1]",
  "[::ffff:0:7f00:1]",
  "localhost",
];
const METADATA = [
  "169.254.169.254",
  "[fd00:ec2::254]",
  "[fe80::1]",
  "10.0.0.1",
  "172.16.0.1",
  "192.168.1.1",
  "100.64.0.1",
  "0.0.0.0",
];
test.each([...INNER, ...METADATA])("%s is denied without a connection", async (host) => {
  const { seen, port } = await started();
  const sink = open(port, { url: `http://${host}:${port}/`, allow: [], insecure: true });
  const detail = expect.stringContaining("list it in `allow`");
  expect(await sink.send([item(1)], signal)).toEqual([{ status: "unknown", code: "address_denied", detail }]);
  expect(seen.connects).toBe(0);
});

test("a name is judged by what it resolves to at each connection, and by all of it", () => {
  const answers = [["93.184.216.34"], ["127.0.0.1"], ["93.184.216.34", "169.254.169.254"], ["::ffff:10.0.0.1"]];
  const resolve = ((_: string, __: object, done: (error: null, found: LookupAddress[]) => void) =>
    done(
      null,
      (answers.shift() ?? []).map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    )) as never;
  const guard = createAddressGuard({ allow: [], insecure: false }, resolve);
  const told = [1, 2, 3, 4].map(() => {
    let code: string | undefined = "none";
    guard.lookup(true)("rebinding.example", {}, (error) => void (code = error?.code));
    return code;
  });
  expect(told).toEqual([undefined, "address_denied", "address_denied", "address_denied"]);
});

test("without TLS only listed addresses are connected to, unless the settings say otherwise aloud", () => {
  const strict = createAddressGuard({ allow: ["10.1.0.0/16"], insecure: false });
  const open = createAddressGuard({ allow: ["10.1.0.0/16"], insecure: true });
  expect(["10.1.2.3", "93.184.216.34", "127.0.0.1"].map((address) => strict.judge(address, false))).toEqual([
    null,
    "plain_denied",
    "address_denied",
  ]);
  expect(strict.judge("93.184.216.34", true)).toBe(null);
  expect(["93.184.216.34", "127.0.0.1"].map((address) => open.judge(address, false))).toEqual([null, "address_denied"]);
});

test("a plain URL that could reach nothing is refused when the configuration is checked", () => {
  const check = (more: object): readonly string[] =>
    webhookSink.schema
      .safeParse({ type: "webhook", url: "http://a.example/", ...more })
      .error?.issues.map(({ path, message }) => `${path.join(".")} ${message}`) ?? [];
  expect(check({})).toEqual([expect.stringMatching(/^url is plain http.*`insecure: true`/)]);
  expect(check({ insecure: true })).toEqual([]);
  expect(check({ allow: ["10.0.0.0/8"] })).toEqual([]);
  expect(check({ url: "https://a.example/" })).toEqual([]);
});

test("no part of the URL but its origin, no header and no key is told anywhere", async () => {
  const { plan, port } = await started();
  const url = `http://127.0.0.1:${port}/hooks/planted-path?key=planted-query`;
  const settings = { url, headers: { authorization: "Bearer planted-header" } };
  const told = await everythingTold(() => open(port, settings), plan, "planted-body hook-key");
  expect(told).toContain(`http://127.0.0.1:${port} answers 401`);
  expect(told).not.toMatch(/planted|hook-key/);
});

test.each([
  ["7", 7000],
  ["Wed, 21 Oct 2099 07:28:00 GMT", expect.any(Number)],
  ["soon", undefined],
])("Retry-After: %s is told", async (text, retryAfterMs) => {
  const { plan, port } = await started();
  plan.reply = { status: 503, headers: { "retry-after": text } };
  const [result] = await open(port).send([item(1)], signal);
  expect((result as { retryAfterMs?: number }).retryAfterMs).toEqual(retryAfterMs);
});

test("the signature is that of a vector made by another program", async () => {
  const { got, port } = await started();
  const config = webhookSink.schema.parse({
    type: "webhook",
    url: `http://127.0.0.1:${port}/`,
    allow: ["127.0.0.1"],
    template: { text: "{{alert.severity}}" },
  });
  const clock = { ...systemClock, nowMs: () => 1_772_323_200_999 };
  await createWebhookSink({ ...config, secret }, { version: "1.0.0", stdout: process.stdout, clock }).send(
    [item(1)],
    signal,
  );
  // printf '%s' '1772323200.{"text":"high"}' | openssl dgst -sha256 -hmac hook-key
  expect(got[0]?.headers["x-sagewatch-signature"]).toBe(
    "t=1772323200,v1=f0e4a8a5faa7ac248e2cf3e825584a2bae9f8a3f6d46f8a27da1ce1a89c7a863",
  );
});

test.each([
  ["native", {}],
  ["ocsf", { format: "ocsf" }],
  [
    "template",
    {
      template: {
        text: "[{{alert.severity}}] {{alert.title}}",
        who: "{{alert.principal}}",
        rows: "{{alert.evidence}}",
      },
    },
  ],
])("bodies as they go out: %s", async (name, settings) => {
  const { got, port } = await started();
  await open(port, settings).send([item(1), { alert: hostileFinding, opened: true }], signal);
  await expect(got.map(({ body }) => `${body}\n`).join("")).toMatchFileSnapshot(`../golden/webhook/${name}.ndjson`);
});

test("what strangers wrote comes back byte for byte, and no body has a hidden character", async () => {
  const { got, port } = await started();
  await open(port).send(hostileItems(), signal);
  const fields = got.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
  expect(fields.map(({ title, why, principal, group }) => [title, why, principal, group])).toEqual(
    HOSTILE.map((text) => [text, text, text, { [`g ${text}`]: text }]),
  );
  for (const { body } of got) expect(body).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
});

test("the body is the template filled in, when there is one", async () => {
  const { got, port } = await started();
  const template = { id: "{{alert.id}}", text: "revision {{alert.revision}}" };
  await open(port, { template }).send([item(3, 2)], signal);
  expect(got[0]?.body).toBe(JSON.stringify({ id: item(3).alert.id, text: "revision 2" }));
});

test("settings: secrets are references, reserved headers and users in the URL are refused", () => {
  const check = (more: object) =>
    webhookSink.schema.safeParse({ type: "webhook", url: "https://a.example/", ...more }).success;
  expect(check({})).toBe(true);
  expect(check({ secret: "plain" })).toBe(false);
  expect(check({ url: "https://me:pass@a.example/" })).toBe(false);
  expect(check({ headers: { "Content-Type": "x" } })).toBe(false);
  expect(check({ headers: { "x-a": "b\r\nx-c: d" } })).toBe(false);
  expect(check({ allow: ["10.0.0.0/33"] })).toBe(false);
});
