/** Rows of costs and anomalies, by every way they come: identity, version, time and what is refused. */
import { describe, expect, test } from "vitest";
import type { Undecodable } from "../../src/contracts.ts";
import { costDecoder } from "../../src/decode/cost.ts";
import type { Event, JsonObject } from "../../src/model/event.ts";
import { anomaly, costRow, envelopeOf, snsBodyOf } from "../support/costs.ts";

const NOW = Date.UTC(2026, 2, 12, 8);

function decode(record: JsonObject, nowMs: number | null = NOW): Event | Undecodable {
  return costDecoder.decode(Buffer.from(JSON.stringify(record)), { nowMs, duplicateKeys: false });
}

describe("a row", () => {
  test("is known by its period and dimensions, whatever their order, and its version is when it was retrieved", () => {
    const dimensions = { SERVICE: "Amazon SageMaker", LINKED_ACCOUNT: "111122223333" };
    const turned = { LINKED_ACCOUNT: "111122223333", SERVICE: "Amazon SageMaker" };
    const first = decode(costRow({ Dimensions: dimensions, RetrievedAt: "2026-03-11T08:00:00Z" }));
    const later = decode(costRow({ Dimensions: turned, RetrievedAt: "2026-03-11T16:00:00Z", Estimated: false }));
    expect(first).toMatchObject({
      kind: "cost",
      logsource: "aws/cost",
      eventId: "2026-03-10 LINKED_ACCOUNT=111122223333 SERVICE=Amazon SageMaker",
      version: Date.UTC(2026, 2, 11, 8),
      timeMs: Date.UTC(2026, 2, 10),
      accountId: "111122223333",
      evidence: { action: "ce:642 USD in a day, at most 31 in the 14 before", target: "Amazon SageMaker" },
    });
    expect((later as Event).key).toBe((first as Event).key);
    expect((later as Event).version).toBeGreaterThan((first as Event).version);
  });

  test("of another day, another value, another payer is another row; so is an hour at a day's start", () => {
    const rows = [
      {},
      { TimePeriod: { Start: "2026-03-11", End: "2026-03-12" } },
      { TimePeriod: { Start: "2026-03-10T00:00:00Z", End: "2026-03-10T01:00:00Z" }, Granularity: "HOURLY" },
      { Dimensions: { SERVICE: "Amazon SageMaker" }, AccountId: "111122223333" },
      { Dimensions: { SERVICE: "Amazon SageMaker" }, AccountId: "444455556666" },
      { Dimensions: { "TAG:a": "1 TAG:b=2", "TAG:b": "3" } },
      { Dimensions: { "TAG:a": "1", "TAG:b": "2 TAG:b=3" } },
    ].map((other) => decode(costRow(other)) as Event);
    expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length);
    expect(rows.map(({ accountId }) => accountId).slice(3, 5)).toEqual(["111122223333", "444455556666"]);
    expect(rows[2]?.evidence.action).toContain("in an hour");
  });

  test.each<[string, JsonObject, string]>([
    ["without dimensions", { Dimensions: null }, "schema"],
    ["without the time of its retrieval", { RetrievedAt: null }, "schema"],
    ["without a period", { TimePeriod: {} }, "no_event_time"],
    ["of a day that is none", { TimePeriod: { Start: "2026-02-30", End: "2026-03-01" } }, "no_event_time"],
    ["of tomorrow", { TimePeriod: { Start: "2026-03-13", End: "2026-03-14" } }, "future_event"],
    ["retrieved tomorrow", { RetrievedAt: "2026-03-13T08:00:00Z" }, "future_event"],
  ])("%s is refused", (_what, other, reason) => {
    expect(decode(costRow(other))).toMatchObject({ reason });
  });
});

describe("an anomaly", () => {
  const facts = {
    key: "12345678-abcd-ef12-3456-987654321a12",
    timeMs: Date.UTC(2026, 2, 9),
    accountId: "444455556666",
    region: "us-west-2",
    evidence: { action: "ce:cost anomaly of 1001 USD (334 % more than expected)" },
    record: { AnomalyId: "12345678-abcd-ef12-3456-987654321a12", Impact: { TotalImpact: 1001 } },
  };

  test("is one and the same by GetAnomalies, EventBridge and SNS, newest by when AWS said it", () => {
    const [asked, pushed, mailed] = [anomaly(), envelopeOf(anomaly()), snsBodyOf(anomaly())].map((one) => decode(one));
    expect(asked).toMatchObject({ ...facts, version: Date.UTC(2026, 2, 11, 8) });
    expect(pushed).toMatchObject({ ...facts, version: Date.UTC(2026, 2, 11, 6) });
    expect(mailed).toMatchObject({ ...facts, version: Date.UTC(2026, 2, 10) });
    const spelled = (event: Event | undefined | Undecodable): unknown => ({
      ...(event as Event).record,
      RetrievedAt: undefined,
    });
    expect(spelled(pushed)).toEqual(spelled(asked));
  });

  test("without root causes is of the account that has the monitor", () => {
    expect(decode({ ...anomaly(), RootCauses: [] })).toMatchObject({ accountId: "111122223333", region: "" });
  });

  test.each<[string, JsonObject, string]>([
    ["an id", { AnomalyId: null }, "schema"],
    ["a day", { AnomalyStartDate: null, AnomalyEndDate: null }, "no_event_time"],
  ])("without %s is refused", (_what, other, reason) => {
    expect(decode({ ...anomaly(), ...other })).toMatchObject({ reason });
  });
});
