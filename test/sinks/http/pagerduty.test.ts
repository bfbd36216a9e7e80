/** The sink pagerduty over an Events API v2: the exam, incidents, severities, codes, hostile texts and the key. */
import { expect, onTestFinished, test } from "vitest";
import type { Sink } from "../../../src/contracts.ts";
import { SEVERITIES } from "../../../src/model/alert.ts";
import { createSecret } from "../../../src/model/secret.ts";
import { createPagerDutySink, pagerDutySink } from "../../../src/sinks/pagerduty.ts";
import { item } from "../../contracts/alert-items.ts";
import { everythingTold, HOSTILE, hostileItems } from "../../contracts/hostile-items.ts";
import { type Examined, examineSink } from "../../contracts/sink-exam.ts";
import { hostileFinding } from "../../encode/alerts.ts";
import { type PagerDuty, ROUTING_KEY, startPagerDuty } from "../../fakes/http/pagerduty.ts";

const { signal } = new AbortController();
const accepted = { status: "accepted" };

function open(port: number, key = ROUTING_KEY): Sink {
  const config = pagerDutySink.schema.parse({
    type: "pagerduty",
    url: `http://127.0.0.1:${port}/v2/enqueue`,
    routingKey: { env: "PD" },
    allow: ["127.0.0.1"],
  });
  const routingKey = createSecret({ env: "PD" });
  routingKey.fill(key);
  return createPagerDutySink({ ...config, routingKey }, { version: "1.0.0", stdout: process.stdout });
}

async function started(): Promise<PagerDuty> {
  const pagerDuty = await startPagerDuty();
  onTestFinished(pagerDuty.close);
  return pagerDuty;
}

examineSink("pagerduty", async (): Promise<Examined> => {
  const { events, plan, port, close } = await startPagerDuty();
  const sink = open(port);
  return {
    sink,
    received: async () =>
      events.map(({ dedup_key: id, payload }) => ({ id, revision: Number(payload.custom_details["revision"]) })),
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

test("the revisions of an alert have one dedup_key; severities are PagerDuty's", async () => {
  const { events, port } = await started();
  const sink = open(port);
  await sink.send([item(1)], signal);
  await sink.send([item(1, 2)], signal);
  expect(new Set(events.map(({ dedup_key: key }) => key))).toEqual(new Set([item(1).alert.id]));
  for (const severity of SEVERITIES) await sink.send([{ ...item(2), alert: { ...item(2).alert, severity } }], signal);
  expect(events.slice(2).map(({ payload }) => payload["severity"])).toEqual([
    "info",
    "info",
    "warning",
    "error",
    "critical",
  ]);
});

test("by default it gets what is high or critical", () => {
  const config = { type: "pagerduty", routingKey: { env: "PD" } };
  expect(pagerDutySink.schema.parse(config)).toMatchObject({
    minSeverity: "high",
    url: "https://events.pagerduty.com/v2/enqueue",
  });
  expect(pagerDutySink.schema.safeParse({ ...config, routingKey: ROUTING_KEY }).success).toBe(false);
  expect(pagerDutySink.schema.safeParse({ ...config, url: "http://events.pagerduty.com/" }).success).toBe(false);
});

test("an unknown key waits for a person, an event that PagerDuty cannot take is refused alone", async () => {
  const { port, events } = await started();
  expect(await open(port, "f".repeat(32)).send([item(1)], signal)).toEqual([
    { status: "unknown", code: "not_authorised", detail: expect.stringContaining("check `routingKey`") },
  ]);
  const bad = { ...item(2), alert: { ...item(2).alert, lastEventTime: "soon" } };
  expect(await open(port).send([item(1), bad, item(3)], signal)).toEqual([
    accepted,
    { status: "refused", code: "bad_request" },
    accepted,
  ]);
  expect(events).toHaveLength(2);
});

test.each([
  [429, "throttled"],
  [500, "receiver_failed"],
  [503, "receiver_failed"],
])("an answer %i leaves it open", async (status, code) => {
  const { plan, port } = await started();
  plan.reply = { status };
  expect(await open(port).send([item(1)], signal)).toEqual([{ status: "unknown", code }]);
});

test("an event of more than PagerDuty takes loses evidence and says so", async () => {
  const { events, port } = await started();
  const { alert } = item(1);
  const evidence = alert.evidence.map((row) => ({ ...row, userAgent: "x".repeat(300_000) }));
  expect(await open(port).send([{ opened: true, alert: { ...alert, evidence } }], signal)).toEqual([accepted]);
  expect(events[0]?.payload.custom_details["why"]).toContain("cut to fit: 1 of 2");
});

test("a long title is cut between characters", async () => {
  const { events, port } = await started();
  const title = `a${"\u{1f600}".repeat(900)}`;
  await open(port).send([{ opened: true, alert: { ...item(1).alert, title } }], signal);
  expect(events[0]?.payload["summary"]).toMatch(/^\[high\] a(\u{1f600})+…$/u);
});

test("events as they go out", async () => {
  const { bodies, port } = await started();
  await open(port).send([item(1, 2), { alert: hostileFinding, opened: true }], signal);
  await expect(`${bodies.join("\n")}\n`).toMatchFileSnapshot("../../golden/pagerduty/events.ndjson");
});

test("what strangers wrote is exact in the details, and visible in what people read", async () => {
  const { events, bodies, port } = await started();
  const results = await open(port).send(hostileItems(), signal);
  expect(results.every(({ status }) => status === "accepted")).toBe(true);
  expect(events.map(({ payload }) => payload.custom_details["title"])).toEqual(HOSTILE);
  for (const { payload } of events) expect(payload["summary"]).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
  for (const body of bodies) expect(body).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
  const hosts = new Set(events.flatMap(({ links = [] }) => links.map(({ href }) => new URL(href).host)));
  expect([...hosts].toSorted()).toEqual(["atlas.mitre.org", "attack.mitre.org"]);
});

test("the routing key is told nowhere", async () => {
  const { port, plan } = await started();
  const told = await everythingTold(() => open(port), plan, `echo routing_key ${ROUTING_KEY}`);
  expect(told).toContain("not_authorised");
  expect(told).not.toContain(ROUTING_KEY);
});
