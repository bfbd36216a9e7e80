/** LookupEvents: every page of every window, once committed not again, in each account and Region, whatever fails. */
import { expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { createPaces } from "../../../src/sources/poll/pace.ts";
import { createPlaces } from "../../../src/sources/poll/places.ts";
import { type Kept, serveCloudTrail } from "../../fakes/cloudtrail.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { commitPositions } from "../../contracts/source-exam.ts";
import { call } from "../records.ts";
import { allTexts, ask, quickClock, readUntil } from "./set-up.ts";

useEnvironmentCredentials();
const NOW = Date.UTC(2026, 0, 2, 12);
const MINUTE = 60_000;

const kept = (id: string, minutesAgo: number): Kept => ({ timeMs: NOW - minutesAgo * MINUTE, text: call(id) });
/** Three hours, an event a minute. */
const hours: readonly Kept[] = Array.from({ length: 180 }, (_, n) => kept(`e${n}`, n));
const idsOf = (texts: readonly string[]): string[] =>
  texts.map((text) => (JSON.parse(text) as { eventID: string }).eventID);

test("all pages of all windows are read, the oldest window first, each record byte for byte as CloudTrail keeps it", async () => {
  const odd = {
    timeMs: NOW - 5 * MINUTE,
    text: call("odd \\u0000 é 12345678901234567890").replace('"2.15"', "12345678901234567890"),
  };
  const { source, isScanned, fake } = await ask([serveCloudTrail(() => [...hours, odd])], quickClock(NOW));
  const lookup = source("cloudtrail-lookup", { since: "3h" });
  const batches = await readUntil(lookup, new Map(), isScanned);
  const texts = allTexts(batches);
  expect(new Set(texts)).toEqual(new Set([...hours, odd].map(({ text }) => text)));
  expect(idsOf(texts).indexOf("e179")).toBeLessThan(idsOf(texts).indexOf("e0"));
  expect(fake.requests.every(({ input }) => (input as { MaxResults: number }).MaxResults === 50)).toBe(true);
});

test("a restart goes on behind the last window that was committed whole, and overlaps by what CloudTrail shows late", async () => {
  const clock = quickClock(NOW);
  const events = [...hours];
  const { source, fake } = await ask([serveCloudTrail(() => events)], clock);
  const first = await readUntil(source("cloudtrail-lookup", { since: "3h" }), new Map(), (batches) =>
    batches.some(({ positions }) => positions.length > 0),
  );
  const positions = commitPositions(new Map(), first);
  const committed = Number(positions.get("own/eu-west-1"));
  expect(committed).toBe(NOW - 120 * MINUTE);
  // Shown late: its time is before the end of what is committed.
  events.push(kept("late", 125));
  const before = fake.requests.length;
  const second = await readUntil(source("cloudtrail-lookup"), positions, (batches) =>
    idsOf(allTexts(batches)).includes("e0"),
  );
  expect(idsOf(allTexts(second))).toContain("late");
  const asked = fake.requests.slice(before).map(({ input }) => (input as { StartTime: Date }).StartTime.getTime());
  expect(Math.min(...asked)).toBe(committed - 20 * MINUTE);
  const union = new Set([...idsOf(allTexts(first)), ...idsOf(allTexts(second))]);
  expect(hours.filter(({ text }) => !union.has(idsOf([text])[0] ?? ""))).toEqual([]);
});

test("the watermark waits for the Region that is furthest behind", async () => {
  const clock = quickClock(NOW);
  const { source, proxy, isScanned, warnings } = await ask(
    [serveCloudTrail((region) => (region === "eu-west-1" ? hours : hours.slice(60)))],
    clock,
  );
  const fault = {
    kind: "error",
    code: "AccessDeniedException",
    status: 400,
    message: "User: arn:aws:iam::111122223333:user/x is not authorized to perform: cloudtrail:LookupEvents",
  } as const;
  proxy.set({ times: 1, fault });
  const lookup = source("cloudtrail-lookup", { regions: ["eu-west-1", "us-east-1"], since: "3h" });
  const batches = await readUntil(lookup, new Map(), isScanned);
  expect(Math.max(...batches.map(({ floorMs }) => floorMs))).toBe(NOW - 180 * MINUTE);
  expect(warnings).toEqual([expect.stringMatching(/cannot read own\/.*allow cloudtrail:LookupEvents/)]);
});

test.each([
  ["throttling", { kind: "error", code: "ThrottlingException", status: 400 }],
  ["a reset connection", { kind: "reset" }],
  ["a lost answer", { kind: "lose" }],
  ["a token that is no longer good", { kind: "error", code: "InvalidNextTokenException", status: 400 }],
  ["a body that ends early", { kind: "truncate" }],
] as const)("%s loses nothing", async (_, fault) => {
  const { source, proxy } = await ask([serveCloudTrail(() => hours)], quickClock(NOW));
  proxy.set({ times: 4, fault });
  const all = (batches: Parameters<typeof allTexts>[0]): boolean =>
    new Set(idsOf(allTexts(batches))).size === hours.length;
  const batches = await readUntil(source("cloudtrail-lookup", { since: "3h" }), new Map(), all);
  expect(new Set(idsOf(allTexts(batches))).size).toBe(hours.length);
});

test("an account and Region is asked at most 1.8 times a second", async () => {
  const { source, isScanned, fake } = await ask([serveCloudTrail(() => hours.slice(0, 60))]);
  const begunMs = performance.now();
  await readUntil(
    source("cloudtrail-lookup", { since: "90d", every: "30s" }),
    new Map(),
    () => fake.requests.length >= 5 || isScanned(),
  );
  const elapsedMs = performance.now() - begunMs;
  expect(fake.requests.length).toBeGreaterThanOrEqual(4);
  expect(elapsedMs).toBeGreaterThan(((fake.requests.length - 1) / 1.8) * 1000 - 50);
});

test("sources of one process share what an account and Region may be asked; a role's ARN names the account", async () => {
  const paces = createPaces(systemClock);
  const { source, fake } = await ask([serveCloudTrail(() => hours.slice(0, 60))], systemClock, paces);
  const begunMs = performance.now();
  const enough = (): boolean => fake.requests.length >= 6;
  await Promise.all(
    ["one", "two"].map((name) => readUntil(source("cloudtrail-lookup", { name, since: "90d" }), new Map(), enough)),
  );
  expect(performance.now() - begunMs).toBeGreaterThan((5 / 1.8) * 1000 - 50);
  const settings = { regions: ["eu-west-1"], accounts: [] };
  const byArn = createPlaces({ ...settings, role: "arn:aws:iam::111122223333:role/x" }, systemClock);
  const byName = createPlaces({ ...settings, accounts: ["111122223333"], role: "x" }, systemClock);
  expect([...byArn, ...byName].map(({ calledId }) => calledId)).toEqual(["111122223333", "111122223333"]);
});

test("accounts are asked under the role in each; a role that is no name is told before anything is asked", async () => {
  const { source, fake } = await ask([serveCloudTrail(() => [])], quickClock(NOW));
  const wrong = source("cloudtrail-lookup", { accounts: ["111122223333"], role: "arn:aws:iam::111122223333:role/x" });
  await expect(readUntil(wrong, new Map(), () => false)).rejects.toMatchObject({ code: "config_invalid" });
  expect(fake.requests).toEqual([]);
});
