/**
 * `sagewatch backfill`: a time that is over, read again from S3 or by LookupEvents.
 *
 * A running daemon does it, in a detector of its own, and this command shows how far it is; without one the command does it
 * and takes the state folder for the hand-over only. Progress goes to stderr, the result to stdout. A command that was
 * ended is given again: what was read is not read twice, and alerts have deterministic ids.
 */
import { join } from "node:path";
import type { PastAnswer, PastOutcome } from "../compose/past/backfills.ts";
import type { PastRequest, planPast } from "../compose/past/run.ts";
import { loadConfig } from "../config/load.ts";
import { ADAPTERS } from "../config/registries.ts";
import type { Config } from "../config/schema.ts";
import { systemClock, toUtcText } from "../lib/clock.ts";
import { formatDuration, formatSize } from "../lib/duration.ts";
import { safeLine } from "../lib/safe-text.ts";
import { SagewatchError } from "../model/errors.ts";
import { BACKFILL, callControl, CONTROL_SOCKET } from "../ops/control.ts";
import { createGathering } from "../ops/gather.ts";
import { createLog } from "../ops/log.ts";
import { createProgress, type ProgressLine } from "../ops/progress.ts";
import { toCount } from "../ops/summary.ts";
import { print, remark, type Terminal } from "../ops/terminal.ts";
import { quieter, type StateOptions } from "./alerts/state.ts";

export type BackfillCommand = StateOptions & {
  /** Epoch ms. */
  readonly from: number;
  readonly to: number;
  readonly source?: string;
  readonly account?: string;
  readonly region?: string;
  readonly maxObjects?: number;
  /** Bytes. */
  readonly maxSize?: number;
  readonly maxRequests?: number;
  readonly dryRun?: true;
};

type Plans = Awaited<ReturnType<typeof planPast>>;
type Progress = Extract<PastAnswer, { status: "reading" | "waiting" }>;

/** Reads the past. Errors by code: usage, not_found, over_limit, aws_*, store_*, daemon_unreachable, config_*. */
export async function runBackfill(options: BackfillCommand, terminal: Terminal): Promise<number> {
  const loaded = loadConfig({ path: options.config, adapters: ADAPTERS });
  const state = { ...loaded.config.state, ...(options.state === undefined ? {} : { dir: options.state }) };
  const config = { ...loaded.config, state };
  const request = toRequest(options, config);
  if (options.dryRun === true) return printPlans(await planBackfill(request, config, terminal), terminal);
  const progress = createProgress(terminal.stderr, "reading", systemClock);
  try {
    const outcome = await backfill(request, { config, progress, terminal });
    progress.end();
    if (outcome === null) {
      remark(terminal, "Stopped before the end. The same command goes on where it was.");
      return 0;
    }
    await print(terminal, `${describe(outcome)}\n`);
    return 0;
  } finally {
    progress.end();
  }
}

function toRequest(options: BackfillCommand, { repair }: Config): PastRequest {
  const { from: fromMs, to: toMs, source = null, account = null, region = null } = options;
  if (fromMs >= toMs)
    throw new SagewatchError("usage", `backfill: --from ${toUtcText(fromMs)} is not before --to ${toUtcText(toMs)}`);
  if (fromMs > systemClock.nowMs())
    throw new SagewatchError("usage", `backfill: --from ${toUtcText(fromMs)} is still to come`);
  const { maxObjects: objects = repair.objects, maxSize: bytes = repair.bytes } = options;
  const { maxRequests: requests = repair.requests } = options;
  return { fromMs, toMs, source, account, region, limits: { objects, bytes, requests } };
}

type By = { readonly config: Config; readonly progress: ProgressLine; readonly terminal: Terminal };

/** By the daemon as long as one answers; null when the command was stopped before the end. */
async function backfill(request: PastRequest, by: By): Promise<PastOutcome | null> {
  const { config, progress, terminal } = by;
  while (!terminal.signal.aborted) {
    const answer = await callControl(join(config.state.dir, CONTROL_SOCKET), BACKFILL, request);
    if (answer.status === "absent") return backfillHere(request, by);
    const result = answer.result as PastAnswer;
    if (result.status === "done") return result.outcome;
    showProgress(progress, result);
  }
  progress.end();
  remark(terminal, "The daemon goes on with it.");
  return null;
}

async function backfillHere(request: PastRequest, { config, progress, terminal }: By): Promise<PastOutcome | null> {
  const { backfillAlone } = await import("../compose/past/alone.ts");
  const onProgress = (now: Progress["progress"]): void => showProgress(progress, { status: "reading", progress: now });
  return backfillAlone(request, { config, emit: toLog(config, terminal), signal: terminal.signal, onProgress });
}

async function planBackfill(request: PastRequest, config: Config, terminal: Terminal): Promise<Plans> {
  const args = { ...request, plan: true };
  const answer = await callControl(join(config.state.dir, CONTROL_SOCKET), BACKFILL, args);
  if (answer.status === "answered") return answer.result as Plans;
  const { planAlone } = await import("../compose/past/alone.ts");
  const alone = { config, emit: toLog(config, terminal), signal: terminal.signal, onProgress: () => undefined };
  return planAlone(request, alone);
}

function toLog(config: Config, { stderr: stream }: Terminal): ReturnType<typeof createGathering> {
  return createGathering(createLog({ level: quieter(config), stream }), systemClock);
}

function showProgress(line: ProgressLine, { status, progress }: Progress): void {
  const { done, total, requests } = progress;
  if (status === "waiting") return line.show(null, "another backfill comes first");
  const share = total === 0 ? null : done / total;
  line.show(share, `${toCount(done)} of ${toCount(total)} pieces, ${toCount(requests)} requests`);
}

async function printPlans(plans: Plans, terminal: Terminal): Promise<number> {
  const lines = plans.map(({ source, by, fromMs, toMs, objects, bytes, requests, isLeast, leastMs }) => {
    const what = by === "s3" ? `${toCount(objects)} objects of S3, ${formatSize(bytes)}` : "LookupEvents";
    const asked = `${isLeast ? "at least " : ""}${toCount(requests)} requests`;
    const time = leastMs === 0 ? "" : `, at least ${formatDuration(Math.ceil(leastMs / 1000) * 1000)}`;
    return `${safeLine(source)}: ${toUtcText(fromMs)} to ${toUtcText(toMs)}, ${what}, ${asked}${time}\n`;
  });
  await print(terminal, lines.join(""));
  remark(terminal, "Nothing was read. The times are wider than asked for by what the rules look back and ahead.");
  return 0;
}

function describe({ read, quarantined, found, opened, updated, elapsedMs }: PastOutcome): string {
  const rest = found - opened - updated;
  const broken = quarantined === 0 ? "" : `, ${toCount(quarantined)} to quarantine`;
  const seconds = Math.max(1, Math.round(elapsedMs / 1000));
  return `${toCount(read)} records read${broken}; ${toCount(opened)} new alerts, ${toCount(updated)} updated, ${toCount(rest)} as they were (${seconds} s)`;
}
