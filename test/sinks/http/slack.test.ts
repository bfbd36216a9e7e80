/** The sink slack over a Web API and a webhook: the exam, updates, answers of 200, hostile texts and secrets. */
import { expect, onTestFinished, test } from "vitest";
import type { OutboxItem, Sink } from "../../../src/contracts.ts";
import { createSecret } from "../../../src/model/secret.ts";
import { createSlackSink, slackSink } from "../../../src/sinks/slack/slack.ts";
import { item } from "../../contracts/alert-items.ts";
import { everythingTold, HOSTILE, hostileItem, hostileItems } from "../../contracts/hostile-items.ts";
import { type Examined, examineSink } from "../../contracts/sink-exam.ts";
import { hostileFinding } from "../../encode/alerts.ts";
import {
  aliveIn,
  BOT_TOKEN,
  CHANNEL,
  HOOK_PATH,
  shown,
  type Slack,
  startSlack,
  textsOf,
} from "../../fakes/http/slack.ts";

const { signal } = new AbortController();
const accepted = { status: "accepted" };

function open(port: number, more: Record<string, unknown> = {}, value = BOT_TOKEN): Sink {
  const config = slackSink.schema.parse({
    type: "slack",
    apiUrl: `http://127.0.0.1:${port}/api`,
    token: { env: "SLACK" },
    channel: CHANNEL,
    allow: ["127.0.0.1"],
    ...more,
  });
  const token = createSecret({ env: "SLACK" });
  token.fill(value);
  return createSlackSink({ ...config, token }, { version: "1.0.0", stdout: process.stdout });
}

function openHook(port: number, url = `http://127.0.0.1:${port}${HOOK_PATH}`): Sink {
  const config = slackSink.schema.parse({ type: "slack", webhookUrl: { env: "HOOK" }, allow: ["127.0.0.1"] });
  const webhookUrl = createSecret({ env: "HOOK" });
  webhookUrl.fill(url);
  return createSlackSink({ ...config, webhookUrl }, { version: "1.0.0", stdout: process.stdout });
}

async function started(): Promise<Slack> {
  const slack = await startSlack();
  onTestFinished(slack.close);
  return slack;
}

examineSink("slack", async (): Promise<Examined> => {
  const { messages, plan, port, close } = await startSlack();
  const sink = open(port, { updates: "post" });
  return {
    sink,
    received: async () =>
      messages.map(({ metadata }) => ({
        id: String(metadata?.event_payload.id),
        revision: Number(metadata?.event_payload.revision),
      })),
    fail: async () => void (plan.isDown = true),
    mend: async () => void (plan.isDown = false),
    slow: (ms) => void (plan.delayMs = ms),
    reopen: () => open(port, { updates: "post" }),
    dispose: async () => {
      await sink.close();
      await close();
    },
  };
});

test("a channel hears of an alert once, or of each revision where that is wanted", async () => {
  const { messages, port } = await started();
  const array = [item(1), item(1, 2)];
  expect(await open(port).send(array, signal)).toEqual([accepted, accepted]);
  expect(messages).toHaveLength(1);
  await open(port, { updates: "post" }).send([item(1, 2)], signal);
  expect(messages.map(({ text }) => text.includes("revision 2"))).toEqual([false, true]);
});

test.each([
  ["invalid_auth", "check `token`"],
  ["token_expired", "check `token`"],
  ["not_in_channel", "invite the app"],
  ["is_archived", "choose another `channel`"],
  ["missing_scope", "chat:write"],
  ["some_new_error", "check `token` and `channel`"],
])("200 with %s waits for a person", async (error, what) => {
  const { state, port } = await started();
  state.error = error;
  expect(await open(port).send([item(1)], signal)).toEqual([
    { status: "unknown", code: error, detail: expect.stringContaining(what) },
  ]);
});

test.each([
  ["msg_too_long", { status: "refused", code: "msg_too_long" }],
  ["invalid_blocks", { status: "refused", code: "invalid_blocks" }],
  ["ratelimited", { status: "unknown", code: "throttled" }],
  ["internal_error", { status: "unknown", code: "receiver_failed" }],
])("200 with %s is %o", async (error, result) => {
  const { state, port } = await started();
  state.error = error;
  expect(await open(port).send([item(1)], signal)).toEqual([result]);
});

