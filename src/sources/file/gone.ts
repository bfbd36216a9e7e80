/**
 * Which positions are of files that are gone, so that the state file does not grow with every file there ever was.
 *
 * A position is one of a file that is gone when the path was looked through to the end and the file, or this state of it, was
 * not there. A folder that is missing, empty or not readable says nothing: its disk may not be mounted, and without their
 * positions all its files would be read again. The store decides how old a position must be to go; nothing is deleted here.
 */
import { sep } from "node:path";
import type { FileRun } from "./batch.ts";
import { type FileLook, type FileRoot, pathOf } from "./list.ts";

/** A day: the positions that may go are weeks old, and each time all are looked through. */
const FORGET_EVERY_MS = 24 * 60 * 60 * 1000;

/** Hands each look on, at most once a day and only one that tells anything. */
export function createForgetting({ config, deps }: FileRun): (look: FileLook) => void {
  let toldMs = -Infinity;
  return (look) => {
    const nowMs = deps.clock.monotonicMs();
    if (nowMs - toldMs < FORGET_EVERY_MS || !look.roots.some(({ isWhole }) => isWhole)) return;
    toldMs = nowMs;
    deps.forget?.(config.name, toGone(look));
  };
}

/** Whether the file of a key is gone by what the look saw. */
function toGone({ files, roots }: FileLook): (key: string) => boolean {
  /** Made when a first key is asked about: a state file without old positions asks for none. */
  let there: ReadonlySet<string> | null = null;
  const isUnder = (path: string, root: FileRoot): boolean =>
    path === root.path || path.startsWith(root.path.endsWith(sep) ? root.path : root.path + sep);
  return (key) => {
    there ??= new Set(files.map((file) => file.key));
    if (there.has(key)) return false;
    const path = pathOf(key);
    const above = roots.filter((root) => isUnder(path, root));
    return above.length > 0 && above.every(({ isWhole }) => isWhole);
  };
}
