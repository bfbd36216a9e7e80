/** Costs as Cost Explorer gives them: each row once a revision, within the day's calls, whatever fails in between. */
import type { Anomaly } from "@aws-sdk/client-cost-explorer";
import { describe, expect, test } from "vitest";
import type { Batch, Source } from "../../../src/contracts.ts";
import { decoders } from "../../../src/decode/registry.ts";
import type { Clock } from "../../../src/lib/clock.ts";
import { textAt } from "../../../src/lib/json.ts";
import type { Event } from "../../../src/model/event.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { commitPositions } from "../../contracts/source-exam.ts";
import { type Books, type Charge, serveCostExplorer } from "../../fakes/cost/cost-explorer.ts";
import { anomaly } from "../../support/costs.ts";
import { allTexts, ask, type Asked, readUntil, sleepingClock } from "./set-up.ts";

useEnvironmentCredentials();
const NOW = Date.UTC(2026, 2, 12, 9, 30);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ACCOUNT = "111122223333";
const SERVICES = { groups: [["LINKED_ACCOUNT", "SERVICE"]], anomalies: false };

const day = (ago: number): string => new Date(NOW - ago * DAY).toISOString().slice(0, 10);

/** What a service cost in an account, days ago. */
function charge(ago: number, service: string, usd: string): Charge {
  const of = { LINKED_ACCOUNT: ACCOUNT, SERVICE: service, USAGE_TYPE: `${service} use` };
  return { start: day(ago), usd, estimated: true, of };
}

type World = Asked & { readonly open: (settings?: object) => Source; readonly clock: Clock };

/** A source over these books; time goes on by its rounds. */
async function start(books: Omit<Books, "nowMs">, clock: Clock = sleepingClock(NOW)): Promise<World> {
  const asked = await ask([serveCostExplorer({ ...books, nowMs: () => clock.nowMs() })], clock);
  return { ...asked, clock, open: (settings = {}) => asked.source("cost", { ...SERVICES, ...settings }) };
}

function decode(text: string): Event {
  const event = decoders.cost.decode(Buffer.from(text), { nowMs: null, duplicateKeys: false });
  if (!("key" in event)) throw new Error(`${event.reason}: ${event.detail}`);
  return event;
}

/** "2026-03-11 Amazon SageMaker 12.5" of each row. */
function rowsOf(batches: readonly Batch[]): string[] {
  return allTexts(batches).map((text) => {
    const { eventId, record } = decode(text);
    const amount = textAt(record, "Metrics", "UnblendedCost", "Amount");
    return `${textAt(record, "TimePeriod", "Start")} ${eventId.slice(eventId.lastIndexOf("=") + 1)} ${amount}`;
  });
}

const callsOf = ({ fake }: Pick<Asked, "fake">, operation?: string): number =>
  fake.requests.filter((one) => operation === undefined || one.operation === operation).length;

/** Reads for so many hours, on from what these batches committed. */
function readFor(
  world: World,
  hours: number,
  { source, after = [], positions = new Map() }: Reading,
): Promise<Batch[]> {
  const untilMs = world.clock.nowMs() + hours * HOUR;
  return readUntil(source, commitPositions(positions, after), () => world.clock.nowMs() >= untilMs);
}
type Reading = {
  readonly source: Source;
  readonly after?: readonly Batch[];
  readonly positions?: ReadonlyMap<string, string>;
};

