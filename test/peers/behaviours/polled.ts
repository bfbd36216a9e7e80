/** Our sources that ask AWS, and what is read under a role of another account. */
import { expect } from "vitest";
import { call } from "../../sources/records.ts";
import { envelope } from "../../sources/sqs/envelope.ts";
import { type Behaviour, countIs, fresh, openQueueSource, openSource, readUntil, recordsOf } from "../behaviour.ts";
import type { World } from "../world.ts";

async function lookUp(world: World, count: number): Promise<void> {
  const words = await world.recordCalls(count);
  const opened = openSource("cloudtrail-lookup", {
    endpoint: world.at.cloudtrail,
    regions: ["eu-west-1"],
    since: "1h",
  });
  const foundIn = (texts: readonly string[]): number => words.filter((word) => texts.some((text) => text.includes(word))).length; // prettier-ignore
  const batches = await readUntil(opened, (all) => foundIn(recordsOf(all)) === words.length, { world });
  expect(foundIn(recordsOf(batches))).toBe(count);
}

export const POLLED: readonly Behaviour[] = [
  {
    name: "cloudtrail-lookup: calls of the last minutes are read",
    run: (world) => lookUp(world, 5),
  },
  {
    name: "cloudtrail-lookup: more calls than a page are read, page by page",
    run: (world) => lookUp(world, 120),
  },
  {
    name: "guardduty: a finding of the detector is read",
    run: async (world) => {
      const word = await world.plantFinding();
      const opened = openSource("guardduty", { endpoint: world.at.guardduty, regions: ["eu-west-1"] });
      const batches = await readUntil(opened, countIs(1), { world });
      expect(recordsOf(batches).join("\n")).toContain(word);
    },
  },
  {
    name: "cost: a day's costs are read by service",
    run: async (world) => {
      const planted = await world.plantCosts();
      const settings = { groups: [["SERVICE"]], anomalies: false, since: "1d" };
      const opened = openSource("cost", { endpoint: world.at.ce, ...settings });
      const batches = await readUntil(opened, countIs(planted.length), { world });
      const costs = recordsOf(batches).map((text) => {
        const { Dimensions, Metrics } = JSON.parse(text) as {
          readonly Dimensions: { readonly SERVICE: string };
          readonly Metrics: { readonly UnblendedCost: { readonly Amount: string } };
        };
        return { service: Dimensions.SERVICE, usd: Metrics.UnblendedCost.Amount };
      });
      expect(costs).toEqual(planted);
    },
  },
  {
    name: "cost: anomalies that AWS found are asked for without a warning",
    run: async (world) => {
      await world.plantCosts();
      const opened = openSource("cost", { endpoint: world.at.ce, groups: [["SERVICE"]], since: "1d" });
      await readUntil(opened, countIs(1), { world });
      expect(opened.warnings).toEqual([]);
    },
  },
  {
    name: "sqs-eventbridge: a queue is read under a role of its account",
    run: async (world) => {
      const queue = await world.things.createQueue(fresh("events"));
      await world.things.send(queue, [envelope("AWS API Call via CloudTrail", call("role"))]);
      const role = `arn:aws:iam::${world.account}:role/reader`;
      const opened = openQueueSource("sqs-eventbridge", world, { queue, role, externalId: "chosen" });
      const batches = await readUntil(opened, countIs(1), { world });
      expect(recordsOf(batches)).toEqual([call("role")]);
    },
  },
];
