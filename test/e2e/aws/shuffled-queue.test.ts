/**
 * Six hours of events wait in one queue, handed out in any order, when the daemon is started on it: nothing makes itself
 * late, and the alerts are those of sorted input.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRandom } from "../../../src/lib/random.ts";
import { generateRecords } from "../../../src/simulate/simulation.ts";
import { openViews } from "../../../src/store/views.ts";
import { eventually, useEnvironmentCredentials } from "../../aws/set-up.ts";
import { judge, readRuleSet } from "../../chaos/judge.ts";
import { type Emulator, startEmulator } from "../../fakes/emulator.ts";
import { envelope } from "../../sources/sqs/envelope.ts";
import { createPlace, run, TIMEOUT_MS, toConfig } from "../make.ts";

useEnvironmentCredentials();
let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.close());

const [HOUR_MS, SLOT_MS] = [3_600_000, 300_000];

/** The queue says of each message that it was sent when its event happened, as it was during an outage of six hours. */
function backdate(body: string): string {
  const answer = JSON.parse(body) as { Messages?: { Body: string; Attributes: { SentTimestamp: string } }[] };
  for (const message of answer.Messages ?? []) {
    const { detail } = JSON.parse(message.Body) as { detail: { eventTime: string } };
    message.Attributes.SentTimestamp = String(Date.parse(detail.eventTime));
  }
  return JSON.stringify(answer);
}

test(
  "a daemon that starts on six hours of events in one queue, in mixed order, gives the alerts of sorted input",
  { timeout: 2 * TIMEOUT_MS },
  async () => {
    const place = createPlace();
    const queue = await emulator.createQueue("six-hours", { VisibilityTimeout: "60" });
    const endMs = Math.floor(Date.now() / SLOT_MS) * SLOT_MS;
    const day = { seed: 24, records: 9000, hours: 24, startMs: endMs - 24 * HOUR_MS, attacks: [] };
    const records = [...generateRecords(day)].filter(({ slotMs }) => slotMs >= endMs - 6 * HOUR_MS);
    const random = createRandom("shuffled");
    const shuffled = records
      .map(({ bytes }) => ({ text: Buffer.from(bytes).toString("utf8"), at: random.uint32() }))
      .toSorted((a, b) => a.at - b.at);
    await emulator.send(
      queue,
      shuffled.map(({ text }) => envelope("AWS API Call via CloudTrail", text, "aws.x")),
    );
    emulator.proxy.set({ operation: "ReceiveMessage", fault: { kind: "edit", edit: backdate } });
    const source = {
      type: "sqs-eventbridge",
      name: "push",
      region: "eu-west-1",
      queue: queue.url,
      endpoint: emulator.endpoint,
      wait: "1s",
    };
    const end = new AbortController();
    const over = run(toConfig(place, { more: { sources: [source], http: { enabled: false } } }), {
      signal: end.signal,
    });
    await eventually(() => emulator.counts(queue), { waiting: 0, inFlight: 0 }, TIMEOUT_MS);
    end.abort();
    await over;
    const views = openViews(place.state);
    const [counts] = views.counts();
    const found = views.alerts({ limit: 100_000 });
    views.close();
    expect(counts).toMatchObject({ read: records.length, evaluated: records.length, late: 0 });
    const rules = readRuleSet([`${place.root}/rules`]);
    // Rules that wait for the end of their bucket still wait for the last half hour.
    const waiting = new Set(rules.correlations.filter(({ judged }) => judged === "final").map(({ id }) => id));
    const expected = judge(
      rules,
      records.map(({ bytes }) => bytes),
    );
    const wanted = [...expected].filter(([, { ruleId }]) => !waiting.has(ruleId)).map(([id]) => id);
    const got = found.filter(({ ruleId }) => !waiting.has(ruleId) && !ruleId.startsWith("sagewatch."));
    expect(wanted.length).toBeGreaterThan(20);
    expect(got.map(({ id }) => id).toSorted()).toEqual(wanted.toSorted());
    for (const { id, eventCount } of got) expect(eventCount).toBe(expected.get(id)?.eventCount);
  },
);
