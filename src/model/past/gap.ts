/**
 * A gap: a time in which a source did not bring what it should have, or brought it too late for correlations.
 *
 * It stands among the positions, under a name that no source has: it is a place that reading has to come back to. Its text
 * is for that table only. Times are epoch ms, of events.
 */

/** Why there is a gap, in words. */
export const GAP_REASONS = {
  missed_objects: "objects in S3 of which no notice came in time were found by listing",
  unread_place: "an account and Region could not be asked for more than an hour",
  queue_retention: "nothing was received for longer than the queue keeps messages",
  log_start: "the log of a topic or stream begins behind the place that reading had come to",
} as const;
export type GapReason = keyof typeof GAP_REASONS;

/** `open`: to be repaired; `repaired`: its time was read again; `left`: a person has to see to it, `detail` says why. */
export type GapState = "open" | "repaired" | "left";

/** What a source tells of a gap. `account` and `region` null: not known, or several. */
export type FoundGap = {
  readonly account: string | null;
  readonly region: string | null;
  readonly fromMs: number;
  readonly toMs: number;
  readonly reason: GapReason;
};

export type Gap = FoundGap & {
  readonly source: string;
  readonly state: GapState;
  /** When it was found, and when what is said of it last changed; wall time. */
  readonly foundMs: number;
  readonly changedMs: number;
  readonly detail: string;
};

/** Name under which gaps stand among the positions. */
export const GAPS = "gaps ";

/** Key of a gap's position. The source stands last, since its name may hold any character. */
export function toGapKey({ reason, account, region, foundMs, source }: Gap): string {
  return [reason, account ?? "", region ?? "", foundMs, source].join("|");
}

/** Value of a gap's position. */
export function formatGap({ state, fromMs, toMs, changedMs, detail }: Gap): string {
  return [state, fromMs, toMs, changedMs, detail].join("|");
}

/** The inverse of both; null for what this version did not write. */
export function parseGap(key: string, value: string): Gap | null {
  const [reason = "", account = "", region = "", foundMs = "", ...source] = key.split("|");
  const [state = "", fromMs = "", toMs = "", changedMs = "", ...detail] = value.split("|");
  if (!Object.hasOwn(GAP_REASONS, reason) || !["open", "repaired", "left"].includes(state)) return null;
  return {
    reason: reason as GapReason,
    account: account === "" ? null : account,
    region: region === "" ? null : region,
    source: source.join("|"),
    state: state as GapState,
    fromMs: Number(fromMs),
    toMs: Number(toMs),
    foundMs: Number(foundMs),
    changedMs: Number(changedMs),
    detail: detail.join("|"),
  };
}
