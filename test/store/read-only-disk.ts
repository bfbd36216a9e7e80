/** Makes the small disk that DIR is read-only between two starts: read-only-disk.ts DIR. Prints what became of the store. */
import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { SagewatchError } from "../../src/model/errors.ts";
import { openStore } from "../../src/store/store.ts";
import { openViews } from "../../src/store/views.ts";
import { clockAt, countUnits, dump, makeUnit } from "./make.ts";

const [dir = ""] = process.argv.slice(2);
const open = (): ReturnType<typeof openStore> =>
  openStore({ dir, clock: clockAt, engine: "0.1.0", limits: { reserveBytes: 0 } });
const remount = (how: "ro" | "rw"): number | null => spawnSync("mount", ["-o", `remount,${how}`, dir]).status;

/** How many alerts a reader finds, or what it is told. */
function look(): number | string {
  try {
    const views = openViews(dir);
    const found = views.alerts({}).length;
    views.close();
    return found;
  } catch (error) {
    return `${(error as SagewatchError).code}: ${(error as SagewatchError).message}`;
  }
}

const first = open();
for (let i = 0; i < 3; i += 1) first.commit(makeUnit(i));
const before = dump(first);
const alerts = first.views.alerts({}).length;
first.close();
const mounts = [remount("ro")];
let code = "opened";
try {
  open();
} catch (error) {
  code = (error as SagewatchError).code;
}
const found = look();
mounts.push(remount("rw"));
writeFileSync(join(dir, "store.db-wal"), "commits that are not in the file");
mounts.push(remount("ro"));
const told = look();
mounts.push(remount("rw"));
rmSync(join(dir, "store.db-wal"));
const again = open();
writeSync(
  1,
  `${JSON.stringify({ mounts, code, read: found === alerts, told, held: countUnits(again), unchanged: dump(again) === before })}\n`,
);
