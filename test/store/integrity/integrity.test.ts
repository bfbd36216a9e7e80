/** What the store keeps of CloudTrail's digest files: with the commit or not at all, little, and no longer than it must. */
import * as fs from "node:fs";
import * as path from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { Store } from "../../../src/contracts.ts";
import type { IntegrityNote, ReadDigest, SeenFile } from "../../../src/model/integrity/notes.ts";
import { HOUR_MS, toDigestPlace } from "../../../src/model/integrity/place.ts";
import { openViews } from "../../../src/store/views.ts";
import { START, unit } from "../make.ts";
import { open, stateDir } from "../temp.ts";

const PLACE = { accountId: "111122223333", region: "eu-west-1" };
const stamp = (ms: number): string =>
  new Date(ms)
    .toISOString()
    .replace(/\.\d+Z/, "Z")
    .replaceAll(/[-:]/g, "");
const logUri = (hour: number, name: string): string =>
  `s3://logs/AWSLogs/${PLACE.accountId}/CloudTrail/eu-west-1/2026/03/10/${PLACE.accountId}_CloudTrail_eu-west-1_${stamp(START + hour * HOUR_MS + 300_000).slice(0, 13)}Z_${name}.json.gz`;
const digestKey = (hour: number): string =>
  `AWSLogs/${PLACE.accountId}/CloudTrail-Digest/eu-west-1/2026/03/10/${PLACE.accountId}_CloudTrail-Digest_eu-west-1_main_eu-west-1_${stamp(START + (hour + 1) * HOUR_MS)}.json.gz`;

const seen = (hour: number, name: string, over: Partial<SeenFile> = {}): SeenFile => ({
  is: "file",
  source: "trail",
  uri: logUri(hour, name),
  ...PLACE,
  hourMs: START + hour * HOUR_MS,
  hash: `hash of ${name}`,
  lost: null,
  ...over,
});

function read(hour: number, names: readonly string[], over: Partial<ReadDigest> = {}): ReadDigest {
  const key = digestKey(hour);
  const place = toDigestPlace({ bucket: "logs", key });
  if (place === null) throw new Error(key);
  return {
    is: "read",
    source: "trail",
    uri: `s3://logs/${key}`,
    place,
    fault: null,
    readMs: START,
    said: {
      startMs: START + hour * HOUR_MS,
      endMs: START + (hour + 1) * HOUR_MS,
      hash: "h",
      signature: "s",
      previous: hour === 0 ? null : { uri: `s3://logs/${digestKey(hour - 1)}`, hash: "h", signature: "s" },
    },
    files: names.map((name) => ({ uri: logUri(hour, name), hash: `hash of ${name}` })),
    isAgain: false,
    ...over,
  };
}

const proven = (hour: number, names: readonly string[]): IntegrityNote => ({
  is: "judged",
  uri: `s3://logs/${digestKey(hour)}`,
  state: "proven",
  isLinked: true,
  files: names.map((name) => ({ uri: logUri(hour, name), state: "proven" })),
});

const write = (store: Store, ...integrity: readonly IntegrityNote[]): void => void store.commit(unit({ integrity }));
const hours = (store: Store, nowMs = START + 10 * HOUR_MS) =>
  store.views.logHours({ fromMs: START, toMs: START + 5 * HOUR_MS }, nowMs);

