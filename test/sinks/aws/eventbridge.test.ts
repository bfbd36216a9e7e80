/** What an event bus gets, and what becomes of entries that fail. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import type { OutboxItem, Sink } from "../../../src/contracts.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { item } from "../../contracts/alert-items.ts";
import { endpointBurst, hostileFinding } from "../../encode/alerts.ts";
import { type Bus, createSinkOf, startBus } from "./receivers.ts";

useEnvironmentCredentials();
const signal = new AbortController().signal;
const accepted = { status: "accepted" };

async function open(settings: Readonly<Record<string, unknown>> = {}): Promise<{ bus: Bus; sink: Sink }> {
  const bus = await startBus();
  const sink = createSinkOf("eventbridge", { endpoint: bus.proxy.url, bus: "security", ...settings });
  onTestFinished(async () => {
    await sink.close();
    await bus.close();
  });
  return { bus, sink };
}

/** Alert `number` whose sentence is `why`. */
function saying(number: number, why: string): OutboxItem {
  const one = item(number);
  return { ...one, alert: { ...one.alert, why } };
}

test("the first delivery opens, a later one updates; the detail is the alert with its idempotency key", async () => {
  const { bus, sink } = await open();
  await sink.send([item(1), { alert: hostileFinding, opened: true }], signal);
  await sink.send([item(1, 2)], signal);
  expect(bus.events.map(({ detailType, source, time }) => [detailType, source, time])).toEqual([
    ["Sagewatch Alert Opened", "sagewatch", "2026-03-01T00:12:00.000Z"],
    ["Sagewatch Alert Opened", "sagewatch", expect.any(String)],
    ["Sagewatch Alert Updated", "sagewatch", "2026-03-01T00:12:00.000Z"],
  ]);
  const [first, hostile, later] = bus.events.map(({ detail }) => JSON.parse(detail) as Record<string, unknown>);
  expect(first).toMatchObject({ action: "opened", idempotencyKey: first?.["id"], revision: 1, severity: "high" });
  expect(later).toMatchObject({ action: "updated", idempotencyKey: first?.["id"], revision: 2 });
  expect(hostile?.["principal"]).toBe(hostileFinding.principal);
  for (const [index, name] of ["opened", "hostile", "updated"].entries())
    await expect(`${JSON.stringify(bus.events[index], null, 2)}\n`).toMatchFileSnapshot(
      `../../golden/eventbridge/${name}.json`,
    );
});

test("an entry that fails alone is sent again alone; its neighbours are not sent twice", async () => {
  const { bus, sink } = await open();
  bus.failOnce("second of three", "InternalFailure");
  const array = [item(1), saying(2, "second of three"), item(3)];
  expect(await sink.send(array, signal)).toEqual([accepted, { status: "unknown", code: "internal_failure" }, accepted]);
  expect(await sink.send(array, signal)).toEqual([accepted, accepted, accepted]);
  expect(bus.calls).toEqual([3, 1]);
  expect(bus.events).toHaveLength(3);
});

test("an entry that AWS will never take is refused with AWS's word, also when it fails the whole call", async () => {
  const { bus, sink } = await open();
  expect(await sink.send([item(1), saying(2, "fail-with-MalformedDetail"), item(3)], signal)).toEqual([
    accepted,
    { status: "refused", code: "malformed_detail" },
    accepted,
  ]);
  expect(await sink.send([item(4), saying(5, "poison"), item(6)], signal)).toEqual([
    accepted,
    { status: "refused", code: "aws_refused" },
    accepted,
  ]);
  expect(bus.events).toHaveLength(4);
});

test("what is too large loses evidence and says so; what cannot be made small is refused; calls stay within their size", async () => {
  const { bus, sink } = await open({ maxBytes: "16 KiB" });
  const row = endpointBurst.evidence[0];
  if (row === undefined) throw new Error("no evidence");
  const wide = { ...row, userAgent: "x".repeat(9000) };
  const big = { ...item(1), alert: { ...item(1).alert, evidence: [row, wide, wide, wide] } };
  expect(await sink.send([big, saying(2, "y".repeat(20_000)), item(3)], signal)).toEqual([
    accepted,
    { status: "refused", code: "too_large" },
    accepted,
  ]);
  const [cut] = bus.events.map(({ detail }) => JSON.parse(detail) as { why: string; evidence: unknown[] });
  expect(cut?.why).toContain("(cut to fit: 2 of 4 evidence rows)");
  expect(cut?.evidence).toHaveLength(2);
  const many = Array.from({ length: 10 }, (_, n) => saying(n + 10, "z".repeat(4000)));
  expect(await sink.send(many, signal)).toEqual(many.map(() => accepted));
  expect(Math.max(...bus.calls.slice(-5))).toBeLessThan(5);
});

