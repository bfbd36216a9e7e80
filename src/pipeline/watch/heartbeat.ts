/**
 * The heartbeat: an operational alert to every sink, again and again, by whose absence a receiver sees that the monitor,
 * or the way to it, is dead.
 *
 * One alert a UTC day, each beat a revision of it: the revision counts the beats that were made, one row a day is kept, and
 * a sink that was down gets the last beat and not all of them. It says what was read since the last one. A process that
 * starts again goes on in the rhythm of the one before.
 */
import type { Views } from "../../contracts.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Tell } from "./outages.ts";

const DAY_MS = 86_400_000;

export type Heartbeat = {
  /** Beats when it is time. Call every few seconds or more often. `read`: records read since the process began. */
  look(read: number): void;
};

export type HeartbeatOptions = {
  /** Tells several daemons apart at one receiver. */
  readonly name: string;
  readonly everyMs: number;
  readonly alerts: Views["alerts"];
  readonly clock: Clock;
  readonly tell: Tell;
};

/** The first beat comes `everyMs` after the last one that is stored, or after the start where there is none. */
export function createHeartbeat({ name, everyMs, alerts, clock, tell }: HeartbeatOptions): Heartbeat {
  const [last] = alerts({ ruleId: "sagewatch.heartbeat", limit: 1 });
  const lastMs = last === undefined ? clock.nowMs() : Date.parse(last.lastEventTime);
  // A beat from the future, by a clock that was set back, must not silence the heart.
  let waitMs = Math.max(0, Math.min(everyMs, lastMs + everyMs - clock.nowMs()));
  let fromMs = clock.monotonicMs();
  let told = 0;
  return {
    look: (read) => {
      const monotonicMs = clock.monotonicMs();
      if (monotonicMs - fromMs < waitMs) return;
      // In step, unless the machine slept over several.
      const overMs = monotonicMs - fromMs - waitMs;
      fromMs = monotonicMs - (overMs < everyMs ? overMs : 0);
      waitMs = everyMs;
      const nowMs = clock.nowMs();
      const why = `${name} is alive; ${read - told} records were read since its last heartbeat.`;
      told = read;
      tell("heartbeat", { key: name, why, sinceMs: Math.floor(nowMs / DAY_MS) * DAY_MS, group: { monitor: name } });
    },
  };
}
