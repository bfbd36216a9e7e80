/**
 * Delivery: names, disorder and lateness inside the ranges measured on real deliveries, copies that are copies.
 */
import { describe, expect, test } from "vitest";
import { percentile, readFiles, SMALL, type ParsedFile } from "./reading.ts";

const files = readFiles({ ...SMALL, records: 40_000 });
const MINUTE_S = 60;

function lagsOf(file: ParsedFile): number[] {
  return file.records.map(({ eventTime }) => (file.slotMs - Date.parse(eventTime)) / 1000);
}

/** Steps from each record to the next in its file, s. */
function stepsOf(file: ParsedFile): number[] {
  const times = file.records.map(({ eventTime }) => Date.parse(eventTime) / 1000);
  return times.slice(1).map((time, index) => time - (times[index] as number));
}

describe("names", () => {
  test("a key says account, Region and five-minute slot the way CloudTrail does", () => {
    const key =
      /^AWSLogs\/(\d{12})\/(CloudTrail(?:-Insight|-NetworkActivity)?)\/([a-z0-9-]+)\/(\d{4})\/(\d\d)\/(\d\d)\/\1_\2_\3_\4\5\6T\d\d\d[05]Z_[A-Za-z0-9]{16}\.json\.gz$/u;
    expect(files.filter(({ path }) => !key.test(path))).toEqual([]);
    expect(new Set(files.map(({ path }) => path)).size).toBe(files.length);
  });

  test("the slot in the name is the slot of the file", () => {
    const named = files.map(({ path }) => path.match(/_(\d{8}T\d{4})Z_/u)?.[1]);
    const meant = files.map(({ slotMs }) => new Date(slotMs).toISOString().replaceAll(/[-:]/gu, "").slice(0, 13));
    expect(named).toEqual(meant);
  });

  test("records lie with their account, and kinds in their folders", () => {
    const folders = { Insight: "CloudTrail-Insight", NetworkActivity: "CloudTrail-NetworkActivity" } as Record<
      string,
      string
    >;
    const wrong = files.flatMap((file) =>
      file.records.filter(
        (record) =>
          record.recipientAccountId !== file.accountId ||
          file.path.split("/")[2] !== (folders[record.eventCategory] ?? "CloudTrail"),
      ),
    );
    expect(wrong).toEqual([]);
  });

  test("only global services of us-east-1 stray into another Region's files, and some do", () => {
    const strays = files.flatMap((file) => file.records.filter(({ awsRegion }) => awsRegion !== file.region));
    expect(strays.length).toBeGreaterThan(0);
    expect(new Set(strays.map(({ awsRegion }) => awsRegion))).toContain("us-east-1");
    expect(
      strays.filter(({ eventSource }) => !/^(?:iam|sts|organizations|health|signin)\./u.test(eventSource ?? "")),
    ).toEqual([]);
  });
});

describe("disorder", () => {
  test("slot minus event time is spread as in captured files, and never beyond 20 minutes", () => {
    const lags = files.flatMap(lagsOf);
    expect(Math.min(...lags)).toBeGreaterThanOrEqual(3);
    expect(percentile(lags, 0.5)).toBeGreaterThan(150);
    expect(percentile(lags, 0.5)).toBeLessThan(260);
    expect(percentile(lags, 0.9)).toBeLessThan(450);
    expect(percentile(lags, 0.99)).toBeLessThan(10 * MINUTE_S);
    expect(Math.max(...lags)).toBeLessThanOrEqual(20 * MINUTE_S);
  });

  test("a few records come late, as no sample so far but every promise of AWS allows", () => {
    const lags = files.flatMap(lagsOf);
    const late = lags.filter((lag) => lag > 10 * MINUTE_S).length / lags.length;
    expect(late).toBeGreaterThan(0);
    expect(late).toBeLessThan(0.005);
  });

  test("records inside a file change places, by seconds and rarely by more than a minute", () => {
    const steps = files.filter(({ path }) => path.includes("/CloudTrail/")).flatMap(stepsOf);
    const back = steps.filter((step) => step < 0).map((step) => -step);
    expect(back.length / steps.length).toBeGreaterThan(0.05);
    expect(back.length / steps.length).toBeLessThan(0.25);
    expect(percentile(back, 0.5)).toBeLessThan(15);
    expect(Math.max(...back)).toBeLessThan(250);
  });

  test("files of one slot overlap in time, and many records share a second", () => {
    const bySlot = Map.groupBy(files, ({ slotMs, accountId, region }) => `${slotMs} ${accountId} ${region}`);
    expect(Math.max(...[...bySlot.values()].map((group) => group.length))).toBeGreaterThan(1);
    const steps = files.flatMap(stepsOf);
    expect(steps.filter((step) => step === 0).length / steps.length).toBeGreaterThan(0.1);
    const times = files.flatMap(({ records }) => records.map(({ eventTime }) => Date.parse(eventTime)));
    const fileOrder = times.filter((time, index) => index > 0 && time < (times[index - 1] as number));
    expect(fileOrder.length / times.length).toBeGreaterThan(0.05);
  });
});

describe("copies", () => {
  const places = Map.groupBy(
    files.flatMap((file) => file.texts.map((text, index) => ({ text, file, eventId: file.records[index]?.eventID }))),
    ({ eventId }) => eventId,
  );
  const twice = [...places.values()].filter((group) => group.length > 1);

  test("about one record in a hundred comes twice, and the files count them", () => {
    expect(twice.length / places.size).toBeGreaterThan(0.004);
    expect(twice.length / places.size).toBeLessThan(0.02);
    expect(files.reduce((sum, { copies }) => sum + copies, 0)).toBe(twice.length);
  });

  test("copies are equal byte for byte, in another file of the same slot or the next, management events all", () => {
    const odd = twice.filter(([first, second]) => {
      if (first === undefined || second === undefined) return true;
      const apartMs = Math.abs(first.file.slotMs - second.file.slotMs);
      return first.text !== second.text || first.file.path === second.file.path || apartMs > 300_000;
    });
    expect(odd).toEqual([]);
    expect(
      twice.every((group) => group.length === 2 && group[0]?.text.includes('"eventCategory":"Management"') === true),
    ).toBe(true);
  });

  test("a share of 0 gives none, a share of 1 gives every management record twice", () => {
    const small = { ...SMALL, records: 500 };
    expect(readFiles({ ...small, duplicateShare: 0 }).reduce((sum, { copies }) => sum + copies, 0)).toBe(0);
    const all = readFiles({ ...small, duplicateShare: 1 });
    const management = new Set(
      all.flatMap(({ records }) =>
        records.filter(({ eventCategory }) => eventCategory === "Management").map(({ eventID }) => eventID),
      ),
    );
    expect(all.reduce((sum, { copies }) => sum + copies, 0)).toBe(management.size);
  });
});
