/**
 * A run in mode `once` and a replay are one engine: the same ids and contents over the same folder, and over the same
 * records shuffled, doubled or cut into files anew (delivery contract C5).
 */
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { createRandom } from "../../src/lib/random.ts";
import { ATTACK_NAMES } from "../../src/simulate/attacks/catalog.ts";
import { type GeneratedRecord, generateRecords } from "../../src/simulate/simulation.ts";
import { openViews } from "../../src/store/views.ts";
import { toLines, toRecordsText } from "../chaos/input.ts";
import { judge, readRuleSet } from "../chaos/judge.ts";
import { createPlace, type Place, replay, run, toConfig, toContents, write } from "./make.ts";

const records = [...generateRecords({ seed: 77, records: 1500, attacks: ATTACK_NAMES, duplicateShare: 0.03 })];
const SETTINGS = { rules: ["shipped"] };
const SLOT_MS = 300_000;

/** Writes groups of records as files. */
function writeFiles(place: Place, files: Iterable<readonly [string, readonly GeneratedRecord[]]>): void {
  for (const [name, inside] of files) write(join(place.input, name), gzipSync(toRecordsText(inside)));
}

const byFile = (): Map<string, GeneratedRecord[]> => Map.groupBy(records, ({ file }) => file);

/** Name of a delivery file of a slot. */
function nameOf(slotMs: number, tail: string): string {
  const digits = new Date(slotMs).toISOString().replaceAll(/[-:]/g, "").slice(0, 13);
  return `111122223333_CloudTrail_eu-west-1_${digits}Z_${tail}.json.gz`;
}

type Layout = readonly [name: string, lay: (place: Place) => void];
const layouts: readonly Layout[] = [
  [
    "records shuffled over files, up to 15 min later than delivered",
    (place) => {
      const random = createRandom("shuffled");
      const moved = records.map((record) => ({
        record,
        slotMs: record.slotMs + random.int(0, 3) * SLOT_MS,
        at: random.float(),
      }));
      const files = Map.groupBy(
        moved.toSorted((a, b) => a.at - b.at),
        ({ slotMs }) => slotMs,
      );
      writeFiles(
        place,
        [...files].map(([slotMs, list]) => [nameOf(slotMs, "x"), list.map(({ record }) => record)] as const),
      );
    },
  ],
  [
    "every file twice",
    (place) => {
      const files = [...byFile()];
      writeFiles(place, files);
      writeFiles(
        place,
        files.map(([name, list]) => [name.replace(/_([^_]+)$/, "_copy$1"), list] as const),
      );
    },
  ],
  ["one plain file in one line", (place) => void write(join(place.input, "all.json"), toRecordsText(records))],
  [
    "NDJSON, backwards, in files of 700, gzip and not",
    (place) => {
      const backwards = records.toReversed();
      for (let at = 0; at < backwards.length; at += 700) {
        const text = toLines(backwards.slice(at, at + 700));
        write(join(place.input, `${at}.ndjson${at === 700 ? ".gz" : ""}`), at === 700 ? gzipSync(text) : text);
      }
    },
  ],
  [
    "EventBridge envelopes, LookupEvents pages and arrays",
    (place) => {
      const texts = records.map(({ bytes }) => Buffer.from(bytes).toString());
      const third = Math.ceil(texts.length / 3);
      const [one, two, three] = [texts.slice(0, third), texts.slice(third, 2 * third), texts.slice(2 * third)];
      const envelope = (detail: string): string =>
        `{"version":"0","id":"e","detail-type":"AWS API Call via CloudTrail","source":"aws.s3","account":"111122223333","time":"2026-03-10T00:00:00Z","region":"eu-west-1","resources":[],"detail":${detail}}`;
      write(join(place.input, "bridge.ndjson"), one.map((text) => `${envelope(text)}\n`).join(""));
      const rows = two.map((text) => ({ EventId: "e", EventName: "n", CloudTrailEvent: text }));
      write(join(place.input, "lookup.json"), JSON.stringify({ Events: rows, NextToken: "t" }));
      write(join(place.input, "array.json"), `[\n  ${three.join(",\n  ")}\n]`);
    },
  ],
];

describe("a day with all attacks", () => {
  let plain: ReturnType<typeof toContents> | null = null;
  const wanted = async (): Promise<ReturnType<typeof toContents>> => {
    if (plain !== null) return plain;
    const place = createPlace();
    writeFiles(place, byFile());
    plain = toContents((await replay(toConfig(place, SETTINGS), [place.input])).alerts);
    return plain;
  };

  test("a run in mode once and a replay over the same folder say the same, and both what the judge says", async () => {
    const place = createPlace();
    writeFiles(place, byFile());
    const config = toConfig(place, SETTINGS);
    await run(config);
    const { alerts, summary } = await replay(config, [place.input]);
    const views = openViews(place.state);
    const stored = views.alerts({});
    const [counts] = views.counts();
    views.close();
    expect(toContents(alerts)).toEqual(toContents(stored));
    expect(counts).toMatchObject({ read: records.length, evaluated: records.length, quarantined: 0, late: 0 });
    expect(summary).toMatchObject({ read: records.length, evaluated: records.length, late: 0 });
    const rules = readRuleSet([join(place.root, "rules")]);
    const judged = judge(
      rules,
      records.map(({ bytes }) => bytes),
    );
    const own = new Set([...rules.detections, ...rules.correlations].map(({ id }) => id));
    const ids = alerts.filter(({ ruleId }) => own.has(ruleId)).map(({ id }) => id);
    expect(ids.toSorted()).toEqual([...judged.keys()].toSorted());
    // Each attack is seen by a shipped rule, so that both kinds of rules take part.
    expect(alerts.length - ids.length).toBeGreaterThanOrEqual(ATTACK_NAMES.length);
  });

  test.each(layouts)("%s: the same ids and contents, nothing late", async (_, lay) => {
    const place = createPlace();
    lay(place);
    const { alerts, summary } = await replay(toConfig(place, SETTINGS), [place.input]);
    expect(toContents(alerts)).toEqual(await wanted());
    expect(summary).toMatchObject({ late: 0, quarantined: 0 });
  });
});
