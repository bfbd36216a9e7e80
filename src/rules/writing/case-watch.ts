/**
 * Watches rules, lists and their cases while somebody writes them, and says which files changed.
 *
 * As the watch of the daemon (watch.ts) it looks instead of being told: notifications miss what a renamed file does, and an
 * editor saves in several steps. A change counts once two looks in a row saw the same. It runs no case and judges none.
 */
import { readdirSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../lib/clock.ts";

/** What to watch, and how often to look (ms; default 250: an editor's saving is seen at once, and the cost cannot be felt). */
export type CaseWatchOptions = {
  readonly paths: () => readonly string[];
  readonly clock: Clock;
  readonly pollMs?: number;
};

const POLL_MS = 250;
const WATCHED = /\.(?:ya?ml|cases\.json)$/i;

/**
 * Calls `onChange` with the paths that are new, gone or changed, until `signal` aborts. What it throws ends the watch.
 * `since` is the look before the cases ran first, so that no change falls between.
 */
export async function watchCases(
  { paths, clock, pollMs = POLL_MS, since }: CaseWatchOptions & { readonly since: Look },
  onChange: (changed: ReadonlySet<string>) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let known = since;
  let seen = known;
  while (!signal.aborted) {
    await clock.sleep(pollMs, signal);
    if (signal.aborted) return;
    const now = lookAtCases(paths());
    const isStill = differ(seen, now).size === 0;
    seen = now;
    const changed = isStill ? differ(known, now) : new Set<string>();
    if (changed.size === 0) continue;
    known = now;
    await onChange(changed);
  }
}

/** The state of each file by its path: equal as long as nothing changed. */
export type Look = ReadonlyMap<string, string>;

/** Looks at the rules, lists and cases below the paths. */
export function lookAtCases(paths: readonly string[]): Look {
  const found = new Map<string, string>();
  for (const path of paths) lookBelow(path, found, new Set());
  return found;
}

/** `above`: real paths of the folders on the way down, so that links in a circle end. What cannot be looked at is not there. */
function lookBelow(path: string, found: Map<string, string>, above: ReadonlySet<string>): void {
  try {
    const stat = statSync(path, { bigint: true });
    if (!stat.isDirectory()) {
      if (WATCHED.test(path)) found.set(path, [stat.ino, stat.size, stat.mtimeNs].join(" "));
      return;
    }
    const real = realpathSync(path);
    if (above.has(real)) return;
    for (const name of readdirSync(path))
      if (!name.startsWith(".")) lookBelow(join(path, name), found, new Set([...above, real]));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
}

function differ(before: Look, now: Look): Set<string> {
  const paths = new Set([...before.keys(), ...now.keys()]);
  return new Set([...paths].filter((path) => before.get(path) !== now.get(path)));
}
