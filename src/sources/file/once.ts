/**
 * Historic reading: all files that are there, in the order of their time slots, then the end.
 *
 * Promises the floor of contracts.ts: −Infinity while a file without a slot is unread, then the smallest slot not yet read
 * to its end. Files committed as done are passed over. Never looks at a clock.
 */
import type { Batch } from "../../contracts.ts";
import { readAhead } from "./ahead.ts";
import { createProgress, DONE, type FileRun, followUp, readFile, toQuery } from "./batch.ts";
import { createForgetting } from "./gone.ts";
import { listFiles } from "./list.ts";

/** Batches of all files, historic. Errors by code: not_found. */
export async function* readOnce(run: FileRun, signal: AbortSignal): AsyncGenerator<Batch> {
  const { config, deps, positions } = run;
  const look = await listFiles(toQuery(run, true));
  const listed = look.files;
  createForgetting(run)(look);
  if (listed.length === 0) deps.warn(`There are no files in ${config.paths.join(", ")}.`);
  for (const file of listed) if (positions.get(file.key) === DONE) followUp(file, run);
  const files = listed.filter(({ key }) => positions.get(key) !== DONE);
  const progress = createProgress(deps);
  progress.add(files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  const ahead = readAhead(files, { source: config.name, limits: deps.limits });
  try {
    for (const [at, file] of files.entries()) {
      if (signal.aborted) return;
      const next = files[at + 1];
      const floors = {
        during: file.slotMs ?? -Infinity,
        after: next === undefined ? Infinity : (next.slotMs ?? -Infinity),
      };
      yield* readFile(file, run, { floors, progress, ahead, signal });
    }
  } finally {
    await ahead.close();
  }
}
