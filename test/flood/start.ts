/** Starts the flood in a process of its own, so that its memory is its own, and judges what it says. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { HEAP_FLAGS } from "../support/heap-flags.ts";
import type { Flooded } from "./flood.ts";

const FLAGS = [...HEAP_FLAGS, "--expose-gc"];
/** What the process may take beyond the cap. */
const SLACK = 1.1;

/** Floods with `keys` principals under a cap in bytes; the state file lies in a folder of its own that is removed. */
export async function startFlood(keys: number, capBytes: number): Promise<Flooded> {
  const folder = mkdtempSync(join(tmpdir(), "sagewatch-flood-"));
  try {
    const args = ["--keys", String(keys), "--cap", String(capBytes), "--dir", join(folder, "state")];
    const program = join(import.meta.dirname, "flood.ts");
    const { stdout } = await promisify(execFile)(process.execPath, [...FLAGS, program, ...args]);
    return JSON.parse(stdout) as Flooded;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * What is wrong, one sentence each; none when all is as promised. `spareMib`: what the process may take beyond that, since
 * garbage between two collections, some 100 MiB, weighs more against a small cap than against that of a daemon.
 */
export function judge(flooded: Flooded, spareMib: number): string[] {
  const { keys, capMib, attackEvents, evicted, signalled, told, liveGroups, overEmptyMib } = flooded;
  const problems: [boolean, string][] = [
    [attackEvents >= 10, `the alert of the attack counts ${attackEvents} events`],
    [evicted > 0, "nothing was evicted: the flood is too small for the cap"],
    [liveGroups + evicted === keys + 1, `${liveGroups} groups live and ${evicted} evicted of ${keys + 1}`],
    [signalled === evicted, `signals name ${signalled} of ${evicted} evicted groups`],
    [told > 0, "no alert sagewatch.state_pressure"],
    [overEmptyMib <= capMib * SLACK + spareMib, `${overEmptyMib} MiB over an empty engine, cap ${capMib} MiB`],
  ];
  return problems.filter(([isFine]) => !isFine).map(([, problem]) => problem);
}
