/**
 * The gaps of a daemon: those that its sources tell of, kept in the state until they are repaired and a while longer.
 *
 * What is found beside an open gap of the same source and place makes that one longer, so that a night of lost notices is
 * one gap and not a hundred. A gap is durable once the next commit is; told again after a crash it is the same.
 */
import type { Position } from "../../contracts.ts";
import { systemClock } from "../../lib/clock.ts";
import { type FoundGap, formatGap, type Gap, GAPS, type GapState, toGapKey } from "../../model/past/gap.ts";
import type { Emit } from "../../model/signal.ts";

export type GapBook = {
  /** A source tells of a gap. */
  found(source: string, gap: FoundGap): void;
  /** Gaps that are to be repaired, the oldest change first. */
  open(): readonly Gap[];
  /** A gap was dealt with, and will be once more: it stays open. */
  keep(gap: Gap, detail: string): void;
  /** What became of a gap. */
  end(gap: Gap, state: Exclude<GapState, "open">, detail: string): void;
  /** Positions to be committed since the last call. */
  drain(): readonly Position[];
};

/** Gaps so near to each other are one, ms: a reading begins earlier and ends later than this anyway. */
const NEAR_MS = 3_600_000;

/** `kept`: those of the state. */
export function createGapBook(kept: readonly Gap[], emit: Emit): GapBook {
  const open = new Map(kept.filter(({ state }) => state === "open").map((gap) => [toGapKey(gap), gap]));
  let changed = new Map<string, Position>();
  const write = (gap: Gap): void => {
    const key = toGapKey(gap);
    changed.set(key, { source: GAPS, key, value: formatGap(gap) });
    if (gap.state === "open") open.set(key, gap);
    else open.delete(key);
  };
  return {
    found: (source, found) => {
      const nowMs = systemClock.nowMs();
      const near = [...open.values()].find((gap) => isNear(gap, { ...found, source }));
      if (near !== undefined && near.fromMs <= found.fromMs && near.toMs >= found.toMs) return;
      const times =
        near === undefined
          ? found
          : { fromMs: Math.min(near.fromMs, found.fromMs), toMs: Math.max(near.toMs, found.toMs) };
      const gap =
        near ?? toNew({ ...found, source, state: "open", foundMs: nowMs, changedMs: nowMs, detail: "" }, open);
      write({ ...gap, ...times, changedMs: nowMs });
      if (near !== undefined) return;
      const { account, region, reason, fromMs, toMs } = found;
      emit({ type: "gap_found", source, accountId: account ?? "", region: region ?? "", reason, fromMs, toMs });
    },
    open: () => [...open.values()].toSorted((a, b) => a.changedMs - b.changedMs),
    keep: (gap, detail) => write({ ...gap, detail, changedMs: systemClock.nowMs() }),
    end: (gap, state, detail) => {
      const { source, account, region, reason } = gap;
      write({ ...gap, state, detail, changedMs: systemClock.nowMs() });
      emit({ type: "gap_ended", source, accountId: account ?? "", region: region ?? "", reason, state, detail });
    },
    drain: () => {
      const drained = [...changed.values()];
      changed = new Map();
      return drained;
    },
  };
}

/** Gaps that were found in one listing keep apart. */
function toNew(gap: Gap, open: ReadonlyMap<string, Gap>): Gap {
  return open.has(toGapKey(gap)) ? toNew({ ...gap, foundMs: gap.foundMs + 1 }, open) : gap;
}

function isNear(gap: Gap, other: FoundGap & { readonly source: string }): boolean {
  return (
    gap.source === other.source &&
    gap.account === other.account &&
    gap.region === other.region &&
    gap.reason === other.reason &&
    other.fromMs <= gap.toMs + NEAR_MS &&
    other.toMs >= gap.fromMs - NEAR_MS
  );
}