test("without permission, or with the bus gone, it says what to do and goes on once that is mended", async () => {
  const { bus, sink } = await open();
  const message =
    "User: arn:aws:sts::111122223333:assumed-role/sagewatch/1 is not authorized to perform: events:PutEvents";
  bus.proxy.set({
    operation: "PutEvents",
    fault: { kind: "error", code: "AccessDeniedException", status: 400, message },
  });
  expect(await sink.send([item(1)], signal)).toEqual([
    { status: "unknown", code: "aws_denied", detail: expect.stringContaining("allow events:PutEvents") },
  ]);
  bus.proxy.set();
  expect(await sink.send([item(1)], signal)).toEqual([accepted]);
  const lost = createSinkOf("eventbridge", { endpoint: bus.proxy.url, bus: "gone" });
  onTestFinished(() => lost.close());
  expect(await lost.send([item(1)], signal)).toEqual([
    { status: "unknown", code: "aws_missing", detail: expect.stringContaining("gone") },
  ]);
});

test("a bus that is deleted is missed within a minute; who may not ask for it sends all the same", async () => {
  const bus = await startBus();
  let nowMs = 0;
  const clock = { ...systemClock, monotonicMs: () => nowMs };
  const sink = createSinkOf("eventbridge", { endpoint: bus.proxy.url, bus: "security" }, clock);
  onTestFinished(async () => {
    await sink.close();
    await bus.close();
  });
  expect(await sink.send([item(1)], signal)).toEqual([accepted]);
  bus.proxy.set({
    operation: "DescribeEventBus",
    fault: { kind: "error", code: "ResourceNotFoundException", message: "Event bus security does not exist." },
  });
  expect(await sink.send([item(2)], signal)).toEqual([accepted]);
  nowMs = 60_000;
  expect(await sink.send([item(3)], signal)).toMatchObject([{ status: "unknown", code: "aws_missing" }]);
  bus.proxy.set({ operation: "DescribeEventBus", fault: { kind: "error", code: "AccessDeniedException" } });
  expect(await sink.send([item(3)], signal)).toEqual([accepted]);
  expect(bus.events).toHaveLength(3);
});

test("an answer that got lost makes the event come again, under the same idempotency key", async () => {
  const { bus, sink } = await open();
  bus.proxy.set({ operation: "PutEvents", times: 1, fault: { kind: "lose" } });
  expect(await sink.send([item(1)], signal)).toEqual([accepted]);
  expect(bus.events.map(({ detail }) => (JSON.parse(detail) as { idempotencyKey: string }).idempotencyKey)).toEqual([
    item(1).alert.id,
    item(1).alert.id,
  ]);
});

/** EventBridge's patterns as far as the examples use them: lists of values and of prefixes, nested. */
function matches(pattern: unknown, value: unknown): boolean {
  if (Array.isArray(pattern))
    return pattern.some((one: unknown) =>
      typeof one === "object" && one !== null && "prefix" in one
        ? String(value).startsWith(String(one.prefix))
        : one === value,
    );
  return Object.entries(pattern as Record<string, unknown>).every(([key, inner]) =>
    matches(inner, (value as Record<string, unknown> | undefined)?.[key]),
  );
}

test("the patterns that come with Sagewatch match the events that they are meant for", async () => {
  const { bus, sink } = await open();
  await sink.send([item(1)], signal);
  await sink.send([item(1, 2)], signal);
  const events = bus.events.map(({ detailType, source, detail }) => ({
    source,
    "detail-type": detailType,
    detail: JSON.parse(detail) as unknown,
  }));
  const folder = new URL("../../../deploy/eventbridge/", import.meta.url);
  const matched = readdirSync(folder)
    .filter((name) => !name.startsWith("alert"))
    .map((name) => [
      name,
      events.map((event) => matches(JSON.parse(readFileSync(new URL(name, folder), "utf8")), event)),
    ]);
  expect(Object.fromEntries(matched)).toEqual({
    "every-revision.json": [true, true],
    "heartbeat.json": [false, false],
    "high-severity-opened.json": [true, false],
    "one-rule-in-production.json": [true, false],
  });
  const heartbeat = {
    source: "sagewatch",
    "detail-type": "Sagewatch Alert Updated",
    detail: { ruleId: "sagewatch.heartbeat" },
  };
  expect(matches(JSON.parse(readFileSync(new URL("heartbeat.json", folder), "utf8")), heartbeat)).toBe(true);
});
