/**
 * `sagewatch gaps`: times of which a source did not bring all, or too late, and what became of them. Reads only.
 */
import { toBackfillCommand } from "../compose/past/repair.ts";
import { toUtcText } from "../lib/clock.ts";
import { safeJson, safeLine } from "../lib/safe-text.ts";
import { renderColumns } from "../lib/text-table.ts";
import { type Gap, GAP_REASONS } from "../model/past/gap.ts";
import { print, remark, type Terminal, widthOf } from "../ops/terminal.ts";
import { readGaps } from "../store/past/gaps.ts";
import { stateDirOf, type StateOptions } from "./alerts/state.ts";

export type ListGaps = StateOptions & { readonly open?: true; readonly format: "table" | "ndjson" };

const TITLES = ["FROM", "TO", "STATE", "SOURCE", "ACCOUNT", "REGION", "WHY", "DETAIL"] as const;
/** Columns that may be cut, and to how little. */
const FLOORS = { WHY: 20, DETAIL: 20 };

/** Prints the gaps, those of the newest times first. Errors: store_*, config_*. */
export async function listGaps(options: ListGaps, terminal: Terminal): Promise<number> {
  const all = readGaps(stateDirOf(options));
  const gaps = options.open === true ? all.filter(({ state }) => state !== "repaired") : all;
  if (options.format === "ndjson") await print(terminal, gaps.map(toLine).join(""));
  else if (gaps.length === 0) remark(terminal, "No source told of a gap that is still kept.");
  else
    await print(
      terminal,
      renderColumns(TITLES, gaps.map(toCells), { floors: FLOORS, width: widthOf(terminal.stdout) }),
    );
  const left = gaps.filter(({ state }) => state === "left");
  if (options.format === "table" && left.length > 0)
    remark(terminal, `To read them again:\n${left.map((gap) => `  ${toBackfillCommand(gap, false)}`).join("\n")}`);
  return 0;
}

function toCells({ fromMs, toMs, state, source, account, region, reason, detail }: Gap): string[] {
  const times = [toUtcText(fromMs), toUtcText(toMs)];
  return [...times, state, source, account ?? "", region ?? "", GAP_REASONS[reason], detail].map(safeLine);
}

function toLine({ fromMs, toMs, foundMs, changedMs, ...gap }: Gap): string {
  const [from, to, found, changed] = [fromMs, toMs, foundMs, changedMs].map((ms) => toUtcText(ms));
  return `${safeJson(JSON.stringify({ from, to, ...gap, found, changed }))}\n`;
}
