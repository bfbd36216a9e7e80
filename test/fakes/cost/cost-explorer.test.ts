/** The fake of Cost Explorer refuses what AWS refuses, and answers in AWS's own shapes. */
import * as ce from "@aws-sdk/client-cost-explorer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Fake, startFake } from "../service.ts";
import { serveCostExplorer } from "./cost-explorer.ts";

const NOW = Date.UTC(2026, 2, 12, 9);
let fake: Fake;
let client: ce.CostExplorerClient;
beforeAll(async () => {
  const charges = ["2026-03-10", "2026-03-11"].flatMap((start) =>
    ["a", "b"].map((service) => ({ start, usd: "1.5", of: { SERVICE: service } })),
  );
  fake = await startFake([
    serveCostExplorer({ nowMs: () => NOW, charges: () => charges, pageGroups: 3, isHourly: false }),
  ]);
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  client = new ce.CostExplorerClient({ region: "us-east-1", endpoint: fake.url, credentials, maxAttempts: 1 });
});
afterAll(async () => {
  client.destroy();
  await fake.close();
});

const question: ce.GetCostAndUsageCommandInput = {
  TimePeriod: { Start: "2026-03-10", End: "2026-03-12" },
  Granularity: "DAILY",
  Metrics: ["UnblendedCost"],
  GroupBy: [{ Type: "DIMENSION", Key: "SERVICE" }],
};
const hours = (Start: string): ce.GetCostAndUsageCommandInput => ({
  ...question,
  Granularity: "HOURLY",
  TimePeriod: { Start, End: "2026-03-12T09:00:00Z" },
});
const groups = (...keys: string[]): ce.GroupDefinition[] => keys.map((Key) => ({ Type: "DIMENSION", Key }));

test.each<[string, ce.GetCostAndUsageCommandInput, string]>([
  ["three groups", { ...question, GroupBy: groups("SERVICE", "REGION", "AZ") }, "ValidationException"],
  ["a group that does not exist", { ...question, GroupBy: groups("COLOUR") }, "ValidationException"],
  ["a metric that does not exist", { ...question, Metrics: ["Cost"] }, "ValidationException"],
  ["no metric", { ...question, Metrics: [] }, "ValidationException"],
  [
    "an end before the start",
    { ...question, TimePeriod: { Start: "2026-03-12", End: "2026-03-12" } },
    "ValidationException",
  ],
  [
    "a start in the future",
    { ...question, TimePeriod: { Start: "2026-03-13", End: "2026-03-14" } },
    "ValidationException",
  ],
  [
    "a day two years ago",
    { ...question, TimePeriod: { Start: "2024-03-10", End: "2024-03-12" } },
    "ValidationException",
  ],
  ["hours of days", { ...hours("2026-03-12"), Granularity: "HOURLY" }, "ValidationException"],
  ["hours three weeks ago", hours("2026-02-19T00:00:00Z"), "ValidationException"],
  ["hours that are not switched on", hours("2026-03-12T00:00:00Z"), "DataUnavailableException"],
  ["a token of another query", { ...question, NextPageToken: "other#3" }, "InvalidNextTokenException"],
])("%s is refused", async (_what, input, name) => {
  await expect(client.send(new ce.GetCostAndUsageCommand(input))).rejects.toMatchObject({ name });
});

test("pages follow one another, and the end of the time is not in it", async () => {
  const first = await client.send(new ce.GetCostAndUsageCommand(question));
  const NextPageToken = first.NextPageToken ?? "";
  const last = await client.send(new ce.GetCostAndUsageCommand({ ...question, NextPageToken }));
  const keysOf = ({ ResultsByTime = [] }: ce.GetCostAndUsageCommandOutput): string[] =>
    ResultsByTime.flatMap(({ TimePeriod, Groups = [] }) =>
      Groups.map(({ Keys }) => `${TimePeriod?.Start} ${Keys?.[0]}`),
    );
  expect([keysOf(first), keysOf(last)]).toEqual([["2026-03-10 a", "2026-03-10 b", "2026-03-11 a"], ["2026-03-11 b"]]);
  expect(last.NextPageToken).toBeUndefined();
});

test.each([
  [{ StartDate: "12.3.2026" }, 10],
  [{ StartDate: "2026-03-12", EndDate: "2026-03-01" }, 10],
  [{ StartDate: "2026-03-01" }, 101],
])("anomalies of %j, %i a page are refused", async (DateInterval, MaxResults) => {
  const command = new ce.GetAnomaliesCommand({ DateInterval, MaxResults });
  await expect(client.send(command)).rejects.toMatchObject({ name: "ValidationException" });
});
