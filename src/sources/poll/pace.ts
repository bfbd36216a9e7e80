/**
 * Keeps the requests to one account and Region below what LookupEvents allows there: 2 a second, whoever asks.
 * One set of paces serves all sources and backfills of a process, so that they share what AWS gives to all of them. With a
 * folder it is shared by all processes of that folder, too: time is cut into slots, each has one request, and who makes
 * its file first has it. What a process leaves behind when it is killed is of slots that are over, and taken away later.
 * https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../lib/clock.ts";

/** Requests a second: 1.8, so that a person with the console is not locked out by us alone. */
export const LOOKUPS_PER_SECOND = 1.8;
const GAP_MS = 1000 / LOOKUPS_PER_SECOND;
/** So far ahead a slot is taken: half a minute, which is more than all that can ask at once. */
const AHEAD_SLOTS = 54;

/** The folder of the paces of a state folder. */
export function toPacesDir(stateDir: string): string {
  return join(stateDir, "paces");
}

/** Who waits for a turn gets one after another. */
export type Pace = {
  /** Resolves when the next request may be made, or `signal` aborts. */
  turn(signal: AbortSignal): Promise<void>;
};

/** The pace of each account and Region. */
export type Paces = {
  /** `accountId` null: the account of the credentials, whichever it is; all who do not name it share one pace. */
  of(place: { readonly accountId: string | null; readonly region: string }): Pace;
};

/** Makes the paces of a process. `dir`: a folder of theirs alone, made here, by which those of other processes are kept to. */
export function createPaces(clock: Clock, dir: string | null = null): Paces {
  const paces = new Map<string, Pace>();
  if (dir !== null) prepare(dir, clock);
  return {
    of: ({ accountId, region }) => {
      const key = `${accountId ?? "own"}/${region}`;
      const pace = paces.get(key) ?? (dir === null ? createPace(clock) : createSharedPace(clock, { dir, key }));
      paces.set(key, pace);
      return pace;
    },
  };
}

function createPace(clock: Clock): Pace {
  let nextMs = -Infinity;
  return {
    turn: async (signal) => {
      const nowMs = clock.monotonicMs();
      const atMs = Math.max(nowMs, nextMs);
      nextMs = atMs + GAP_MS;
      if (atMs > nowMs) await clock.sleep(atMs - nowMs, signal);
    },
  };
}

/** A request is made when its slot begins. In a folder that cannot be written to each process keeps its own pace. */
function createSharedPace(clock: Clock, { dir, key }: { readonly dir: string; readonly key: string }): Pace {
  const own = createPace(clock);
  const fileOf = (slot: number): string => join(dir, `${key.replaceAll(/[^\w-]/g, "_")}.${slot}`);
  let claimed: number[] = [];
  return {
    turn: async (signal) => {
      const now = toSlot(clock.nowMs());
      // A clock that was set back makes nobody wait for what it said before.
      const last = Math.min(claimed.at(-1) ?? now, now + AHEAD_SLOTS);
      const slot = claim(fileOf, Math.max(now, last) + 1);
      if (slot === null) return own.turn(signal);
      for (const over of claimed.filter((one) => one < now)) rmSync(fileOf(over), { force: true });
      claimed = [...claimed.filter((one) => one >= now), slot];
      const waitMs = slot * GAP_MS - clock.nowMs();
      if (waitMs > 0) await clock.sleep(waitMs, signal);
    },
  };
}

/** The first slot from `from` on that nobody has; null where none can be had. */
function claim(fileOf: (slot: number) => string, from: number): number | null {
  for (let slot = from; slot < from + AHEAD_SLOTS; slot += 1) {
    try {
      writeFileSync(fileOf(slot), "", { flag: "wx", mode: 0o600 });
      return slot;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") return null;
    }
  }
  return null;
}

/** Makes the folder, and takes away what is left of slots that are over. */
function prepare(dir: string, clock: Clock): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const now = toSlot(clock.nowMs());
    for (const name of readdirSync(dir))
      if (Number(name.split(".").at(-1)) < now) rmSync(join(dir, name), { force: true });
  } catch {
    // Told where it matters: by what else is written to the state folder.
  }
}

function toSlot(nowMs: number): number {
  return Math.floor(nowMs / GAP_MS);
}
