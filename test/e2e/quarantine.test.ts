/**
 * Poison in the input (reliability.md T10): every reason that files can give, one record in twenty. Each poisoned record
 * ends in quarantine under its reason, no neighbour is harmed, and what can be mended gives its alerts when replayed.
 */
import { join } from "node:path";
import { constants, gunzipSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { composeQuarantineReplay } from "../../src/compose.ts";
import type { Config } from "../../src/config/schema.ts";
import type { Views } from "../../src/contracts.ts";
import { createRandom } from "../../src/lib/random.ts";
import { generateRecords } from "../../src/simulate/simulation.ts";
import { openViews } from "../../src/store/views.ts";
import { toRecordsText } from "../chaos/input.ts";
import { judge, readRuleSet } from "../chaos/judge.ts";
import { createPlace, type Place, run, TIMEOUT_MS, toConfig, toContents, until, write } from "./make.ts";

const KIB = 1024;
const STRICT = { recordBytes: 64 * KIB, depth: 24, gzipRatio: 50 };
const MENDED = { recordBytes: 256 * KIB, depth: 200, gzipRatio: 1100 };

const records = [
  ...generateRecords({ seed: 5, records: 1200, attacks: ["bulk-endpoints", "llmjacking"], duplicateShare: 0 }),
].map(({ bytes }) => bytes);
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const extend = (bytes: Uint8Array, member: string): Uint8Array => Buffer.from(`${text(bytes).slice(0, -1)},${member}}`);

/** Ways to poison a record inside a file, by the reason that they must get. */
const POISONS: Readonly<Record<string, (record: Uint8Array) => Uint8Array>> = {
  bad_json: (record) => Buffer.from(text(record).replace('"eventTime":', '"eventTime"')),
  bad_utf8: (record) =>
    Buffer.concat([record.subarray(0, -1), Buffer.from(',"note":"'), Buffer.from([0xff, 0xc0]), Buffer.from('"}')]),
  too_big: (record) => extend(record, `"note":"${"x".repeat(80 * KIB)}"`),
  too_deep: (record) => extend(record, `"note":${"[".repeat(40)}${"]".repeat(40)}`),
  no_event_time: (record) => Buffer.from(text(record).replace(/"eventTime":"[^"]*"/, '"eventTime":"yesterday"')),
  unknown_kind: () => Buffer.from('{"hello":"world"}'),
  schema: () => Buffer.from('{"schemaVersion":"2.0","type":"UnauthorizedAccess:IAMUser/X","service":{"count":1}}'),
};
/** Those that other limits let in, with the poison still in them. */
const MENDABLE = new Set(["too_big", "too_deep"]);

type Planned = {
  readonly good: Uint8Array[];
  readonly mendable: Uint8Array[];
  readonly counts: Record<string, number>;
  read: number;
};

/** Writes 30 files with one record in twenty poisoned, and the two gzip files that are broken as a whole. */
function poison(place: Place): Planned {
  const random = createRandom("poison");
  const reasons = Object.keys(POISONS);
  const planned: Planned = { good: [], mendable: [], counts: {}, read: records.length };
  const count = (reason: string): void => void (planned.counts[reason] = (planned.counts[reason] ?? 0) + 1);
  const size = Math.ceil(records.length / 30);
  let turn = 0;
  for (let at = 0; at < records.length; at += size) {
    const inside = records.slice(at, at + size).map((record) => {
      // Records of a single-event rule are poisoned more often and mendably, so that there is something to be missed.
      const alerts = text(record).includes('"eventName":"PutObject"');
      if (!random.chance(alerts ? 0.3 : 0.045)) {
        planned.good.push(record);
        return record;
      }
      const mendable = [...MENDABLE];
      const reason = alerts
        ? mendable[planned.mendable.length % mendable.length]!
        : reasons[(turn += 1) % reasons.length]!;
      const bytes = POISONS[reason]!(record);
      count(reason);
      if (MENDABLE.has(reason)) planned.mendable.push(bytes);
      return bytes;
    });
    const file = Buffer.concat([
      Buffer.from('{"Records":['),
      ...inside.flatMap((bytes) => [Buffer.from(","), bytes]).slice(1),
      Buffer.from("]}"),
    ]);
    write(join(place.input, `${at}.json${at % 2 === 0 ? ".gz" : ""}`), at % 2 === 0 ? gzipSync(file) : file);
  }
  cutOff(place, planned);
  bomb(place, planned);
  return planned;
}

/** Records of another day, for files of their own. */
const others = [...generateRecords({ seed: 6, records: 200, attacks: [], duplicateShare: 0 })].map(
  ({ bytes }) => bytes,
);

/** A gzip file that ends early: what can be unpacked counts, the rest is one rejected record. */
function cutOff(place: Place, planned: Planned): void {
  const whole = gzipSync(toRecordsText(others.slice(0, 150).map((bytes) => ({ bytes }))));
  const cut = whole.subarray(0, Math.floor(whole.length / 2));
  const readable = gunzipSync(cut, { finishFlush: constants.Z_SYNC_FLUSH }).toString();
  const complete = others.slice(0, 150).filter((bytes) => readable.includes(text(bytes)));
  planned.good.push(...complete);
  planned.read += complete.length + 1;
  planned.counts["truncated"] = 1;
  write(join(place.input, "cut.json.gz"), cut);
}

/** A gzip file of 3 MiB of spaces between records: one record before them is read, the rest is one rejected record. */
function bomb(place: Place, planned: Planned): void {
  const [first, ...rest] = others.slice(150, 155);
  planned.good.push(first!);
  planned.mendable.push(...rest);
  planned.read += 2;
  planned.counts["gzip_ratio"] = 1;
  const tail = rest.map(text).join(",");
  write(
    join(place.input, "bomb.json.gz"),
    gzipSync(`{"Records":[${text(first!)},${" ".repeat(3 * KIB * KIB)}${tail}]}`),
  );
}

function look<T>(place: Place, ask: (views: Views) => T): T {
  const views = openViews(place.state);
  try {
    return ask(views);
  } finally {
    views.close();
  }
}

async function replayAll(config: Config): ReturnType<typeof composeQuarantineReplay> {
  const { signal } = new AbortController();
  return composeQuarantineReplay({ config, ids: "all", emit: () => undefined, signal });
}

test(
  "each poisoned record is kept under its reason, and the alerts are those of the records around them",
  { timeout: TIMEOUT_MS },
  async () => {
    const place = createPlace();
    const planned = poison(place);
    await run(toConfig(place, { limits: STRICT }));
    expect(look(place, (views) => views.quarantineCounts())).toEqual(planned.counts);
    const [counts] = look(place, (views) => views.counts());
    const quarantined = Object.values(planned.counts).reduce((sum, n) => sum + n, 0);
    expect(counts).toMatchObject({
      read: planned.read,
      evaluated: planned.read - quarantined,
      quarantined,
      skipped: {},
      late: 0,
    });
    const expected = judge(readRuleSet([join(place.root, "rules")]), planned.good);
    const alerts = look(place, (views) => views.alerts({}));
    const isOwn = ({ ruleId }: { ruleId: string }): boolean => ruleId.startsWith("sagewatch.");
    expect(alerts.filter(isOwn).map(({ ruleId }) => ruleId)).toEqual(["sagewatch.quarantine_rate"]);
    const contents = toContents(alerts.filter((alert) => !isOwn(alert)));
    expect(Object.keys(contents)).toEqual([...expected.keys()].toSorted());
    for (const { id, eventCount, eventIds } of expected.values())
      expect(contents[id]).toMatchObject({ eventCount, eventIds });
  },
);

test(
  "with limits that let them in, a replay gives the missing alerts of single events; a second one changes nothing",
  { timeout: TIMEOUT_MS },
  async () => {
    const place = createPlace();
    const planned = poison(place);
    await run(toConfig(place, { limits: STRICT }));
    const before = toContents(look(place, (views) => views.alerts({})));
    const config = toConfig(place, { limits: MENDED });
    const outcome = await replayAll(config);
    expect(outcome).toMatchObject({ evaluated: outcome.replayed - outcome.quarantinedAgain, gone: 0 });
    const after = toContents(look(place, (views) => views.alerts({})));
    const rules = readRuleSet([join(place.root, "rules")]);
    const singles = [...judge(rules, [...planned.good, ...planned.mendable]).values()].filter(
      ({ ruleId }) => ruleId === "signs_in",
    );
    expect(singles.filter(({ id }) => before[id] === undefined).length).toBeGreaterThan(2);
    expect(singles.filter(({ id }) => after[id] === undefined)).toEqual([]);
    const left = look(place, (views) => views.quarantineCounts());
    const { too_big: _big, too_deep: _deep, gzip_ratio: _ratio, ...lasting } = planned.counts;
    expect(left).toEqual(lasting);
    for (const id of Object.keys(before)) expect(after[id]).toEqual(before[id]);
    await replayAll(config);
    expect(toContents(look(place, (views) => views.alerts({})))).toEqual(after);
    expect(look(place, (views) => views.quarantineCounts())).toEqual(left);
    for (const count of look(place, (views) => views.counts()))
      expect(count.read).toBe(count.evaluated + count.quarantined);
  },
);

test(
  "a watched folder: a record dated ahead is kept as future_event, its neighbours make their alerts",
  { timeout: TIMEOUT_MS },
  async () => {
    const place = createPlace();
    const stop = new AbortController();
    const running = run(toConfig(place, { mode: "watch" }), { signal: stop.signal });
    const ahead = text(records[0]!).replace(
      /"eventTime":"[^"]*"/,
      `"eventTime":"${new Date(Date.now() + 3_600_000).toISOString()}"`,
    );
    const rest = records.slice(1, 400);
    write(
      join(place.input, "ahead.json"),
      toRecordsText([...rest.slice(0, 200), Buffer.from(ahead), ...rest.slice(200)].map((bytes) => ({ bytes }))),
    );
    await until(() => look(place, (views) => (views.counts()[0]?.read ?? 0) === rest.length + 1), "the file was read");
    stop.abort();
    await running;
    expect(look(place, (views) => views.quarantineCounts())).toEqual({ future_event: 1 });
    const expected = judge(readRuleSet([join(place.root, "rules")]), rest);
    expect(
      look(place, (views) => views.alerts({}))
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual([...expected.keys()].toSorted());
  },
);
