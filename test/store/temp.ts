/** State folders under the system's temporary folder, removed after the test, and stores opened with the tests' clock. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { onTestFinished } from "vitest";
import type { Store } from "../../src/contracts.ts";
import type { StoreLimits } from "../../src/store/limits.ts";
import { openStore } from "../../src/store/store.ts";
import { clockAt, dump, makeUnit } from "./make.ts";

/** A folder that does not exist yet, inside one that goes away after the test. */
export function stateDir(): string {
  const parent = fs.mkdtempSync(path.join(os.tmpdir(), "sagewatch-store-"));
  onTestFinished(() => fs.rmSync(parent, { recursive: true, force: true }));
  return path.join(parent, "state");
}

/** Opens a store that is closed after the test. Without a reserve unless asked. */
export function open(dir: string | null, limits: Partial<StoreLimits> = {}): Store {
  const store = openStore({ dir, clock: clockAt, engine: "0.1.0", limits: { reserveBytes: 0, ...limits } });
  onTestFinished(() => store.close());
  return store;
}

/** Dumps of the model: what a store holds after the first k units of makeUnit. */
export function createModel(): (k: number) => string {
  const store = open(null);
  const dumps = [dump(store)];
  return (k) => {
    for (let i = dumps.length; i <= k; i += 1) {
      store.commit(makeUnit(i - 1));
      dumps.push(dump(store));
    }
    return dumps[k]!;
  };
}
