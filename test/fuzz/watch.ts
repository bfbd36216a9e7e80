/**
 * Runs a target in a process of its own and outlives it: an input from which it does not come back is a crash like others.
 *
 * The process (./child.ts) fuzzes; a thread in it (./watchdog.ts) sees the input at hand in shared memory, and when that
 * stays the same for too long, it writes it to a file and ends the process.
 */
import { fork } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FuzzOptions, FuzzResult } from "./engine.ts";

/** How to watch. `hangMs`: so long with the same input, and the process hangs. */
export type WatchOptions = Omit<FuzzOptions, "onInput"> & { readonly module: string; readonly hangMs: number };

/** What the process is handed. `module` exports the target as `target`; `folder` is where its watchdog writes. */
export type Order = WatchOptions & { readonly folder: string };

/** Runs the target that the module exports as `target`. Rejects when the process dies of anything but an input. */
export async function watch(options: WatchOptions): Promise<FuzzResult> {
  const folder = mkdtempSync(join(tmpdir(), "sagewatch-hang-"));
  const { promise, resolve, reject } = Promise.withResolvers<FuzzResult>();
  const order: Order = { ...options, folder };
  const child = fork(join(import.meta.dirname, "child.ts"), [JSON.stringify(order)], { serialization: "advanced" });
  let result: FuzzResult | null = null;
  child.on("message", (message) => (result = message as FuzzResult));
  child.on("error", reject);
  child.on("close", (code, signal) => {
    const [file] = readdirSync(folder);
    if (result !== null) return resolve(result);
    if (file === undefined) return reject(new Error(`the process of ${options.module} ended: ${signal ?? code}`));
    const crash = { input: readFileSync(join(folder, file)), error: `no answer in ${options.hangMs} ms` };
    resolve({ execs: 0, slowestMs: options.hangMs, crash });
  });
  try {
    return await promise;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