describe("the store", () => {
  test("knows after a restart which digest files and log files are open, and forgets log files that are proven", () => {
    const dir = stateDir();
    const first = open(dir);
    write(first, seen(0, "a"), {
      is: "digest",
      source: "trail",
      uri: `s3://logs/${digestKey(0)}`,
      place: read(0, []).place,
    });
    expect(first.integrity.open("trail")).toMatchObject([{ state: "noticed", fault: null, files: 0 }]);
    expect(first.integrity.open("other")).toEqual([]);
    write(first, read(0, ["a", "b"]));
    first.close();
    const store = open(dir);
    const [digest] = store.integrity.open("trail");
    expect(digest).toMatchObject({ state: "listed", startMs: START, hash: "h", files: 2, isLinked: null });
    expect(store.integrity.files(digest?.uri ?? "")).toMatchObject([
      { uri: logUri(0, "a"), readHash: "hash of a", listedHash: "hash of a", state: "listed", lost: null },
      { uri: logUri(0, "b"), readHash: null, listedHash: "hash of b", state: "listed" },
    ]);
    write(store, seen(0, "b"));
    write(store, proven(0, ["a", "b"]));
    expect(store.integrity.open("trail")).toEqual([]);
    expect(store.integrity.files(digest?.uri ?? "")).toEqual([]);
    expect(hours(store)[0]).toMatchObject({ ...PLACE, hourMs: START, state: "proven", seen: 2, proven: 2, late: 1 });
    expect(openViews(dir).logHours({ fromMs: START, toMs: START + 1 }, START + HOUR_MS)).toHaveLength(1);
  });

  test("keeps nothing of a commit that failed", () => {
    const store = open(stateDir());
    const counts = [{ source: "trail", read: 1, evaluated: 0, quarantined: 0, skipped: {}, late: 0, repeated: 0 }];
    expect(() => store.commit(unit({ integrity: [seen(0, "a")], counts }))).toThrow("do not add up");
    expect(store.integrity.seen("trail", Infinity)).toEqual([]);
    expect(hours(store)).toEqual([]);
  });

  test("counts a file once, knows when its content changed, and takes a missing one that came back", () => {
    const store = open(stateDir());
    write(store, seen(0, "a"), seen(0, "a"), seen(0, "c", { hash: null, lost: "gone" }), read(0, ["a", "b", "c"]));
    const uri = `s3://logs/${digestKey(0)}`;
    expect(store.integrity.files(uri)).toMatchObject([{ isChanged: false }, { lost: null }, { lost: "gone" }]);
    write(store, seen(0, "a", { hash: "another" }), seen(0, "b", { hash: null, lost: "gone" }));
    expect(store.integrity.files(uri)).toMatchObject([
      { isChanged: true, readHash: "another" },
      { lost: "gone" },
      { lost: "gone" },
    ]);
    const files = [
      { uri: logUri(0, "a"), state: "altered" },
      { uri: logUri(0, "b"), state: "missing" },
      { uri: logUri(0, "c"), state: "missing" },
    ] as const;
    write(store, { is: "judged", uri, state: "broken", isLinked: true, files });
    expect(hours(store)[0]).toMatchObject({ state: "broken", seen: 1, altered: 1, missing: 2, proven: 0, late: 0 });
    expect(store.integrity.open("trail")).toEqual([]);
    write(store, seen(0, "b"));
    expect(store.integrity.open("trail")).toMatchObject([{ state: "listed" }]);
    write(store, { ...proven(0, ["b"]), state: "broken" } as IntegrityNote);
    expect(hours(store)[0]).toMatchObject({ state: "broken", seen: 2, altered: 1, missing: 1, proven: 1, late: 1 });
  });

  test("finds what came before in a chain, what covers a time, and what no digest file lists", () => {
    const store = open(stateDir());
    write(store, read(0, []), read(1, []), { ...read(2, []), fault: "unsigned", said: null });
    write(store, seen(0, "a"), seen(1, "b"), seen(1, "c", { hash: null, lost: "gone" }));
    const { chain } = read(0, []).place;
    const of = { source: "trail", chain };
    expect(store.integrity.before(of, START + HOUR_MS)?.uri).toBe(`s3://logs/${digestKey(0)}`);
    expect(store.integrity.before(of, START + 9 * HOUR_MS)?.uri).toBe(`s3://logs/${digestKey(1)}`);
    expect(store.integrity.before(of, START)).toBeNull();
    expect(store.integrity.newest("trail").map(({ uri }) => uri)).toEqual([`s3://logs/${digestKey(2)}`]);
    const covering = store.integrity.covering({ source: "trail", ...PLACE }, START, START + HOUR_MS);
    expect(covering.map(({ uri }) => uri)).toEqual([`s3://logs/${digestKey(0)}`]);
    expect(store.integrity.seen("trail", START + HOUR_MS).map(({ uri }) => uri)).toEqual([logUri(0, "a")]);
    expect(store.integrity.seen("trail", START + 2 * HOUR_MS)).toHaveLength(2);
    write(store, { is: "unlisted", uris: [logUri(0, "a")] });
    expect(hours(store).map(({ state, unlisted }) => [state, unlisted])).toEqual([
      ["broken", 1],
      ["open", 0],
      ["broken", 0],
      ["missing", 0],
      ["missing", 0],
    ]);
    // A digest file that is read again lists it after all, and brings back nothing that was proven.
    write(store, read(0, ["a", "gone-long-ago"], { isAgain: true }));
    expect(store.integrity.files(`s3://logs/${digestKey(0)}`).map(({ uri }) => uri)).toEqual([logUri(0, "a")]);
    expect(hours(store)[0]).toMatchObject({ unlisted: 0, state: "open" });
  });

  test("tells hours after the end of a chain from hours of which none ever was", () => {
    const store = open(stateDir());
    write(store, read(0, []), proven(0, []), seen(30, "a"), seen(30, "b", { region: "us-east-1" }));
    const [fromMs, toMs] = [START + 29 * HOUR_MS, START + 31 * HOUR_MS];
    const found = store.views.logHours({ fromMs, toMs }, START + 40 * HOUR_MS);
    expect(found.map(({ region, hourMs, state }) => [region, (hourMs - START) / HOUR_MS, state])).toEqual([
      ["eu-west-1", 29, "missing"],
      ["eu-west-1", 30, "missing"],
      ["us-east-1", 30, "unproven"],
    ]);
    const choice = { fromMs, toMs, accountId: PLACE.accountId, region: "us-east-1" };
    expect(store.views.logHours(choice, START + 40 * HOUR_MS)).toMatchObject([{ seen: 1 }]);
    expect(store.views.logHours({ ...choice, accountId: "444455556666" }, START + 40 * HOUR_MS)).toEqual([]);
  });

  test("forgets log files without digest files after three days, all else after 35", () => {
    const store = open(stateDir());
    write(store, read(0, ["open"]), seen(0, "a"), proven(0, []));
    store.commit(unit({ nowMs: START + 71 * HOUR_MS }));
    expect(store.integrity.seen("trail", Infinity)).toHaveLength(1);
    store.commit(unit({ nowMs: START + 73 * HOUR_MS }));
    expect(store.integrity.seen("trail", Infinity)).toEqual([]);
    expect(store.integrity.files(`s3://logs/${digestKey(0)}`)).toHaveLength(1);
    expect(hours(store)).not.toEqual([]);
    store.commit(unit({ nowMs: START + 37 * 24 * HOUR_MS }));
    expect(store.integrity.files(`s3://logs/${digestKey(0)}`)).toEqual([]);
    expect(store.integrity.digest(`s3://logs/${digestKey(0)}`)).toBeNull();
    expect(hours(store)).toEqual([]);
  });

  test("of schema 5 is brought forward with all it holds", () => {
    const dir = stateDir();
    fs.mkdirSync(dir);
    const fixture = path.join(import.meta.dirname, "../../fixtures/store/v5/store.db.gz");
    fs.writeFileSync(path.join(dir, "store.db"), gunzipSync(fs.readFileSync(fixture)));
    const store = open(dir);
    expect(store.views.alerts({}).length).toBeGreaterThan(0);
    write(store, seen(0, "a"));
    expect(hours(store)).toMatchObject([{ seen: 1, state: "unproven" }]);
  });
});
