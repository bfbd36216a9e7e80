/** What a sink gets of the enrichers, from a delivery file through the whole daemon. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { record } from "../commands/records.ts";
import { createPlace, replay, run, toConfig, toContents, write } from "../e2e/make.ts";
import type { Alert } from "../../src/model/alert.ts";

const RULE = `title: Accelerators taken
name: gpus_taken
level: high
tags: [attack.t1496.001]
logsource: {product: aws, service: cloudtrail}
detection: {call: {eventName: RunInstances}, condition: call}
`;

function launch(number: number, instanceType: string, over: Record<string, unknown> = {}): Record<string, unknown> {
  return record(number, {
    eventSource: "ec2.amazonaws.com",
    eventName: "RunInstances",
    requestParameters: { instanceType, instancesSet: { items: [{ minCount: 1, maxCount: 1 }] } },
    ...over,
  });
}

type Enriched = Alert & { readonly enrichment?: Readonly<Record<string, unknown>> };

test("account, techniques, related alerts and cost stand in the alert; the content is that of a replay", async () => {
  const place = createPlace();
  const rules = write(join(place.root, "more", "gpus.yml"), RULE);
  const failed = launch(3, "p5.48xlarge", { errorCode: "Client.InsufficientInstanceCapacity" });
  const records = [launch(1, "p5.48xlarge"), launch(2, "m5.large"), failed];
  write(join(place.input, "a.json"), JSON.stringify({ Records: records }));
  const accounts = { "111122223333": { name: "ml-prod", env: "prod", owner: "team-ml" } };
  const config = toConfig(place, { rules: [rules], more: { accounts } });
  await run(config);
  const alerts = readFileSync(place.sink, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Enriched)
    .filter(({ ruleName }) => ruleName === "Accelerators taken");
  const byEvent = new Map(alerts.map((alert) => [Number(alert.eventIds[0]?.slice(-2)), alert.enrichment ?? {}]));
  expect(new Set(byEvent.keys())).toEqual(new Set([1, 2, 3]));
  for (const enrichment of byEvent.values()) {
    expect(enrichment["account"]).toEqual({ name: "ml-prod", env: "prod", owner: "team-ml" });
    expect(enrichment["attack"]).toMatchObject({ techniques: [{ id: "T1496.001" }] });
    expect(enrichment["related"]).toMatchObject({ by: "principal", more: false });
  }
  const burn = { accelerators: 8, models: ["H100"], calls: 1, unpriced: 0, failed: 0, records: 1, of: 1 };
  expect(byEvent.get(1)?.["burn"]).toMatchObject(burn);
  const { usdPerHour } = (byEvent.get(1)?.["burn"] ?? {}) as { usdPerHour?: number };
  expect(usdPerHour).toBeGreaterThan(10);
  expect(byEvent.get(2)).not.toHaveProperty("burn");
  expect(byEvent.get(3)?.["burn"]).toMatchObject({ ...burn, failed: 1 });
  const { alerts: replayed } = await replay(config, [place.input]);
  const ids = new Set(alerts.map(({ id }) => id));
  expect(toContents(alerts)).toEqual(toContents(replayed.filter(({ id }) => ids.has(id))));
});

test("an empty list switches it off", async () => {
  const place = createPlace();
  const rules = write(join(place.root, "more", "gpus.yml"), RULE);
  write(join(place.input, "a.json"), JSON.stringify({ Records: [launch(1, "p5.48xlarge")] }));
  await run(toConfig(place, { rules: [rules], more: { enrich: { use: [] } } }));
  const [alert] = readFileSync(place.sink, "utf8").trim().split("\n");
  expect(JSON.parse(alert ?? "{}")).not.toHaveProperty("enrichment");
  expect(alert).not.toContain("enrichmentErrors");
});
