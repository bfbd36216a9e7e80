/**
 * Harmless tries of what an adapter needs from outside, as `sagewatch doctor` makes them. Types only.
 *
 * A probe changes nothing where it looks: it receives no message, sends no alert, writes no object. What cannot be tried
 * so is told as not tried, with how it would show.
 */
import type { Clock } from "../lib/clock.ts";

/** What came of a try. `did` says what was done and seen, `mend` what to do about a failure, `notes` what is odd but works. */
export type Finding =
  | { readonly status: "ok"; readonly did: string; readonly notes?: readonly string[] }
  | { readonly status: "fail"; readonly did: string; readonly mend: string }
  | { readonly status: "not_tried"; readonly did: string };

/** What a try gets. */
export type ProbeBy = { readonly clock: Clock; readonly signal: AbortSignal };

/** One try. Of several with the same `name` one is made. May throw: that is a failure with the error's message. */
export type Probe = { readonly name: string; run(by: ProbeBy): Promise<Finding> };
