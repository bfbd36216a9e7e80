/**
 * Historic reading: all files that are there, in the order of their time slots, then the end.
 *
 * Promises the floor of contracts.ts: −Infinity while a file without a slot is unread, then the smallest slot not yet read
 * to its end. Files committed as done are passed over. Never looks at a clock.
 */
import type { Batch } from "../../contracts.ts";
import { readAhead } from "./ahead.ts";
import { createProgress, DONE, type FileRun, followUp, countTaken, readFile, toJointBatch, toQuery } from "./batch.ts";
import { createForgetting } from "./gone.ts";
import { type FoundFile, listFiles } from "./list.ts";
import { lookBeside } from "./thread.ts";

/** Batches of all files, historic. Errors by code: not_found. */
export async function* readOnce(run: FileRun, signal: AbortSignal): AsyncGenerator<Batch> {
  const { config, deps, positions } = run;
  const look = await listFiles({ ...toQuery(run, true), beside: lookBeside });
  const listed = look.files;
  createForgetting(run)(look);
  if (listed.length === 0) deps.warn(`There are no files in ${config.paths.join(", ")}.`);
  const files: FoundFile[] = [];
  for (const file of listed) {
    if (positions.get(file.key) === DONE) followUp(file, run);
    else files.push(file);
  }
  const progress = createProgress(deps);
  progress.add(files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  const ahead = readAhead(files, {
    source: config.name,
    limits: deps.limits,
    mayJoin: (file) => countTaken(file, run) === 0,
  });
  const floorFrom = (at: number): number => {
    const next = files[at];
    return next === undefined ? Infinity : (next.slotMs ?? -Infinity);
  };
  try {
    for (let at = 0, taken = 1; at < files.length; at += taken) {
      if (signal.aborted) return;
      const file = files[at] as FoundFile;
      const read = countTaken(file, run) > 0 ? null : await ahead.take(file);
      taken = 1 + (read?.starts.length ?? 0);
      if (read !== null && taken > 1) {
        progress.read(read.readBytes);
        yield toJointBatch(files.slice(at, at + taken), { ...read, floorMs: floorFrom(at + taken) }, run);
      } else {
        const floors = { during: file.slotMs ?? -Infinity, after: floorFrom(at + 1) };
        yield* readFile(file, run, { floors, progress, read, signal });
      }
    }
  } finally {
    await ahead.close();
  }
}