test("429 is heeded as long as Slack asks; 200 of something else is told", async () => {
  const { plan, port } = await started();
  plan.reply = { status: 429, headers: { "retry-after": "30" }, body: '{"ok":false,"error":"ratelimited"}' };
  expect(await open(port).send([item(1)], signal)).toEqual([
    { status: "unknown", code: "throttled", retryAfterMs: 30_000 },
  ]);
  plan.reply = { status: 200, body: "<html>" };
  const bad = [{ status: "unknown", code: "bad_answer", detail: expect.stringContaining("check the URL") }];
  expect(await open(port).send([item(1)], signal)).toEqual(bad);
  expect(await openHook(port).send([item(1)], signal)).toEqual(bad);
});

test("a webhook gets the same message, and a wrong one is told without its path", async () => {
  const { messages, port } = await started();
  expect(await openHook(port).send([item(1)], signal)).toEqual([accepted]);
  expect(messages[0]?.text).toContain("[high] ");
  const [gone] = await openHook(port, `http://127.0.0.1:${port}/services/planted-wrong`).send([item(1)], signal);
  expect(gone).toMatchObject({ status: "unknown", code: "not_found" });
  const [none] = await openHook(port, "planted-no-url").send([item(1)], signal);
  expect(none).toMatchObject({ status: "unknown", code: "webhook_url_invalid" });
  expect(JSON.stringify([gone, none])).not.toContain("planted");
});

test("messages as they go out", async () => {
  const { bodies, port } = await started();
  await open(port, { updates: "post" }).send([item(1, 2), { alert: hostileFinding, opened: true }], signal);
  await expect(`${bodies.join("\n")}\n`).toMatchFileSnapshot("../../golden/slack/messages.ndjson");
});

const LIVELY = [
  "<!channel> <!here> <!everyone> <@U012AB3CD> <#C0123>",
  "<https://evil.example|log in here>",
  "https://evil.example/ http://evil.example",
  "*bold* _it_ ~no~ `code` ```block``` :fire: > quote",
  "&lt;!channel&gt; &amp;lt;",
  "@channel @here #general",
];

test("nothing of a stranger comes alive, and each text is seen as it was written", async () => {
  const { messages, bodies, port } = await started();
  const lively = LIVELY.map((text, number): OutboxItem => hostileItem(HOSTILE.length + number, text));
  const results = await open(port).send([...hostileItems(), ...lively], signal);
  expect(results.every(({ status }) => status === "accepted")).toBe(true);
  expect(messages.flatMap(aliveIn)).toEqual([]);
  for (const body of bodies) expect(body).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
  const last = messages.slice(-LIVELY.length);
  expect(last.map(({ text }) => shown(text))).toEqual(LIVELY.map((text) => `[high] ${text}`));
  expect(last.map((message) => shown(textsOf(message)[0]?.text ?? ""))).toEqual(LIVELY);
  for (const { text } of messages.flatMap(textsOf)) expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
});

test("the longest texts fit into Slack's blocks after they are escaped", async () => {
  const { messages, port } = await started();
  const long = hostileItem(1, "&".repeat(9000));
  expect(await open(port).send([long], signal)).toEqual([accepted]);
  expect(messages).toHaveLength(1);
});

test("token and webhook are told nowhere", async () => {
  const { plan, port } = await started();
  const told = await everythingTold(() => open(port), plan, `echo ${BOT_TOKEN}`);
  expect(told).toContain("not_authorised");
  expect(told).not.toContain(BOT_TOKEN);
  expect(await everythingTold(() => openHook(port), plan, `echo ${HOOK_PATH}`)).not.toContain("planted");
});

test("settings: a token with its channel or a webhook, as references", () => {
  const check = (more: object): boolean => slackSink.schema.safeParse({ type: "slack", ...more }).success;
  const token = { env: "T" };
  expect(check({ token, channel: CHANNEL })).toBe(true);
  expect(check({ webhookUrl: { file: "/run/hook" } })).toBe(true);
  expect(check({})).toBe(false);
  expect(check({ token })).toBe(false);
  expect(check({ token, channel: CHANNEL, webhookUrl: token })).toBe(false);
  expect(check({ webhookUrl: token, channel: CHANNEL })).toBe(false);
  expect(check({ token: BOT_TOKEN, channel: CHANNEL })).toBe(false);
});
