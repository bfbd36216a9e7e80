/**
 * Tells of gaps: objects of which no notice came, found by listing so late that correlations no longer wait for them.
 *
 * Their records are read all the same and meet rules of single events; what counts over time has to be judged anew. The
 * first listing of a process tells nothing: after a stop its objects are those of notices that wait, and until they are
 * read the watermark waits for them.
 */
import type { FoundGap } from "../../model/past/gap.ts";
import { slotOf } from "../file/list.ts";
import type { Jobs } from "./jobs.ts";
import { SWEEP } from "./sweep.ts";

export type MissedBy = {
  readonly latenessMs: number;
  readonly trails: number;
  readonly nowMs: () => number;
  readonly gap: ((found: FoundGap) => void) | undefined;
};

/** Events of a file are up to so much older than its name says: 10 minutes were measured, and some come later. */
const BEFORE_MS = 15 * 60_000;
const MINUTE_MS = 60_000;
/** Account and Region in a key. */
const KEY = /(?:^|\/)AWSLogs\/(?:o-[a-z0-9]+\/)?(\d{12})\/CloudTrail\/([a-z0-9-]+)\//;

/** Jobs that tell of those that a listing adds too late. */
export function withMissed(jobs: Jobs, { latenessMs, trails, nowMs, gap }: MissedBy): Jobs {
  let listings = 0;
  return {
    ...jobs,
    add: (object, by) => {
      const isNew = jobs.add(object, by);
      if (!isNew || by.sweptMs === null || listings < trails) return isNew;
      const slotMs = slotOf(object.key) ?? by.sweptMs;
      const [, account = null, region = null] = KEY.exec(object.key) ?? [];
      if (slotMs < nowMs() - latenessMs)
        gap?.({ account, region, fromMs: slotMs - BEFORE_MS, toMs: slotMs + MINUTE_MS, reason: "missed_objects" });
      return isNew;
    },
    note: (note) => {
      if (note.positions.some(({ key }) => key.startsWith(SWEEP))) listings += 1;
      jobs.note(note);
    },
  };
}
