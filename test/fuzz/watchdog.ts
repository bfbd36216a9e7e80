/**
 * The thread that notices when the process it runs in no longer gets from one input to the next.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMainThread, workerData } from "node:worker_threads";

/** What the thread is handed. `seen`: see toView. */
export type WatchdogOrder = { readonly seen: SharedArrayBuffer; readonly hangMs: number; readonly folder: string };

/** `head` holds the number of inputs so far and the length of the last one, `bytes` that input. */
export function toView(seen: SharedArrayBuffer): { readonly head: Int32Array; readonly bytes: Uint8Array } {
  return { head: new Int32Array(seen, 0, 2), bytes: new Uint8Array(seen, 8) };
}

if (!isMainThread) guard(workerData as WatchdogOrder);

function guard({ seen, hangMs, folder }: WatchdogOrder): void {
  const { head, bytes } = toView(seen);
  let last = 0;
  setInterval(() => {
    const count = Atomics.load(head, 0);
    if (count !== last || count === 0) {
      last = count;
      return;
    }
    writeFileSync(join(folder, "input"), bytes.slice(0, Atomics.load(head, 1)));
    process.kill(process.pid, "SIGKILL");
  }, hangMs);
}
