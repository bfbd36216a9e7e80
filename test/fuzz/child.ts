/**
 * The process in which ./watch.ts runs one target. The order is its one argument; the result goes back as a message.
 */
import { Worker } from "node:worker_threads";
import { fuzz } from "./engine.ts";
import { INPUT_BYTES } from "./mutate.ts";
import type { Target } from "./target.ts";
import type { Order } from "./watch.ts";
import { toView, type WatchdogOrder } from "./watchdog.ts";

const { module, hangMs, folder, ...options } = JSON.parse(process.argv[2] ?? "") as Order;
// A seed may be longer than what changes make of it; of a very long one the head is kept.
const seen = new SharedArrayBuffer(8 + INPUT_BYTES * 2);
const { head, bytes } = toView(seen);
const watchdog = new Worker(new URL("./watchdog.ts", import.meta.url), {
  workerData: { seen, hangMs, folder } satisfies WatchdogOrder,
});
const { target } = (await import(module)) as { target: Target };
const onInput = (input: Uint8Array): void => {
  bytes.set(input.subarray(0, bytes.length));
  Atomics.store(head, 1, Math.min(input.length, bytes.length));
  Atomics.add(head, 0, 1);
};
const result = await fuzz(target, { ...options, onInput });
await watchdog.terminate();
process.send?.(result, () => process.disconnect());