describe("rows", () => {
  test("the last days come with what the two weeks before each came to", async () => {
    const world = await start({
      charges: () => [
        charge(18, "Amazon Bedrock", "900"),
        charge(17, "Amazon Bedrock", "70"),
        charge(9, "Amazon Bedrock", "31.2"),
        charge(3, "Amazon Bedrock", "12.5"),
        charge(2, "Amazon SageMaker", "0.0000300172"),
        charge(0, "Amazon Bedrock", "8"),
      ],
    });
    const batches = await readUntil(world.open(), new Map(), world.isScanned);
    const records = allTexts(batches).map((text) => decode(text).record);
    expect(records).toEqual([
      expect.objectContaining({
        TimePeriod: { Start: day(3), End: day(2) },
        Granularity: "DAILY",
        Estimated: true,
        Dimensions: { LINKED_ACCOUNT: ACCOUNT, SERVICE: "Amazon Bedrock" },
        Metrics: { UnblendedCost: { Amount: "12.5", Unit: "USD" }, UsageQuantity: { Amount: "0", Unit: "N/A" } },
        Earlier: { Periods: 14, Highest: "70" },
        RetrievedAt: "2026-03-12T09:30:00Z",
      }),
      expect.objectContaining({
        Dimensions: { LINKED_ACCOUNT: ACCOUNT, SERVICE: "Amazon SageMaker" },
        Earlier: { Periods: 14, Highest: "0" },
      }),
      expect.objectContaining({
        TimePeriod: { Start: day(0), End: day(-1) },
        Earlier: { Periods: 14, Highest: "31.2" },
      }),
    ]);
    expect(callsOf(world)).toBe(1);
    expect(world.warnings).toEqual([]);
  });

  test("pages of a period are one period, and each page is a call", async () => {
    const charges = [3, 2, 1, 0].flatMap((ago) => ["a", "b", "c"].map((service) => charge(ago, service, `${ago}.5`)));
    const world = await start({ charges: () => charges, pageGroups: 5 });
    const batches = await readUntil(world.open(), new Map(), world.isScanned);
    expect(rowsOf(batches).toSorted()).toEqual(charges.map(({ start, of, usd }) => `${start} ${of["SERVICE"]} ${usd}`));
    // 14 days without groups, then 12 rows.
    expect(callsOf(world)).toBe(Math.ceil((14 + 12) / 5));
  });

  test("a day whose figures changed comes again as a new version; what has not changed does not", async () => {
    let bedrock = "5";
    const world = await start({
      charges: () => [charge(1, "Amazon Bedrock", bedrock), charge(2, "Amazon SageMaker", "7")],
    });
    const first = await readFor(world, 7, { source: world.open() });
    expect(rowsOf(first)).toEqual([`${day(2)} Amazon SageMaker 7`, `${day(1)} Amazon Bedrock 5`]);
    bedrock = "55";
    const second = await readFor(world, 9, { source: world.open(), after: first });
    expect(rowsOf(second)).toEqual([`${day(1)} Amazon Bedrock 55`]);
    const [before, after] = [allTexts(first)[1], allTexts(second)[0]].map((text) => decode(text as string));
    expect(after?.key).toBe(before?.key);
    expect(after?.version).toBeGreaterThan(before?.version ?? Infinity);
  });

  test("the first look of a day goes back to the oldest estimate; a day that is final is read no more", async () => {
    let final = false;
    const old = (): Charge => ({ ...charge(9, "Amazon Bedrock", final ? "6" : "5"), estimated: !final });
    const world = await start({ charges: () => [old()] });
    const first = await readFor(world, 1, { source: world.open({ since: "10d" }) });
    final = true;
    const second = await readFor(world, 24, { source: world.open({ since: "10d" }), after: first });
    expect(rowsOf(second)).toEqual([`${day(9)} Amazon Bedrock 6`]);
    const before = world.fake.requests.length;
    await readFor(world, 24, { source: world.open({ since: "10d" }), after: [...first, ...second] });
    const starts = world.fake.requests
      .slice(before)
      .map(({ input }) => (input as { TimePeriod: { Start: string } }).TimePeriod.Start);
    expect(new Set(starts)).toEqual(new Set([day(3 + 14 - 1), day(3 + 14 - 2)]));
  });

  test("taxes and credits count only where they are asked for", async () => {
    const charges = [
      charge(1, "Amazon Bedrock", "5"),
      { ...charge(1, "Tax", "9.17"), recordType: "Tax" },
      { ...charge(1, "Amazon Bedrock", "-5"), recordType: "Credit" },
    ];
    const world = await start({ charges: () => charges });
    expect(rowsOf(await readUntil(world.open(), new Map(), world.isScanned))).toEqual([`${day(1)} Amazon Bedrock 5`]);
    const all = await readUntil(world.open({ recordTypes: [] }), new Map(), world.isScanned);
    expect(rowsOf(all)).toEqual([`${day(1)} Amazon Bedrock 0`, `${day(1)} Tax 9.17`]);
  });

  test("tags, Regions and hours", async () => {
    const of = { "TAG:team": "a$b", REGION: "eu-west-1" };
    const charges = [
      { start: day(0), usd: "24", of },
      { start: `${day(0)}T08:00:00Z`, usd: "2", of },
      { start: `${day(0)}T09:00:00Z`, usd: "1", of },
    ];
    const world = await start({ charges: () => charges });
    const batches = await readUntil(
      world.open({ groups: [["TAG:team", "REGION"]], hourly: true }),
      new Map(),
      world.isScanned,
    );
    expect(allTexts(batches).map((text) => decode(text))).toEqual([
      expect.objectContaining({ eventId: `${day(0)} REGION=eu-west-1 TAG:team=a$b`, region: "eu-west-1" }),
      expect.objectContaining({ eventId: `${day(0)}T08:00:00Z REGION=eu-west-1 TAG:team=a$b` }),
      expect.objectContaining({
        record: expect.objectContaining({ Earlier: { Periods: 24, Highest: "2" } }) as unknown,
      }),
    ]);
  });
});

