/**
 * Writes test/fixtures/store/vN: a state file of the present schema and what it holds, from fixed units.
 *
 * Run once for each released schema version, before the next one is begun: `node tools/run.mjs tools/make-store-fixture.ts`.
 * A fixture that stands is never written again, since it is the proof that files of that version still open.
 */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { gzipSync } from "node:zlib";
import { SCHEMA_VERSION } from "../src/store/schema.ts";
import { openStore } from "../src/store/store.ts";
import { clockAt, dump, makeUnit } from "../test/store/make.ts";

const target = path.join(import.meta.dirname, "..", "test", "fixtures", "store", `v${SCHEMA_VERSION}`);
if (fs.existsSync(path.join(target, "store.db.gz")))
  throw new Error(`${target} stands already and is never written again`);

const dir = fs.mkdtempSync(path.join(os.tmpdir(), "sagewatch-fixture-"));
const store = openStore({ dir, clock: clockAt, engine: "0.1.0", limits: { reserveBytes: 0 } });
for (let i = 0; i < 10; i += 1) store.commit(makeUnit(i));
const held = dump(store);
store.close();
fs.mkdirSync(target, { recursive: true });
fs.writeFileSync(path.join(target, "store.db.gz"), gzipSync(fs.readFileSync(path.join(dir, "store.db")), { level: 9 }));
fs.writeFileSync(path.join(target, "dump.json"), held);
fs.rmSync(dir, { recursive: true });
console.log(`wrote ${target}`);
