/** What Security Hub gets: one finding an alert, updated by its Id, within the format's bounds whatever the alert holds. */
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import type { Sink } from "../../../src/contracts.ts";
import { toAsff } from "../../../src/encode/asff.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { item } from "../../contracts/alert-items.ts";
import { anyAlert, endpointBurst, hostileFinding } from "../../encode/alerts.ts";
import { ACCOUNT, createSinkOf, type Hub, startHub } from "./receivers.ts";

useEnvironmentCredentials();
const signal = new AbortController().signal;
const accepted = { status: "accepted" };

async function open(settings: Readonly<Record<string, unknown>> = {}): Promise<{ hub: Hub; sink: Sink }> {
  const hub = await startHub();
  const sink = createSinkOf("security-hub", { endpoint: hub.proxy.url, account: ACCOUNT, ...settings });
  onTestFinished(async () => {
    await sink.close();
    await hub.close();
  });
  return { hub, sink };
}

test("a later revision updates the finding, one that comes again changes nothing, a lower one does not come back", async () => {
  const { hub, sink } = await open();
  for (const revision of [1, 1, 3, 2, 3]) expect(await sink.send([item(7, revision)], signal)).toEqual([accepted]);
  expect(hub.findings.size).toBe(1);
  expect(hub.imported.map(({ ProductFields }) => ProductFields?.["sagewatch/revision"])).toEqual(["1", "3"]);
});

test("the finding names the importing account, and the account, principal and targets of the events as resources", async () => {
  const { hub, sink } = await open();
  await sink.send(
    [
      { alert: endpointBurst, opened: true },
      { alert: hostileFinding, opened: true },
    ],
    signal,
  );
  const [burst, hostile] = hub.imported;
  expect(burst?.Severity?.Label).toBe("HIGH");
  expect(burst?.Resources?.map(({ Type, Id }) => [Type, Id])).toEqual([
    ["AwsIamRole", "arn:aws:iam::111122223333:role/DataScience"],
    ["Other", "arn:aws:sagemaker:us-east-1:111122223333:endpoint/scoring-1"],
    ["Other", "scoring-2"],
    ["AwsAccount", "AWS::::Account:111122223333"],
  ]);
  expect(JSON.stringify(hostile)).not.toMatch(/\\u001b/);
  await expect(`${JSON.stringify(burst, null, 2)}\n`).toMatchFileSnapshot("../../golden/asff/correlation.json");
  await expect(`${JSON.stringify(hostile, null, 2)}\n`).toMatchFileSnapshot("../../golden/asff/hostile.json");
});

test("a finding that fails alone is told alone: refused where it would fail again, unknown where not", async () => {
  const { sink } = await open();
  const titled = (number: number, title: string): ReturnType<typeof item> => {
    const one = item(number);
    return { ...one, alert: { ...one.alert, title } };
  };
  const array = [item(1), titled(2, "fail-with-InvalidInput"), titled(3, "fail-with-InternalError")];
  expect(await sink.send(array, signal)).toEqual([
    accepted,
    { status: "refused", code: "invalid_input" },
    { status: "unknown", code: "internal_error" },
  ]);
});

test("Security Hub that is not on is told with what to do", async () => {
  const { hub, sink } = await open();
  hub.proxy.set({
    fault: {
      kind: "error",
      code: "InvalidAccessException",
      status: 401,
      message: `Account ${ACCOUNT} is not subscribed to AWS Security Hub`,
    },
  });
  const [answer] = await sink.send([item(1)], signal);
  expect(answer).toMatchObject({ status: "unknown", detail: expect.stringContaining("not subscribed") });
});

test("any alert gives a finding within the format", () => {
  fc.assert(
    fc.property(anyAlert, (alert) => {
      const finding = toAsff(alert, { accountId: ACCOUNT, region: "eu-west-1", partition: "aws" });
      expect(finding.Title.length).toBeLessThanOrEqual(256);
      expect(finding.Title.length).toBeGreaterThan(0);
      expect(finding.Description.length).toBeLessThanOrEqual(1024);
      expect(finding.Resources.length).toBeLessThanOrEqual(32);
      expect(finding.Resources.length).toBeGreaterThan(0);
      expect(new Set(finding.Resources.map(({ Id }) => Id)).size).toBe(finding.Resources.length);
      for (const { Id } of finding.Resources) expect(Id.length).toBeLessThanOrEqual(512);
      expect(Object.keys(finding.ProductFields).length).toBeLessThanOrEqual(50);
      for (const value of Object.values(finding.ProductFields)) expect(value.length).toBeLessThanOrEqual(2048);
      expect(JSON.stringify(finding)).not.toMatch(/\p{Cf}/u);
    }),
  );
});
