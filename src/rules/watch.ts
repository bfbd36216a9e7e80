/**
 * Watches the files of rules and lists, and calls back once they changed and stood still.
 *
 * It looks instead of being told: notifications do not come on network folders, and miss what a renamed file, a switched
 * link or a Kubernetes config map does. A look takes each file's identity, size and times, links followed; a change counts
 * once two looks and a settle time saw the same, so that an editor's half-written file or a checkout of many files is one
 * change. What is watched is asked anew at each look. It reads no rule and judges none.
 */
import type { BigIntStats } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Clock } from "../lib/clock.ts";
import { sha256Hex } from "../lib/canonical.ts";
import { isYamlName, LISTS_FOLDER } from "./load.ts";

/** What to watch, and how patiently. */
export type WatchOptions = {
  /** Files and folders as `rules.paths` names them; below folders each *.yml and *.yaml. */
  readonly rulePaths: () => readonly string[];
  /** Folders whose own *.yml and *.yaml are lists. */
  readonly listFolders: () => readonly string[];
  readonly clock: Clock;
  /** Time for which all must stand still, ms. Default 2,000: longer than an editor's saving or the files of a checkout. */
  readonly settleMs?: number;
  /** Time between two looks, ms. Default 2,000; a look that takes long is followed by a pause 200 times as long. */
  readonly pollMs?: number;
};

const SETTLE_MS = 2_000;
const POLL_MS = 2_000;
/** At most half a percent of the time is spent looking, whatever the number of files: 3,000 are looked at every 6 s. */
const REST_FACTOR = 200;

/**
 * Calls `onChange` after each change until `signal` aborts; the next look comes when it is done. What it throws ends the
 * watch. `since` is the look before the rules were read first, so that no change falls between.
 */
export async function watchRules(
  options: WatchOptions & { readonly since: string },
  onChange: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { clock, settleMs = SETTLE_MS, pollMs = POLL_MS } = options;
  let known = options.since;
  let seen = known;
  let sinceMs = clock.monotonicMs();
  while (!signal.aborted) {
    const begunMs = clock.monotonicMs();
    const now = await lookAtRules(options);
    const endedMs = clock.monotonicMs();
    if (now !== seen) {
      seen = now;
      sinceMs = endedMs;
    } else if (now !== known && endedMs - sinceMs >= settleMs && !signal.aborted) {
      known = now;
      await onChange();
    }
    await clock.sleep(Math.max(pollMs, (endedMs - begunMs) * REST_FACTOR), signal);
  }
}

/** One text for the state of all files: equal as long as nothing changed. Never rejects: what cannot be looked at is a state too. */
export async function lookAtRules({
  rulePaths,
  listFolders,
}: Pick<WatchOptions, "rulePaths" | "listFolders">): Promise<string> {
  const lines: string[] = [];
  for (const path of rulePaths()) lines.push(...(await lookBelow(path, null)));
  for (const folder of listFolders())
    for (const name of await namesIn(folder)) {
      const path = join(folder, name);
      if (isYamlName(name)) lines.push(describe(path, await statOf(path)));
    }
  return sha256Hex(lines.join("\n"));
}

/** `above`: real paths of the folders on the way down, so that links in a circle end; null for a path that was named. */
async function lookBelow(path: string, above: ReadonlySet<string> | null): Promise<string[]> {
  if (above !== null && basename(path).startsWith(".")) return [];
  const found = await statOf(path);
  if (typeof found === "string" || !found.isDirectory())
    return above === null || isYamlName(basename(path)) ? [describe(path, found)] : [];
  // A folder that is named is read whatever its name; below it, folders of lists hold no rules.
  if (above !== null && basename(path) === LISTS_FOLDER) return [];
  const real = await realpath(path).catch(() => path);
  if (above?.has(real) === true) return [];
  const lines = [`${path} ${real}`];
  const below = new Set([...(above ?? []), real]);
  for (const name of await namesIn(path)) lines.push(...(await lookBelow(join(path, name), below)));
  return lines;
}

/** What stands there now, links followed, or the code of why nothing can be seen. */
async function statOf(path: string): Promise<BigIntStats | string> {
  return stat(path, { bigint: true }).catch((error: NodeJS.ErrnoException) => error.code ?? "unreadable");
}

function describe(path: string, found: BigIntStats | string): string {
  if (typeof found === "string") return `${path} ${found}`;
  return [path, found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(" ");
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).then(
    (names) => names.toSorted(),
    () => [],
  );
}
