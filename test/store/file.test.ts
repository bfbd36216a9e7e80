/** The state file from outside: who may read it, and what opening does with a file that is damaged, newer or older. */
import * as fs from "node:fs";
import * as path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { gunzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { connect } from "../../src/store/database.ts";
import { migrate } from "../../src/store/inspect.ts";
import { SCHEMA_VERSION } from "../../src/store/schema.ts";
import { openViews } from "../../src/store/views.ts";
import { dump, makeUnit } from "./make.ts";
import { open, stateDir } from "./temp.ts";

const fixtures = path.join(import.meta.dirname, "..", "fixtures", "store");
const refusedAs = (code: string): unknown => expect.objectContaining({ code });
const modeOf = (file: string): string => (fs.statSync(file).mode & 0o777).toString(8);

/** A folder with a closed store of a few commits. */
function filledDir(): { dir: string; file: string; before: string } {
  const dir = stateDir();
  const store = open(dir);
  for (let i = 0; i < 8; i += 1) store.commit(makeUnit(i));
  const before = dump(store);
  store.close();
  return { dir, file: path.join(dir, "store.db"), before };
}

function alter(file: string, sql: string): void {
  const sqlite = new DatabaseSync(file);
  sqlite.exec(sql);
  sqlite.close();
}

test("the folder is 0700 and every file in it 0600, while open too, whatever the umask and the modes before", () => {
  const dir = stateDir();
  fs.mkdirSync(dir);
  fs.chmodSync(dir, 0o755);
  const umask = process.umask(0);
  onTestFinished(() => void process.umask(umask));
  const store = open(dir, { reserveBytes: 4096 });
  store.commit(makeUnit(0));
  expect(modeOf(dir)).toBe("700");
  const modes = Object.fromEntries(fs.readdirSync(dir).map((name) => [name, modeOf(path.join(dir, name))]));
  const names = ["lock.db", "lock.db-journal", "lock.json", "reserve", "store.db", "store.db-shm", "store.db-wal"];
  expect(modes).toEqual(Object.fromEntries(names.map((name) => [name, "600"])));
  store.close();
  fs.chmodSync(path.join(dir, "store.db"), 0o644);
  open(dir);
  expect(modeOf(path.join(dir, "store.db"))).toBe("600");
});

test("a folder that its parent does not take is refused, and not tried for ever", () => {
  expect(() => open("/proc/sagewatch/state")).toThrow(refusedAs("store_failed"));
});

test("parents of the folder are made, for the owner alone", () => {
  const dir = path.join(stateDir(), "a", "b");
  open(dir);
  expect([modeOf(dir), modeOf(path.dirname(dir))]).toEqual(["700", "700"]);
});

test.each([
  ["text", () => Buffer.from("this is no database, and long enough for a header".repeat(99))],
  ["empty", () => Buffer.alloc(0)],
  ["cut in half", (whole: Buffer) => whole.subarray(0, 8192)],
  [
    "overwritten in the middle",
    (whole: Buffer) => Buffer.concat([whole.subarray(0, 4096), Buffer.alloc(12_288, 0x5a), whole.subarray(16_384)]),
  ],
])("a file that is %s is refused and kept with a copy, never replaced by an empty one", (_, damage) => {
  const { dir, file } = filledDir();
  const damaged = damage(fs.readFileSync(file));
  fs.writeFileSync(file, damaged);
  for (let n = 0; n < 2; n += 1) expect(() => open(dir)).toThrow(refusedAs("store_corrupt"));
  expect(fs.readFileSync(file).equals(damaged)).toBe(true);
  expect(fs.readFileSync(`${file}.corrupt`).equals(damaged)).toBe(true);
  expect(fs.readdirSync(dir).filter((name) => name.includes("corrupt"))).toHaveLength(1);
});

test("another program's database is refused and not a byte of it changed", () => {
  const dir = stateDir();
  fs.mkdirSync(dir);
  const file = path.join(dir, "store.db");
  alter(file, "CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)");
  const before = fs.readFileSync(file);
  expect(() => open(dir)).toThrow(refusedAs("store_corrupt"));
  expect(fs.readFileSync(file).equals(before)).toBe(true);
});

test.each([
  ["an epoch changed by hand", "UPDATE fence SET epoch = 77"],
  ["an engine changed by hand", "UPDATE meta SET value = '9.9.9' WHERE key = 'engine'"],
  ["a checksum taken away", "DELETE FROM meta WHERE key = 'checksum'"],
  ["a table taken away", "DROP TABLE alerts"],
])("a header or schema with %s is refused", (_, sql) => {
  const { dir, file } = filledDir();
  alter(file, sql);
  expect(() => open(dir)).toThrow(refusedAs("store_corrupt"));
});

test.each([
  ["a window", "UPDATE parts SET body = replace(body, '[0,1', '[1,0') WHERE body LIKE '%[0,1%'"],
  ["a window's place", "UPDATE rule_states SET state_key = state_key || 'x'"],
  ["the events", "UPDATE packs SET facts = CAST(substr(facts, 1, 40) || x'00' || substr(facts, 42) AS BLOB)"],
  ["a position", "UPDATE positions SET value = '99'"],
  ["an alert's pointer", "UPDATE alert_records SET pointer = replace(pointer, 'spool', 'spoon')"],
  ["a quarantined record's place", "UPDATE quarantine SET path = '/spool/b.json.gz'"],
  ["a watermark", "UPDATE watermarks SET watermark_ms = 9e15"],
])("%s that was changed outside is found when it is read", (_, sql) => {
  const { dir, file } = filledDir();
  alter(file, sql);
  const store = open(dir);
  expect(() => dump(store)).toThrow(refusedAs("store_corrupt"));
});

test("an alert that was changed outside is neither shown nor sent", () => {
  const { dir, file } = filledDir();
  alter(file, "UPDATE alerts SET content = replace(content, 'high', 'low')");
  const store = open(dir);
  expect(() => store.views.alerts({})).toThrow(refusedAs("store_corrupt"));
  expect(() => store.outbox("kafka").due(Infinity, 9)).toThrow(refusedAs("store_corrupt"));
});

test("a missing file whose log is still there is not replaced by an empty one", () => {
  const { dir, file } = filledDir();
  fs.renameSync(file, `${file}-wal`);
  expect(() => open(dir)).toThrow(refusedAs("store_corrupt"));
});

test("a half-made file of a crash while creating is made anew", () => {
  const dir = stateDir();
  fs.mkdirSync(dir);
  fs.writeFileSync(path.join(dir, "store.db.new"), "half");
  open(dir).commit(makeUnit(0));
  expect(fs.existsSync(path.join(dir, "store.db.new"))).toBe(false);
});

test("a newer file is refused by the daemon and by readers, and left as it is", () => {
  const { dir, file } = filledDir();
  alter(file, `PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
  const before = fs.readFileSync(file);
  expect(() => open(dir)).toThrow(refusedAs("store_newer"));
  expect(() => openViews(dir)).toThrow(refusedAs("store_newer"));
  expect(fs.readFileSync(file).equals(before)).toBe(true);
});

test("a file above the checked size is opened with its small tables checked", () => {
  const { dir, before } = filledDir();
  expect(dump(open(dir, { checkBytes: 0 }))).toBe(before);
});

test("an older file is brought forward in steps, with a copy kept that the older version still opens", () => {
  const { dir, file, before } = filledDir();
  const sqlite = connect(file, "write");
  const steps = [
    { to: SCHEMA_VERSION, sql: "this step is behind us" },
    { to: SCHEMA_VERSION + 1, sql: "ALTER TABLE late ADD COLUMN note TEXT" },
    { to: SCHEMA_VERSION + 2, sql: "CREATE TABLE notes (id INTEGER PRIMARY KEY) STRICT" },
  ];
  migrate(sqlite, file, steps);
  migrate(sqlite, file, steps);
  sqlite.close();
  expect(() => open(dir)).toThrow(refusedAs("store_newer"));
  const copy = `${file}.v${SCHEMA_VERSION}.bak`;
  expect(modeOf(copy)).toBe("600");
  fs.renameSync(copy, file);
  expect(dump(open(dir))).toBe(before);
});

test("a step that fails leaves the file at the version before it", () => {
  const { dir, file, before } = filledDir();
  const sqlite = connect(file, "write");
  expect(() =>
    migrate(sqlite, file, [
      { to: SCHEMA_VERSION + 1, sql: "CREATE TABLE notes (id INTEGER) STRICT; INSERT INTO nowhere VALUES (1)" },
    ]),
  ).toThrow(refusedAs("store_corrupt"));
  sqlite.close();
  expect(dump(open(dir))).toBe(before);
});

test.each(fs.readdirSync(fixtures))("the state file of schema %s opens and holds what it held", (version) => {
  const dir = stateDir();
  fs.mkdirSync(dir);
  fs.writeFileSync(
    path.join(dir, "store.db"),
    gunzipSync(fs.readFileSync(path.join(fixtures, version, "store.db.gz"))),
  );
  const store = open(dir);
  expect(dump(store)).toBe(fs.readFileSync(path.join(fixtures, version, "dump.json"), "utf8"));
  expect(() => store.commit(makeUnit(99))).not.toThrow();
});
