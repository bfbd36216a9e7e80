/** Fills the small disk that DIR is: small-disk.ts DIR. Prints what became of the store as JSON. */
import { writeSync } from "node:fs";
import type { SagewatchError } from "../../src/model/errors.ts";
import { openStore } from "../../src/store/store.ts";
import { clockAt, countUnits, draft, dump, makeUnit, unit } from "./make.ts";

const [dir = ""] = process.argv.slice(2);
const store = openStore({ dir, clock: clockAt, engine: "0.1.0", limits: { reserveBytes: 256 * 1024 } });
let before = dump(store);
let code = "never full";
try {
  for (let i = 0; i < 10_000; i += 1) {
    store.commit(makeUnit(i));
    before = dump(store);
  }
} catch (error) {
  code = (error as SagewatchError).code;
}
const unchanged = dump(store) === before;
const held = countUnits(store);
const released = store.releaseReserve();
const { written } = store.commit(unit({ alerts: [draft("disk-full")] }));
writeSync(1, `${JSON.stringify({ code, held, unchanged, released, lastWord: written.length === 1 })}\n`);
