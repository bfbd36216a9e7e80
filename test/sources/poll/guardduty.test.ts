/** GuardDuty's own list of findings: each change once, from where the last look ended, with the detector watched too. */
import { expect, test } from "vitest";
import { decoders } from "../../../src/decode/registry.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { commitPositions } from "../../contracts/source-exam.ts";
import { type Detector, serveGuardDuty, type WireFinding } from "../../fakes/guardduty.ts";
import { allTexts, ask, quickClock, readUntil } from "./set-up.ts";

useEnvironmentCredentials();
const NOW = Date.UTC(2026, 0, 2, 12);
const MINUTE = 60_000;
const detector: Detector = { id: "12abc34d567e8fa901bc2d34e56789f0" };

function finding(id: string, minutesAgo: number, more: Readonly<Record<string, unknown>> = {}): WireFinding {
  const updatedAt = new Date(NOW - minutesAgo * MINUTE).toISOString();
  return {
    schemaVersion: "2.0", accountId: "111122223333", region: "eu-west-1", partition: "aws", id, severity: 8,
    arn: `arn:aws:guardduty:eu-west-1:111122223333:detector/${detector.id}/finding/${id}`,
    type: "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS", title: "Credentials used outside",
    createdAt: updatedAt, updatedAt, ...more,
  }; // prettier-ignore
}

/** "id@version" of the events that come out of the records. */
function versionsOf(texts: readonly string[]): string[] {
  return texts.map((text) => {
    const event = decoders.guardduty.decode(Buffer.from(text), { nowMs: null, duplicateKeys: false });
    if (!("key" in event)) throw new Error(`${event.reason}: ${event.detail}`);
    return `${event.key}@${(NOW - event.version) / MINUTE}`;
  });
}

test("every finding comes once, page by page, the oldest change first", async () => {
  const findings = Array.from({ length: 120 }, (_, n) => finding(`f${n}`, 600 - n));
  const { source, isScanned, warnings } = await ask([serveGuardDuty(detector, () => findings)], quickClock(NOW));
  const batches = await readUntil(source("guardduty"), new Map(), isScanned);
  expect(versionsOf(allTexts(batches))).toEqual(findings.map(({ id }, n) => `${id}@${600 - n}`));
  expect(warnings).toEqual([]);
});

test("a change comes as a new version; what has not changed does not come again", async () => {
  const clock = quickClock(NOW);
  let findings = [finding("a", 30), finding("b", 10)];
  const { source } = await ask([serveGuardDuty(detector, () => findings)], clock);
  const batches = await readUntil(source("guardduty"), new Map(), (all) => {
    const versions = versionsOf(allTexts(all));
    if (versions.includes("b@10")) findings = [finding("a", 30), finding("b", 2)];
    return versions.includes("b@2");
  });
  expect(versionsOf(allTexts(batches))).toEqual(["a@30", "b@10", "b@2"]);
});

test("a restart asks from a quarter of an hour before the newest change that was committed", async () => {
  const clock = quickClock(NOW);
  const { source, isScanned, fake } = await ask(
    [serveGuardDuty(detector, () => [finding("a", 300), finding("b", 200)])],
    clock,
  );
  const first = await readUntil(source("guardduty"), new Map(), isScanned);
  const before = fake.requests.length;
  await readUntil(source("guardduty"), commitPositions(new Map(), first), isScanned);
  const asked = fake.requests.slice(before).find(({ operation }) => operation === "ListFindings")?.input;
  expect(asked).toMatchObject({
    FindingCriteria: { Criterion: { updatedAt: { GreaterThanOrEqual: NOW - 215 * MINUTE } } },
  });
});

test("a detector that is off, or slow to publish, is told once with what to do", async () => {
  for (const [given, told] of [
    [null, /GuardDuty is off in own\/eu-west-1.*switch it on/],
    [{ ...detector, status: "DISABLED" }, /is disabled: no new findings will come/],
    [{ ...detector, publishes: "SIX_HOURS" }, /every 6 hours; set FindingPublishingFrequency to FIFTEEN_MINUTES/],
  ] as const) {
    const { source, isScanned, warnings, fake } = await ask(
      [serveGuardDuty(given, () => [finding("a", 1)])],
      quickClock(NOW),
    );
    const end = new AbortController();
    const reading = (async () => {
      for await (const batch of source("guardduty").read(new Map(), end.signal)) batch.settle();
    })();
    await expect.poll(() => isScanned() && fake.requests.length > 0, { timeout: 5000 }).toBe(true);
    end.abort();
    await reading;
    expect(warnings).toEqual([expect.stringMatching(told)]);
  }
});

test.each([
  ["throttling", { kind: "error", code: "TooManyRequestsException", status: 429 }],
  ["a server error", { kind: "error", code: "InternalServerErrorException", status: 500 }],
  ["a reset connection", { kind: "reset" }],
] as const)("%s loses no finding", async (_, fault) => {
  const findings = Array.from({ length: 60 }, (_unused, n) => finding(`f${n}`, 600 - n));
  const { source, proxy } = await ask([serveGuardDuty(detector, () => findings)], quickClock(NOW));
  proxy.set({ times: 5, fault });
  const batches = await readUntil(source("guardduty"), new Map(), (all) => allTexts(all).length >= 60);
  expect(new Set(versionsOf(allTexts(batches))).size).toBe(60);
});
