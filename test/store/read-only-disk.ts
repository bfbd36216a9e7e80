/** Makes the small disk that DIR is read-only between two starts: read-only-disk.ts DIR. Prints what became of the store. */
import { spawnSync } from "node:child_process";
import { writeSync } from "node:fs";
import type { SagewatchError } from "../../src/model/errors.ts";
import { openStore } from "../../src/store/store.ts";
import { clockAt, countUnits, dump, makeUnit } from "./make.ts";

const [dir = ""] = process.argv.slice(2);
const open = (): ReturnType<typeof openStore> =>
  openStore({ dir, clock: clockAt, engine: "0.1.0", limits: { reserveBytes: 0 } });
const remount = (how: "ro" | "rw"): number | null => spawnSync("mount", ["-o", `remount,${how}`, dir]).status;

const first = open();
for (let i = 0; i < 3; i += 1) first.commit(makeUnit(i));
const before = dump(first);
first.close();
const mounts = [remount("ro")];
let code = "opened";
try {
  open();
} catch (error) {
  code = (error as SagewatchError).code;
}
mounts.push(remount("rw"));
const again = open();
writeSync(1, `${JSON.stringify({ mounts, code, held: countUnits(again), unchanged: dump(again) === before })}\n`);
