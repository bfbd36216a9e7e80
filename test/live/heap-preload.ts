/**
 * Preload (`--import`) that says what a process holds once its garbage is gone: at each SIGUSR2 everything is collected,
 * and $HEAP_FILE gets the bytes that are left.
 */
import { renameSync, writeFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const path = process.env["HEAP_FILE"] ?? "";
process.on("SIGUSR2", () => {
  // What finalizers let go is garbage for the next time.
  collect();
  setImmediate(() => {
    collect();
    const { heapUsed, external, rss } = process.memoryUsage();
    writeFileSync(`${path}.part`, JSON.stringify({ heap: heapUsed, external, rss }));
    renameSync(`${path}.part`, path);
  });
});
