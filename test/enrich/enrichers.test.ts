/** What each enricher finds, out of the configuration and of the alerts that are kept. */
import { expect, test } from "vitest";
import { createEnrichersOf } from "./make.ts";
import { endpointBurst } from "../encode/alerts.ts";

const signal = new AbortController().signal;
const accounts = {
  "111122223333": { name: "ml-prod", env: "prod", owner: "team-ml@example.com" },
  "444455556666": { name: "", env: "", owner: "" },
};

test("account: what the configuration says, without what it leaves empty; nothing of an unknown account", async () => {
  const { account } = createEnrichersOf({ accounts });
  expect(await account.enrich(endpointBurst, signal)).toEqual({
    name: "ml-prod",
    env: "prod",
    owner: "team-ml@example.com",
  });
  for (const accountId of ["444455556666", "999999999999", "", "constructor", "__proto__"])
    expect(await account.enrich({ ...endpointBurst, accountId }, signal)).toBeNull();
});

test("attack: names, tactics and pages of the techniques, unknown ids left out", async () => {
  const { attack } = createEnrichersOf({});
  expect(
    await attack.enrich({ ...endpointBurst, attack: ["T1078.004", "T9999"], atlas: ["AML.T0034"] }, signal),
  ).toEqual({
    techniques: [
      expect.objectContaining({
        id: "T1078.004",
        name: "Valid Accounts: Cloud Accounts",
        page: "https://attack.mitre.org/techniques/T1078/004",
      }),
      expect.objectContaining({
        id: "AML.T0034",
        name: "Cost Harvesting",
        page: "https://atlas.mitre.org/techniques/AML.T0034",
      }),
    ],
  });
  expect(await attack.enrich({ ...endpointBurst, attack: [], atlas: [] }, signal)).toBeNull();
});

test("related: other alerts of the principal within a day, newest first, at most ten; of the account where nobody is known", async () => {
  const at = Date.parse(endpointBurst.lastEventTime);
  const other = (n: number, over: Partial<typeof endpointBurst> = {}): typeof endpointBurst => ({
    ...endpointBurst,
    id: String(n).padStart(64, "0"),
    lastEventTime: new Date(at - n * 60_000).toISOString(),
    ...over,
  });
  const alerts = [
    endpointBurst,
    ...Array.from({ length: 12 }, (_, n) => other(n + 1)),
    other(50, { principal: "someone" }),
    other(2_000),
  ];
  const { related } = createEnrichersOf({ alerts });
  const found = (await related.enrich(endpointBurst, signal)) as {
    by: string;
    more: boolean;
    alerts: { id: string }[];
  };
  expect([found.by, found.more, found.alerts.map(({ id }) => Number(id))]).toEqual([
    "principal",
    true,
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  ]);
  expect(await related.enrich({ ...endpointBurst, principal: "nobody else" }, signal)).toBeNull();
  const unknown = await related.enrich({ ...endpointBurst, principal: "" }, signal);
  expect(unknown).toMatchObject({ by: "account" });
  expect(await related.enrich({ ...endpointBurst, principal: "", accountId: "" }, signal)).toBeNull();
});
