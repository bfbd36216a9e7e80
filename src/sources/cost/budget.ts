/**
 * The calls that a day has: each costs a cent, and AWS counts those that fail too.
 *
 * A call is booked before it is made: its booking is a position that has to be committed first. So a process that is
 * killed at any point, however often, makes no more calls in a day (UTC) than it may; a booking whose call was never made
 * is lost.
 */
import type { Position } from "../../contracts.ts";
import type { Clock } from "../../lib/clock.ts";

/** Key of the position. No place and no question has it: these begin with an account. */
export const CALLS_KEY = "calls";

export type Budget = {
  /** The booking of one call more, to be committed before the call; null: there is none left today. */
  book(): Omit<Position, "source"> | null;
  /** When there are calls again, epoch ms: the next day, UTC. */
  renewedMs(): number;
};

const DAY_MS = 86_400_000;

/** `position`: what was committed last. `perDay`: calls that may be made in a day. */
export function createBudget(position: string | undefined, perDay: number, clock: Clock): Budget {
  const [, written = "", count = "0"] = /^(\d{4}-\d\d-\d\d) (\d+)$/.exec(position ?? "") ?? [];
  let day = written;
  let made = Number(count);
  // A clock that is set back by a day does not give the calls of that day again.
  const renew = (): void => {
    const today = toDay(clock.nowMs());
    if (today <= day) return;
    day = today;
    made = 0;
  };
  return {
    book: () => {
      renew();
      if (made >= perDay) return null;
      made += 1;
      return { key: CALLS_KEY, value: `${day} ${made}` };
    },
    renewedMs: () => {
      renew();
      return Date.parse(`${day}T00:00:00Z`) + DAY_MS;
    },
  };
}

/** The day of a time, UTC: "2026-03-10". */
export function toDay(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 10);
}
