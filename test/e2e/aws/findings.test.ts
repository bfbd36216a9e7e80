/**
 * One finding of GuardDuty, pushed by EventBridge and listed by GuardDuty itself, is one alert whichever came first: what GuardDuty
 * changed in it is a revision, an older word of it is none.
 */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { AlertWithRecords } from "../../../src/contracts.ts";
import { openViews } from "../../../src/store/views.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { type Emulator, startEmulator } from "../../fakes/emulator.ts";
import { serveGuardDuty, type WireFinding } from "../../fakes/guardduty.ts";
import { startFake } from "../../fakes/service.ts";
import { envelope } from "../../sources/sqs/envelope.ts";
import { createPlace, type Place, run, TIMEOUT_MS, toConfig, until, write } from "../make.ts";

useEnvironmentCredentials();
let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.close());

const RULE = `title: A finding of credentials
id: 5b4a6a64-3d0e-4c53-9f5c-0f8f4b7a1c22
logsource: {product: aws, service: guardduty}
detection: {selection: {type|contains: IAMUser}, condition: selection}
level: high
`;
const MINUTE = 60_000;

/** The finding as it was so many minutes ago. */
function toFinding(minutesAgo: number, count: number): WireFinding {
  const updatedAt = new Date(Math.floor(Date.now() / 1000) * 1000 - minutesAgo * MINUTE).toISOString();
  return {
    schemaVersion: "2.0", accountId: "111122223333", region: "eu-west-1", partition: "aws", id: "finding-1", severity: 8,
    arn: "arn:aws:guardduty:eu-west-1:111122223333:detector/d1/finding/finding-1",
    type: "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS", title: `Seen ${count} times`,
    createdAt: updatedAt, updatedAt, service: { serviceName: "guardduty", detectorId: "d1", count },
  }; // prettier-ignore
}

function look({ state }: Place): readonly AlertWithRecords[] {
  if (!existsSync(`${state}/store.db`)) return [];
  const views = openViews(state);
  const found = views
    .alerts({ limit: 100 })
    .flatMap(({ id, ruleName }) => (ruleName.startsWith("A finding") ? (views.alert(id) ?? []) : []));
  views.close();
  return found;
}

test.each([
  ["pushed first", ["push", "list"]],
  ["listed first", ["list", "push"]],
] as const)("%s", { timeout: TIMEOUT_MS }, async (name, order) => {
  const place = createPlace();
  let listed: readonly WireFinding[] = [];
  const fake = await startFake([serveGuardDuty({ id: "d1" }, () => listed)]);
  onTestFinished(() => fake.close());
  const queue = await emulator.createQueue(name.replace(" ", "-"));
  const give = {
    push: (one: WireFinding) =>
      emulator.send(queue, [envelope("GuardDuty Finding", JSON.stringify(one), "aws.guardduty")]),
    list: async (one: WireFinding) => void (listed = [one]),
  };
  const sources = [
    {
      type: "sqs-eventbridge",
      name: "push",
      region: "eu-west-1",
      endpoint: emulator.endpoint,
      queue: queue.url,
      wait: "1s",
    },
    { type: "guardduty", name: "list", regions: ["eu-west-1"], endpoint: fake.url, since: "1h" },
  ];
  const rules = [write(`${place.root}/own/finding.yml`, RULE)];
  const config = toConfig(place, { rules, more: { sources, http: { enabled: false }, commit: { intervalMs: 20 } } });
  const old = toFinding(20, 1);
  const fresh = toFinding(10, 2);
  /** What is given, and how many ways and revisions there are then. */
  const steps: readonly (readonly [() => Promise<unknown>, number, number])[] = [
    [() => give[order[0]](old), 1, 1],
    [() => give[order[1]](fresh), 2, 2],
    // The same and the older word once more, by the way of the queue.
    [() => give.push(fresh), 2, 2],
    [() => give.push(old), 2, 2],
  ];
  for (const [at, [act, ways, revision]] of steps.entries()) {
    await act();
    const end = new AbortController();
    const over = run(config, { signal: end.signal });
    await until(() => {
      const [alert] = look(place);
      return alert?.paths.length === ways && alert.alert.revision === revision;
    }, `step ${at} of ${name}`);
    // An old word changes nothing that could be waited for, but it leaves the queue.
    await expect.poll(() => emulator.counts(queue), { timeout: TIMEOUT_MS / 2 }).toEqual({ waiting: 0, inFlight: 0 });
    end.abort();
    await over;
    await emulator.quiet();
  }
  const found = look(place);
  expect(found.map(({ alert }) => [alert.revision, alert.eventCount])).toEqual([[2, 1]]);
  expect(JSON.parse(Buffer.from(found[0]?.records.at(-1)?.record ?? []).toString()).title).toBe("Seen 2 times");
});
