/** What a live daemon holds: its heap and the memory beside it that objects own, after everything else was collected. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { LiveDaemon } from "./daemon.ts";

/** Bytes. `external`: buffers and what else objects own outside the heap; `rss`: resident after the collection. */
export type Held = { readonly heap: number; readonly external: number; readonly rss: number };

export type HeapGauge = {
  /** For startLive. */
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Collects, which stops the daemon for some 100 ms, and measures. Rejects after 20 s. */
  read(daemon: LiveDaemon): Promise<Held>;
};

/** `folder`: where it may keep a file. */
export function createHeapGauge(folder: string): HeapGauge {
  const path = join(folder, "heap.json");
  return {
    flags: ["--import", join(import.meta.dirname, "heap-preload.ts")],
    env: { HEAP_FILE: path },
    read: async (daemon) => {
      rmSync(path, { force: true });
      daemon.process.kill("SIGUSR2");
      for (let tries = 0; !existsSync(path); tries += 1) {
        if (tries > 400) throw new Error("the daemon does not say what it holds");
        await sleep(50);
      }
      return JSON.parse(readFileSync(path, "utf8")) as Held;
    },
  };
}
