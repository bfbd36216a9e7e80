/**
 * Waiting for room on a full disk, with the pages still served.
 *
 * Whoever restarts a daemon on a full disk gets the same failure again and a page that answers nobody. So a daemon that is
 * asked for its health holds still instead: its state is closed, it reads nothing, `/ready` says why. Once a tenth of the
 * disk is free it ends as it would have, and its supervisor starts it anew.
 */
import { statfsSync } from "node:fs";
import type { Clock } from "../lib/clock.ts";
import { DEFAULT_LIMITS } from "../store/limits.ts";

/** Share of the disk that must be free: less would be full again in no time. */
const FREE_SHARE = 0.1;
const LOOK_MS = 2_000;

/** Resolves when there is room on the disk of `dir`, or when `signal` aborts. */
export async function waitForRoom(
  dir: string,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted && !hasRoom(dir)) await clock.sleep(LOOK_MS, signal);
}

/** A disk that cannot be asked will not tell when there is room. */
function hasRoom(dir: string): boolean {
  try {
    const { bavail, blocks, bsize } = statfsSync(dir);
    // The next start fills the reserve again, which the full disk was given back.
    return bavail * bsize - DEFAULT_LIMITS.reserveBytes > blocks * bsize * FREE_SHARE;
  } catch {
    return true;
  }
}