test("an anomaly comes once, and again when it has grown", async () => {
  let growth = 0;
  const { RetrievedAt: _asked, ...first } = anomaly();
  const world = await start({
    charges: () => [],
    pageAnomalies: 2,
    anomalies: () =>
      ["a", "b", "c"].map((id) => ({
        ...(first as unknown as Anomaly),
        AnomalyId: id,
        Impact: { MaxImpact: 1, TotalImpact: id === "b" ? 100 + growth : 100 },
      })),
  });
  const source = { groups: SERVICES.groups, anomalies: true };
  const before = await readFor(world, 7, { source: world.open(source) });
  expect(allTexts(before).map((text) => decode(text).key)).toEqual(["a", "b", "c"]);
  growth = 50;
  const after = await readFor(world, 9, { source: world.open(source), after: before });
  expect(allTexts(after).map((text) => decode(text).evidence.action)).toEqual(["ce:cost anomaly of 150 USD"]);
});

describe("the calls of a day", () => {
  const charges = [charge(1, "Amazon Bedrock", "5")];

  test("a usual day takes nine", async () => {
    const world = await start({ charges: () => charges });
    await readFor(world, 23.9, { source: world.open({ groups: undefined, anomalies: true }) });
    expect([callsOf(world, "GetAnomalies"), callsOf(world, "GetCostAndUsage")]).toEqual([3, 6]);
  });

  test("are never exceeded: what is left waits for the next day, and it is told that costs are stale", async () => {
    const world = await start({ charges: () => charges, pageGroups: 1 });
    await readFor(world, 14, { source: world.open({ callsPerDay: 10 }) });
    expect(callsOf(world)).toBe(10);
    expect(world.alerts).toEqual([
      "source_stale own/us-east-1: The 10 calls of today are made: costs are stale until 2026-03-13T00:00:00Z; raise callsPerDay, or ask for fewer groups.",
    ]);
    expect(world.stale).toEqual(new Map([[null, true]]));
    await readFor(world, 8, {
      source: world.open({ callsPerDay: 18 }),
      positions: new Map([["calls", "2026-03-12 10"]]),
    });
    // The next day has calls again.
    expect(world.stale).toEqual(new Map([[null, false]]));
    // Eight more until midnight, and those of the next day.
    expect(callsOf(world)).toBe(10 + 8 + 18);
  });

  test("are booked before they are made, so that neither kills nor a clock set back give more of them", async () => {
    const world = await start({ charges: () => charges });
    let positions = new Map<string, string>();
    for (let kill = 0; kill < 12; kill += 1) {
      // Killed as soon as the call was made: nothing after the booking is committed.
      const before = callsOf(world);
      const end = new AbortController();
      const giveUp = world.clock.nowMs() + HOUR;
      const reading = (async () => {
        for await (const batch of world.open({ callsPerDay: 8 }).read(positions, end.signal)) {
          if (callsOf(world) > before) break;
          positions = commitPositions(positions, [batch]);
          batch.settle();
        }
      })();
      while (callsOf(world) === before && world.clock.nowMs() < giveUp) await new Promise(setImmediate);
      end.abort();
      await reading;
    }
    expect(callsOf(world)).toBe(8);
    const back = await start({ charges: () => charges }, sleepingClock(NOW - DAY));
    await readFor(back, 12, { source: back.open({ callsPerDay: 8 }), positions });
    expect(callsOf(back)).toBe(0);
  });

  test("a call whose booking could not be committed is not made", async () => {
    const world = await start({ charges: () => charges });
    for await (const batch of world.open().read(new Map(), AbortSignal.timeout(300)))
      batch.settle(new Error("given up"));
    expect(callsOf(world)).toBe(0);
  });
});

