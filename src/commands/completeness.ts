/**
 * `sagewatch completeness`: by account, Region and hour, whether all that CloudTrail delivered was read as it was delivered.
 *
 * Reads only, beside a running daemon or without one. What the words mean stands in model/integrity/hours.ts.
 */
import { systemClock, toUtcText } from "../lib/clock.ts";
import { safeLine } from "../lib/safe-text.ts";
import { renderColumns } from "../lib/text-table.ts";
import { HOUR_STATES, type HourState, type LogHour } from "../model/integrity/hours.ts";
import { print, remark, type Terminal, widthOf } from "../ops/terminal.ts";
import { type StateOptions, withViews } from "./alerts/state.ts";

export type Completeness = StateOptions & {
  /** Epoch ms: hours that begin at or after `from`, and before `to`. Default: the last 24 hours. */
  readonly from?: number;
  readonly to?: number;
  readonly account?: string;
  readonly region?: string;
  readonly json?: true;
};

const DAY_MS = 86_400_000;
const TITLES = "ACCOUNT REGION HOUR STATE SEEN PROVEN MISSING ALTERED UNLISTED UNREAD LATE".split(" ");

/** Prints the hours. Gives 1 when one is missing or broken. Errors: not_found, store_*, config_*. */
export async function showCompleteness(options: Completeness, terminal: Terminal): Promise<number> {
  const nowMs = systemClock.nowMs();
  const { from: fromMs = nowMs - DAY_MS, to: toMs = nowMs, account, region } = options;
  return withViews(options, async (views) => {
    const choice = {
      fromMs,
      toMs,
      ...(account === undefined ? {} : { accountId: account }),
      ...(region === undefined ? {} : { region }),
    };
    const hours = views.logHours(choice, nowMs);
    const totals = count(hours);
    if (options.json === true) await print(terminal, toJson(hours, { fromMs, toMs, totals }));
    else if (hours.length === 0)
      remark(terminal, "Nothing is known of these hours: no log file of a trail was read, and no digest file came.");
    else await print(terminal, `${render(hours, widthOf(terminal.stdout))}\n${toSentence(hours.length, totals)}\n`);
    return totals.missing + totals.broken > 0 ? 1 : 0;
  });
}

type Totals = Readonly<Record<HourState, number>>;

function count(hours: readonly LogHour[]): Totals {
  const counts = HOUR_STATES.map((state) => [state, hours.filter((hour) => hour.state === state).length] as const);
  return Object.fromEntries(counts) as Record<HourState, number>;
}

function toJson(
  hours: readonly LogHour[],
  { fromMs, toMs, totals }: { readonly fromMs: number; readonly toMs: number; readonly totals: Totals },
): string {
  const shown = hours.map(({ hourMs, accountId, region, state, ...counts }) => ({
    accountId,
    region,
    hour: toUtcText(hourMs),
    state,
    ...counts,
  }));
  return `${JSON.stringify({ from: toUtcText(fromMs), to: toUtcText(toMs), totals, hours: shown })}\n`;
}

function render(hours: readonly LogHour[], width: number): string {
  const cells = hours.map(({ accountId, region, hourMs, state, ...counts }) => {
    const { seen, proven, missing, altered, unlisted, unread, late } = counts;
    const figures = [seen, proven, missing, altered, unlisted, unread, late].map(String);
    return [accountId, region, toUtcText(hourMs), state, ...figures].map(safeLine);
  });
  return renderColumns(TITLES, cells, { width });
}

/** What the table comes to. */
function toSentence(hours: number, totals: Totals): string {
  const parts = HOUR_STATES.filter((state) => totals[state] > 0).map((state) => `${totals[state]} ${state}`);
  return `${hours} hours: ${parts.join(", ")}`;
}
