/** What a queue and a topic get. */
import { expect, onTestFinished, test } from "vitest";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { item } from "../../contracts/alert-items.ts";
import { endpointBurst, hostileFinding } from "../../encode/alerts.ts";
import { type Emulator, startEmulator } from "../../fakes/emulator.ts";
import { createReader, createSinkOf, toHead } from "./receivers.ts";

useEnvironmentCredentials();
const signal = new AbortController().signal;

async function open(): Promise<Emulator> {
  const emulator = await startEmulator();
  onTestFinished(() => emulator.close());
  return emulator;
}

test("a message has attributes to sort by, and the alert whole, letters that SQS does not take included", async () => {
  const emulator = await open();
  const queue = await emulator.createQueue("alerts");
  const sink = createSinkOf("sqs", { endpoint: emulator.endpoint, queue: queue.url });
  onTestFinished(() => sink.close());
  const odd = { ...hostileFinding, principal: "root\u0000\ufffe\uffff\ud800\u202e" };
  expect(
    await sink.send(
      [
        { alert: endpointBurst, opened: false },
        { alert: odd, opened: true },
      ],
      signal,
    ),
  ).toEqual([{ status: "accepted" }, { status: "accepted" }]);
  const read = await createReader(emulator, queue)();
  expect(read.map(({ attributes }) => attributes)).toEqual([
    { id: endpointBurst.id, revision: "3", severity: "high", rule: endpointBurst.ruleId, action: "updated" },
    { id: odd.id, revision: "1", severity: "critical", rule: odd.ruleId, action: "opened" },
  ]);
  expect(JSON.parse(read[1]?.body ?? "")).toMatchObject({ principal: odd.principal });
});

test("a FIFO queue takes each revision once and in order, though it was sent again", async () => {
  const emulator = await open();
  const queue = await emulator.createQueue("alerts.fifo", { FifoQueue: "true" });
  const settings = { endpoint: emulator.endpoint, queue: queue.url };
  const sinks = [createSinkOf("sqs", settings), createSinkOf("sqs", settings)];
  onTestFinished(async () => void (await Promise.all(sinks.map((sink) => sink.close()))));
  for (const sink of sinks) await sink.send([item(1), item(2), item(1, 2)], signal);
  const heads = (await createReader(emulator, queue)()).map(({ body }) => toHead(body));
  expect(heads.filter(({ id }) => id === item(1).alert.id).map(({ revision }) => revision)).toEqual([1, 2]);
  expect(heads).toHaveLength(3);
});

test("a topic's mail can be read by a person: plain subject, the story as text, nothing that moves a cursor", async () => {
  const emulator = await open();
  const queue = await emulator.createQueue("mail");
  const topic = await emulator.createTopic("alerts", queue, false);
  const sink = createSinkOf("sns", { endpoint: emulator.endpoint, topic, format: "text" });
  onTestFinished(() => sink.close());
  await sink.send([{ alert: hostileFinding, opened: true }], signal);
  await sink.send([{ alert: { ...endpointBurst, title: `überlang ${"x".repeat(200)}` }, opened: true }], signal);
  const [hostile, long] = (await createReader(emulator, queue)()).map(
    ({ body }) => JSON.parse(body) as { Subject: string; Message: string },
  );
  expect(hostile?.Subject).toMatch(/^\[critical\] [\x20-\x7e]+$/);
  expect(hostile?.Message).toContain(hostileFinding.why);
  expect(hostile?.Message).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f\u202e]/);
  expect(hostile?.Message).toContain(`sagewatch alerts show ${hostileFinding.id.slice(0, 12)}`);
  expect(long?.Subject).toHaveLength(99);
  expect(long?.Subject.startsWith("[high] ?berlang xxx")).toBe(true);
});
