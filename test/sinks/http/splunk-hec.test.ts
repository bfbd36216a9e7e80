/** The sink splunk-hec over a collector: the exam, acknowledgement, codes, bodies, hostile texts and secrets. */
import { expect, onTestFinished, test } from "vitest";
import type { Sink } from "../../../src/contracts.ts";
import { createSecret } from "../../../src/model/secret.ts";
import { createSplunkHecSink, splunkHecSink } from "../../../src/sinks/splunk/hec.ts";
import { item } from "../../contracts/alert-items.ts";
import { everythingTold, HOSTILE, hostileItems } from "../../contracts/hostile-items.ts";
import { type Examined, examineSink } from "../../contracts/sink-exam.ts";
import { hostileFinding } from "../../encode/alerts.ts";
import { type Splunk, startSplunk, TOKEN } from "../../fakes/http/splunk.ts";

const { signal } = new AbortController();
const accepted = { status: "accepted" };

function open(port: number, more: Record<string, unknown> = {}, value = TOKEN): Sink {
  const config = splunkHecSink.schema.parse({
    type: "splunk-hec",
    url: `http://127.0.0.1:${port}/`,
    token: { env: "SPLUNK" },
    allow: ["127.0.0.1"],
    ...more,
  });
  const token = createSecret({ env: "SPLUNK" });
  token.fill(value);
  return createSplunkHecSink({ ...config, token }, { version: "1.0.0", stdout: process.stdout });
}

async function started(): Promise<Splunk> {
  const splunk = await startSplunk();
  onTestFinished(splunk.close);
  return splunk;
}

const heads = ({ indexed }: Splunk) =>
  indexed.map(({ event }) => ({ id: String(event["id"]), revision: Number(event["revision"]) }));

for (const acknowledge of [true, false])
  examineSink(`splunk-hec ${acknowledge ? "with" : "without"} acknowledgement`, async (): Promise<Examined> => {
    const splunk = await startSplunk();
    splunk.state.isAckOn = acknowledge;
    const sink = open(splunk.port, { acknowledge, gzip: acknowledge });
    return {
      sink,
      received: async () => heads(splunk),
      fail: async () => void (splunk.plan.isDown = true),
      mend: async () => void (splunk.plan.isDown = false),
      slow: (ms) => void (splunk.plan.delayMs = ms),
      reopen: () => open(splunk.port, { acknowledge }),
      dispose: async () => {
        await sink.close();
        await splunk.close();
      },
    };
  });

test("an alert counts as accepted once the indexers have it, and not before", async () => {
  const splunk = await started();
  splunk.state.falseAcks = 2;
  expect(await open(splunk.port).send([item(1), item(2)], signal)).toEqual([accepted, accepted]);
  expect(splunk.indexed).toHaveLength(2);
  expect(splunk.calls.map(({ path }) => path.split("/").at(-1))).toEqual(["ack", "event", "ack", "ack", "ack"]);
  const channels = new Set(splunk.calls.map(({ headers }) => headers["x-splunk-request-channel"]));
  expect(channels.size).toBe(1);
});

test("what is not acknowledged in time is unknown, and the very same call goes again", async () => {
  const splunk = await started();
  splunk.state.lost = 1;
  const sink = open(splunk.port, { ackTimeout: "1s" });
  const array = [item(1), item(2)];
  const lost = { status: "unknown", code: "not_acknowledged" };
  expect(await sink.send(array, signal)).toEqual([lost, lost]);
  expect(splunk.indexed).toEqual([]);
  expect(await sink.send(array, signal)).toEqual([accepted, accepted]);
  expect(splunk.texts[1]).toBe(splunk.texts[0]);
  expect(splunk.indexed).toHaveLength(2);
});

