/**
 * The `file` source: files, folders and globs of CloudTrail and GuardDuty records, once or as a watched spool folder.
 *
 * `once` is a historic run over what is there; `watch` is live. A file's position is the number of its records taken in,
 * then "done", so that a restart goes on inside it. It never moves or deletes a file unless `afterRead` says so, and then
 * only when everything read from it is committed. A file that cannot be read is a warning, not an end.
 */
import type { Source } from "../contracts.ts";
import { LOGSOURCES } from "../model/event.ts";
import { type FileSourceConfig, fileSchema } from "./file/settings.ts";
import { readOnce } from "./file/once.ts";
import { createRecordScanners } from "./records/batches.ts";
import { readWatched } from "./file/watch.ts";
import type { SourceDeps, SourceType } from "./settings.ts";

/** Makes the source. Errors by code, from `read`: not_found (a path that does not exist). */
export function createFileSource(config: FileSourceConfig, deps: SourceDeps): Source {
  const isLive = config.mode === "watch";
  const told = new Set<string>();
  const once: SourceDeps = {
    ...deps,
    warn(text, code) {
      if (told.has(text)) return;
      // Enough to keep a broken folder quiet; a flood of different lines starts anew.
      if (told.size >= 1000) told.clear();
      told.add(text);
      deps.warn(text, code);
    },
  };
  return {
    name: config.name,
    logsources: LOGSOURCES,
    timing: {
      mode: isLive ? "live" : "historic",
      latenessMs: config.lateness,
      idleMs: config.idle,
      // A look through a large folder is followed by a pause four times as long.
      asksMs: config.idle,
      followMs: config.follow ?? null,
    },
    read: (positions, signal) =>
      (isLive ? readWatched : readOnce)(
        { config, deps: once, positions, reached: new Map(), scanners: createRecordScanners(deps.limits) },
        signal,
      ),
  };
}

/** The registry's entry. */
export const fileSource: SourceType<FileSourceConfig> = { schema: fileSchema, create: createFileSource };
