/** What strangers wrote, in every text of an alert that they can choose, through each sink over AWS. */
import { expect, onTestFinished, test } from "vitest";
import type { Sink } from "../../../src/contracts.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { HOSTILE, hostileItems } from "../../contracts/hostile-items.ts";
import { type Emulator, startEmulator } from "../../fakes/emulator.ts";
import { ACCOUNT, createReader, createSinkOf, startBus, startHub } from "./receivers.ts";

useEnvironmentCredentials();

/** What XML, and so SQS and SNS, take: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
const TAKEN = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}]/u;

type Told = { readonly title: string; readonly principal: string; readonly group: Readonly<Record<string, string>> };

async function sendAll(sink: Sink): Promise<void> {
  onTestFinished(() => sink.close());
  const items = hostileItems();
  const { signal } = new AbortController();
  for (let at = 0; at < items.length; at += 50) {
    const results = await sink.send(items.slice(at, at + 50), signal);
    expect(results.filter(({ status }) => status !== "accepted")).toEqual([]);
  }
}

/** Each payload came back as it was, in every text that it stood in. */
function expectWhole(told: readonly Told[]): void {
  const wanted = HOSTILE.map((text) => [text, text, { [`g ${text}`]: text }]);
  const shown = told.map(({ title, principal, group }) => [title, principal, group]);
  const sorted = (all: readonly unknown[]): string[] => all.map((one) => JSON.stringify(one)).toSorted();
  expect(sorted(shown)).toEqual(sorted(wanted));
}

async function open(): Promise<Emulator> {
  const emulator = await startEmulator();
  onTestFinished(() => emulator.close());
  return emulator;
}

test("EventBridge: an event's type and source stay ours, its detail gives the text back", async () => {
  const bus = await startBus();
  onTestFinished(() => bus.close());
  await sendAll(createSinkOf("eventbridge", { endpoint: bus.proxy.url, bus: "security" }));
  expect(new Set(bus.events.map(({ detailType, source }) => `${source} ${detailType}`)).size).toBeLessThanOrEqual(2);
  for (const { detailType, source, detail } of bus.events) {
    expect(`${source} ${detailType}`).toMatch(/^sagewatch Sagewatch Alert (?:Opened|Updated)$/);
    expect(detail).not.toMatch(HIDDEN);
  }
  expectWhole(bus.events.map(({ detail }) => JSON.parse(detail) as Told));
});

test("SQS: a message has only letters that SQS takes, and attributes of ours", async () => {
  const emulator = await open();
  const queue = await emulator.createQueue("alerts");
  await sendAll(createSinkOf("sqs", { endpoint: emulator.endpoint, queue: queue.url, format: "native" }));
  const read = await createReader(emulator, queue)();
  for (const { body, attributes } of read) {
    expect(body).toMatch(TAKEN);
    expect(Object.keys(attributes).toSorted()).toEqual(["action", "id", "revision", "rule", "severity"]);
    expect(Object.values(attributes).join(" ")).toMatch(/^[ -~]*$/);
  }
  expectWhole(read.map(({ body }) => JSON.parse(body) as Told));
});

test("SNS: as JSON the text comes back; as a mail nothing hidden is in subject or body", async () => {
  const emulator = await open();
  const queue = await emulator.createQueue("subscriber");
  const topic = await emulator.createTopic("alerts", queue, true);
  await sendAll(createSinkOf("sns", { endpoint: emulator.endpoint, topic, format: "native" }));
  const read = createReader(emulator, queue);
  expectWhole((await read()).map(({ body }) => JSON.parse(body) as Told));
  const mailed = await emulator.createQueue("mail");
  const mail = await emulator.createTopic("mail", mailed, false);
  await sendAll(createSinkOf("sns", { endpoint: emulator.endpoint, topic: mail, format: "text" }));
  const letters = (await createReader(emulator, mailed)()).map(
    ({ body }) => JSON.parse(body) as { Subject: string; Message: string },
  );
  expect(letters).toHaveLength(HOSTILE.length);
  for (const { Subject, Message } of letters) {
    expect(Subject).toMatch(/^[ -~]{1,99}$/);
    expect(Message.replaceAll("\n", "")).not.toMatch(HIDDEN);
  }
});

test("Security Hub: findings within its limits, with nothing hidden in them, of our own product and types", async () => {
  const hub = await startHub();
  onTestFinished(() => hub.close());
  await sendAll(createSinkOf("security-hub", { endpoint: hub.proxy.url, account: ACCOUNT }));
  const [first] = hub.imported;
  expect(hub.imported).toHaveLength(HOSTILE.length);
  for (const finding of hub.imported) {
    const { Types = [], ProductFields = {}, Resources = [] } = finding;
    expect(textsOf(finding).filter((text) => HIDDEN.test(text.replaceAll("\n", "")))).toEqual([]);
    expect(Types.every((type) => /^[\w &-]+(?:\/[\w &-]+){0,2}$/.test(type))).toBe(true);
    expect(Object.keys(ProductFields)).toEqual(Object.keys(first?.ProductFields ?? {}));
    expect(Object.keys(finding)).toEqual(Object.keys(first ?? {}));
    expect(Resources.map(({ Type }) => Type)).toEqual(first?.Resources?.map(({ Type }) => Type));
  }
  // A finding is for people: what is visible of a payload stands in its title, what is not is shown by its number.
  const titles = new Set(hub.imported.map(({ Title = "" }) => Title));
  for (const text of HOSTILE.filter((one) => /^[ -~]{1,200}$/.test(one))) expect(titles).toContain(text);
});

/** Every text of a structure, names of members included. */
function textsOf(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [name, ...textsOf(inner)]);
}
