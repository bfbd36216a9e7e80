/** A folder and a file source over it for each test of a file; the folder is new for each, the warnings empty. */
import { afterEach, beforeEach } from "vitest";
import type { Source } from "../../src/contracts.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { createSource, sourceRegistry } from "../../src/sources/registry.ts";
import type { SourceDeps } from "../../src/sources/settings.ts";
import { createFolder, type Folder, LIMITS } from "./records.ts";

/** What the tests of a file use. `folder` is always that of the running test. */
export type FileTests = {
  readonly folder: Folder;
  readonly warnings: string[];
  /** A source over the folder, as the settings say where they differ from the defaults. */
  readonly open: (settings?: Readonly<Record<string, unknown>>, deps?: Partial<SourceDeps>) => Source;
};

/** To be called once, outside of tests. `mode` is that of the sources. */
export function useFileSource(mode: "once" | "watch"): FileTests {
  let current = createFolder();
  current.remove();
  const warnings: string[] = [];
  beforeEach(() => {
    current = createFolder();
    warnings.length = 0;
  });
  afterEach(() => current.remove());
  const folder: Folder = {
    get path() {
      return current.path;
    },
    write: (name, content) => current.write(name, content),
    remove: () => current.remove(),
  };
  const open: FileTests["open"] = (settings = {}, deps = {}) => {
    const config = sourceRegistry.file.schema.parse({ type: "file", paths: [current.path], mode, ...settings });
    return createSource(config, { clock: systemClock, limits: LIMITS, warn: (text) => warnings.push(text), ...deps });
  };
  return { folder, warnings, open };
}
