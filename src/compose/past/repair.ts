/**
 * Gap found, gap repaired: reads the time of each open gap again, within the limits of the configuration.
 *
 * A gap is left alone until it has not grown for a while. One that is longer than may be read by itself, or needs more than
 * the limits allow, or cannot be read, is left to a person: an operational alert names the very command. A fault that may
 * pass is tried again, less and less often. What a restart interrupts begins again where it was. The live windows do not
 * learn of what was missed, so a gap that was read while windows over it could still grow is read once more after that.
 */
import type { RepairConfig } from "../../config/past/repair.ts";
import { type Clock, toUtcText } from "../../lib/clock.ts";
import { formatDuration } from "../../lib/duration.ts";
import { SagewatchError, toMessage } from "../../model/errors.ts";
import { type Gap, GAP_REASONS, toGapKey } from "../../model/past/gap.ts";
import type { Running } from "../../pipeline/run.ts";
import type { PastOutcome } from "./backfills.ts";
import type { GapBook } from "./gaps.ts";
import type { PastRequest } from "./run.ts";

export type RepairNeeds = {
  readonly repair: RepairConfig;
  readonly gaps: GapBook;
  readonly clock: Clock;
  readonly run: (request: PastRequest) => Promise<PastOutcome>;
  /** Whether this source's past can be read; else that of the others is. */
  readonly hasPast: (source: string) => boolean;
  readonly tell: Running["tell"];
  /** How far beyond a gap the windows go that reach into it, ms. */
  readonly reachMs: () => number;
  /** Commits what changed in the book. */
  readonly keep: () => void;
  readonly signal: AbortSignal;
};

/** How often is looked for gaps that are due, ms; at most, and as often as they may become so. */
const LOOK_MS = 30_000;
/** Tries of a gap, and the wait before the second, ms, four times as long each time. */
const TRIES = 5;
const AGAIN_MS = 300_000;

/** Repairs until the signal. Never throws. */
export async function repairGaps(needs: RepairNeeds): Promise<void> {
  const { repair, gaps, clock, signal } = needs;
  const tries = new Map<string, Tried>();
  while (!signal.aborted) {
    needs.keep();
    const nowMs = clock.nowMs();
    for (const gap of gaps.open()) {
      const tried = tries.get(toGapKey(gap)) ?? { count: 0, nextMs: -Infinity, wholeMs: -Infinity };
      tries.set(toGapKey(gap), tried);
      const isWaiting = nowMs - gap.changedMs < repair.wait || nowMs < tried.wholeMs;
      if (isWaiting || clock.monotonicMs() < tried.nextMs) continue;
      tried.count += 1;
      tried.nextMs = clock.monotonicMs() + AGAIN_MS * 4 ** (tried.count - 1);
      await repairGap(gap, needs, tried);
      if (signal.aborted) return;
      needs.keep();
    }
    await clock.sleep(Math.min(LOOK_MS, repair.wait), signal);
  }
}

/** `nextMs`: monotonic time before which a fault is not tried again. `wholeMs`: wall time from which all windows are over. */
type Tried = { count: number; nextMs: number; wholeMs: number };

async function repairGap(gap: Gap, needs: RepairNeeds, tried: Tried): Promise<void> {
  const { repair, gaps, clock, hasPast, signal } = needs;
  const spanMs = gap.toMs - gap.fromMs;
  if (!repair.auto) return leave(gap, "repair.auto is off", needs);
  if (spanMs > repair.maxSpan) {
    const most = formatDuration(repair.maxSpan);
    return leave(
      gap,
      `it is ${formatDuration(roundUp(spanMs))} long, and at most ${most} are read by themselves (repair.maxSpan)`,
      needs,
    );
  }
  const { objects, bytes, requests } = repair;
  const { account, region, fromMs, toMs } = gap;
  const source = hasPast(gap.source) ? gap.source : null;
  const begunMs = clock.nowMs();
  try {
    const outcome = await needs.run({ account, region, fromMs, toMs, source, limits: { objects, bytes, requests } });
    const { read, opened, updated } = outcome;
    const detail = `${read} records read again: ${opened} new alerts, ${updated} updated`;
    const wholeMs = toMs + needs.reachMs();
    if (wholeMs <= begunMs) return gaps.end(gap, "repaired", detail);
    Object.assign(tried, { count: 0, nextMs: -Infinity, wholeMs });
    gaps.keep(gap, `${detail}; once more after ${toUtcText(wholeMs)}, when all windows over it are over`);
  } catch (error) {
    if (signal.aborted) return;
    const mayPass = error instanceof SagewatchError && error.retryable;
    if (!mayPass || tried.count === TRIES) leave(gap, toMessage(error), needs);
  }
}

function leave(gap: Gap, why: string, { gaps, tell, hasPast }: RepairNeeds): void {
  gaps.end(gap, "left", why);
  const command = toBackfillCommand(gap, hasPast(gap.source));
  const what = `Source ${gap.source}: ${GAP_REASONS[gap.reason]}, ${toUtcText(gap.fromMs)} to ${toUtcText(gap.toMs)}${toPlace(gap)}.`;
  tell("gap_left", { key: toGapKey(gap), why: `${what} It was not read again by itself: ${why}. Run: ${command}` });
}

function toPlace({ account, region }: Gap): string {
  const names = [account === null ? "" : `account ${account}`, region ?? ""].filter((name) => name !== "");
  return names.length === 0 ? "" : `, ${names.join(" in ")}`;
}

/** The command that reads the time of a gap again. */
export function toBackfillCommand({ fromMs, toMs, account, region, source }: Gap, isNamed: boolean): string {
  const option = (name: string, value: string | null): string => (value === null ? "" : ` --${name} ${value}`);
  const name = isNamed ? (/^[\w.-]+$/.test(source) ? source : `'${source.replaceAll("'", "'\\''")}'`) : null;
  const times = `--from ${toUtcText(fromMs)} --to ${toUtcText(toMs)}`;
  return `sagewatch backfill ${times}${option("source", name)}${option("account", account)}${option("region", region)}`;
}

/** To whole minutes, for people. */
function roundUp(ms: number): number {
  return Math.ceil(ms / 60_000) * 60_000;
}
