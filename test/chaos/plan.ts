/** What the harness tells a daemon of the chaos runs, and the points at which one can be told to kill itself. */

/** Places in a run, each passed many times; the store's and the sources' own calls lie on both sides of them. */
export const FAIL_POINTS = [
  "at_start_after_load",
  "while_reading",
  "before_commit",
  "after_commit_before_settle",
  "between_settles",
  "after_settle",
  "before_send",
  "after_send_before_sent",
  "after_sent",
] as const;
export type FailPoint = (typeof FAIL_POINTS)[number];

/** Ways to break the product on purpose. Each must lose alerts, but the last: by that one records are counted twice. */
export const BREAKS = ["ack-first", "no-hold", "split-commit", "part-pieces"] as const;
export type Break = (typeof BREAKS)[number];

/** A daemon's orders. */
export type Plan = {
  /** Text of its configuration file. */
  readonly config: string;
  /** Clocks and waits of the process run so many times as fast. */
  readonly speed: number;
  readonly break: Break | null;
  /** For `no-hold`: the newest time slot that lies in the folder − L, epoch ms. */
  readonly reachedMs: number;
  /** Kill yourself at the N-th passage (from 1). */
  readonly fail: { readonly point: FailPoint; readonly passage: number } | null;
};
