/**
 * Hands over what a reading of the past found: its alerts into the table of the live run, under their own ids.
 *
 * An id that is not there is a new alert, one with other content the next revision, and equal content changes nothing; the
 * sinks get it as they get all alerts. An alert of fewer events than the one that stands gives way to it: a reading sees a
 * part of the time, and a live run may have missed one. Repeating a hand-over changes nothing, so a crash in it costs none.
 */
import type { AlertDraft, Store } from "../../contracts.ts";
import { openHandover } from "../../store/past/handover.ts";
import type { RuleSet } from "../../sigma/ast.ts";
import type { HandedOver } from "./hand-over.ts";
import type { PastRequest, PastResult } from "./run.ts";
import { isKnown } from "./span.ts";

/** How many alerts there were in the span, and of them how many were unknown, and known with other content. */
export type Merged = { readonly found: number; readonly opened: number; readonly updated: number };

export type MergeBy = {
  readonly store: Pick<Store, "views">;
  readonly ruleSet: RuleSet;
  /** Commits; throws what ends the run. */
  readonly commit: (part: HandedOver) => void;
};

/** Alerts, and rejected records, of one commit: short enough not to hold up the live run. */
const AT_ONCE = 200;

/** Hands over in several commits. Throws what `commit` throws, store_corrupt, store_failed. */
export function mergePast(request: PastRequest, { dir, read }: PastResult, by: MergeBy): Merged {
  const handover = openHandover(dir);
  const merged = { found: 0, opened: 0, updated: 0 };
  const revisionOf = ({ content }: AlertDraft): number => by.store.views.alert(content.id)?.alert.revision ?? 0;
  try {
    for (let after = 0, isMore = true; isMore;) {
      const numbered = handover.alerts(request, after, AT_ONCE);
      const alerts = numbered.map(({ draft }) => draft).filter((draft) => isKnown(draft, read, by.ruleSet));
      const before = alerts.map(revisionOf);
      if (alerts.length > 0) by.commit({ alerts, rejected: [] });
      for (const [at, draft] of alerts.entries()) {
        const revision = revisionOf(draft);
        if (before[at] === 0 && revision > 0) merged.opened += 1;
        else if (revision !== before[at]) merged.updated += 1;
      }
      merged.found += alerts.length;
      after = numbered.at(-1)?.number ?? after;
      isMore = numbered.length === AT_ONCE;
    }
    for (let after = 0, isMore = true; isMore;) {
      const numbered = handover.rejected(after, AT_ONCE);
      if (numbered.length > 0) by.commit({ alerts: [], rejected: numbered.map(({ rejected }) => rejected) });
      after = numbered.at(-1)?.number ?? after;
      isMore = numbered.length === AT_ONCE;
    }
    return merged;
  } finally {
    handover.close();
  }
}