describe("faults", () => {
  const charges = [3, 2, 1].flatMap((ago) => ["a", "b"].map((service) => charge(ago, service, `${ago}`)));

  test.each([
    ["throttling", { kind: "error", code: "LimitExceededException", status: 400 }],
    ["a server error", { kind: "error", code: "InternalServerError", status: 500 }],
    ["a reset connection", { kind: "reset" }],
    ["a token that AWS does not know any more", { kind: "error", code: "InvalidNextTokenException", status: 400 }],
  ] as const)("%s loses no row, rests longer each time, and each try is one of the day's calls", async (_, fault) => {
    const world = await start({ charges: () => charges, pageGroups: 12 });
    world.proxy.set({ times: 4, fault });
    const startedMs = world.clock.nowMs();
    const batches = await readUntil(world.open(), new Map(), (all) => rowsOf(all).length >= 6);
    expect(rowsOf(batches).toSorted()).toEqual(
      charges.map(({ start, of, usd }) => `${start} ${of["SERVICE"]} ${usd}`).toSorted(),
    );
    // Rests of 1, 2, 4 and 8 minutes.
    expect((world.clock.nowMs() - startedMs) / 60_000).toBeGreaterThanOrEqual(15);
    expect((world.clock.nowMs() - startedMs) / 60_000).toBeLessThan(25);
    expect(commitPositions(new Map(), batches).get("calls")).toBe(`2026-03-12 ${4 + 2}`);
    expect(world.proxy.log).toHaveLength(4 + 2);
    expect(world.warnings).toContainEqual(
      expect.stringContaining("Source cost cannot read own/us-east-1, and tries again"),
    );
  });

  test("an outage of most of a day leaves calls for its end", async () => {
    const world = await start({ charges: () => charges });
    world.proxy.set({ fault: { kind: "error", code: "LimitExceededException", status: 400 } });
    const before = await readFor(world, 13, { source: world.open({ groups: undefined, anomalies: true }) });
    expect(world.alerts).toEqual([]);
    world.proxy.set();
    const source = world.open({ groups: undefined, anomalies: true });
    expect(rowsOf(await readFor(world, 0.5, { source, after: before }))).toHaveLength(12);
  });

  test("costs that nobody could renew for 36 hours are told of as stale, once an hour", async () => {
    const world = await start({ charges: () => charges });
    const first = await readFor(world, 1, { source: world.open() });
    world.proxy.set({ fault: { kind: "error", code: "LimitExceededException", status: 400 } });
    await readFor(world, 34, { source: world.open(), after: first });
    expect([world.alerts, world.stale.get(null)]).toEqual([[], false]);
    await readFor(world, 3.5, { source: world.open(), after: first });
    expect(world.stale.get(null)).toBe(true);
    expect(world.alerts.length).toBeGreaterThanOrEqual(2);
    expect(world.alerts.length).toBeLessThanOrEqual(3);
    expect(world.alerts[0]).toMatch(
      /own\/us-east-1 DAILY LINKED_ACCOUNT,SERVICE was answered last at 2026-03-12T09:30/,
    );
  });

  test("what one question is refused does not keep the others from being asked", async () => {
    const world = await start({ charges: () => charges, isHourly: false });
    world.proxy.set({
      operation: "GetAnomalies",
      fault: {
        kind: "error",
        code: "AccessDeniedException",
        status: 400,
        message: "not authorized to perform: ce:GetAnomalies",
      },
    });
    const batches = await readFor(world, 1, { source: world.open({ anomalies: true, hourly: true }) });
    expect(rowsOf(batches)).toHaveLength(6);
    expect(world.warnings.join("\n")).toMatch(/allow ce:GetAnomalies/);
    // Days, hours in vain, and the anomalies in vain: once each, since waiting does not help.
    expect(callsOf(world, "GetCostAndUsage")).toBe(2);
    expect(world.proxy.log.filter(({ operation }) => operation === "GetAnomalies")).toHaveLength(1);
  });
});