test.each([
  ["a token that is not known", {}, {}, "wrong", "not_authorised", "check `token`"],
  ["a disabled token", { isDisabled: true }, {}, TOKEN, "token_disabled", "enable it in Splunk"],
  ["an index that the token may not write to", {}, { index: "main" }, TOKEN, "index_denied", "change `index`"],
  ["acknowledgement that is off", { isAckOn: false }, {}, TOKEN, "ack_disabled", "set `acknowledge: false`"],
  ["a wrong path", {}, { path: "/x" }, TOKEN, "not_found", "check the path"],
] as const)("%s is told with what to do, and refuses no alert", async (...row) => {
  const [, state, { path = "", ...settings }, token, code, what] = row as readonly [
    string,
    object,
    { path?: string; index?: string },
    string,
    string,
    string,
  ];
  const splunk = await started();
  Object.assign(splunk.state, state);
  const sink = open(splunk.port, { url: `http://127.0.0.1:${splunk.port}${path}`, ...settings }, token);
  expect(await sink.send([item(1)], signal)).toEqual([
    { status: "unknown", code, detail: expect.stringContaining(what) },
  ]);
  expect(splunk.indexed).toEqual([]);
});

test("an event that Splunk will never take is refused alone; its neighbours are indexed", async () => {
  const splunk = await started();
  const bad = { ...item(2), alert: { ...item(2).alert, title: "refuse me" } };
  expect(await open(splunk.port).send([item(1), bad, item(3)], signal)).toEqual([
    accepted,
    { status: "refused", code: "bad_event" },
    accepted,
  ]);
  expect(heads(splunk).map(({ id }) => Number(id))).toEqual([1, 3]);
});

test("a call that is too large is cut into single ones, and those lose evidence and say so", async () => {
  const splunk = await started();
  splunk.state.maxBytes = 1700;
  expect(await open(splunk.port).send([item(1), item(2)], signal)).toEqual([accepted, accepted]);
  for (const { event } of splunk.indexed) expect(event["why"]).toContain("cut to fit");
});

test("codes for busy leave all open, a 200 of something else is told", async () => {
  const splunk = await started();
  splunk.plan.reply = { status: 503, body: '{"text":"Server is busy","code":9}', headers: { "retry-after": "3" } };
  expect(await open(splunk.port).send([item(1)], signal)).toEqual([
    { status: "unknown", code: "throttled", retryAfterMs: 3000 },
  ]);
  splunk.plan.reply = { status: 200, body: "<html>log in</html>" };
  expect(await open(splunk.port).send([item(1)], signal)).toEqual([
    { status: "unknown", code: "bad_answer", detail: expect.stringContaining("check the URL") },
  ]);
});

test("events as they go out", async () => {
  const splunk = await started();
  const settings = { index: "security", host: "vpc-1", source: "prod", sourcetype: "sw" };
  await open(splunk.port, settings).send([item(1, 2), { alert: hostileFinding, opened: true }], signal);
  await expect(`${splunk.texts[0]}\n`).toMatchFileSnapshot("../../golden/splunk-hec/events.ndjson");
});

test("what strangers wrote comes back byte for byte, and no call has a hidden character", async () => {
  const splunk = await started();
  const items = hostileItems();
  const results = await open(splunk.port).send(items, signal);
  expect(results.every(({ status }) => status === "accepted")).toBe(true);
  expect(splunk.indexed.map(({ event }) => [event["title"], event["user"], event["dest"], event["group"]])).toEqual(
    HOSTILE.map((text) => [text, text, text, { [`g ${text}`]: text }]),
  );
  for (const text of splunk.texts) expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
});

test("the token is told nowhere", async () => {
  const splunk = await started();
  const told = await everythingTold(() => open(splunk.port, { acknowledge: false }), splunk.plan, `echo ${TOKEN}`);
  expect(told).toContain("not_authorised");
  expect(told).not.toContain(TOKEN);
});

test("settings: the token is a reference, a plain URL needs an address", () => {
  const check = (more: object): boolean =>
    splunkHecSink.schema.safeParse({ type: "splunk-hec", url: "https://s.example:8088", token: { env: "A" }, ...more })
      .success;
  expect(check({})).toBe(true);
  expect(check({ token: TOKEN })).toBe(false);
  expect(check({ url: "http://s.example:8088" })).toBe(false);
});
