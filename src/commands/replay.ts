/**
 * `sagewatch replay`: rules over files of the past.
 *
 * Alerts go to stdout in the format asked for; progress and the summary go to stderr. The log is kept to warnings, since
 * a person waits for the result. A file that cannot be read is named in the summary and makes the exit code 3: alerts of
 * the rest are printed, but who relies on the code must not take them for all.
 */
import { composeReplay, type Progress } from "../compose.ts";
import { loadConfig } from "../config/load.ts";
import { ADAPTERS } from "../config/registries.ts";
import { systemClock } from "../lib/clock.ts";
import { ERROR_CODES } from "../model/errors.ts";
import { createGathering } from "../ops/gather.ts";
import { createLog } from "../ops/log.ts";
import { createProgress, type ProgressLine } from "../ops/progress.ts";
import { renderSummary } from "../ops/summary.ts";
import { remark, type Terminal } from "../ops/terminal.ts";
import { printAlerts, quieter } from "./alerts.ts";
import type { AlertFormat } from "./options.ts";

export type ReplayCommand = {
  readonly paths: readonly string[];
  readonly rules?: readonly string[];
  readonly strict?: true;
  readonly config?: string;
  /** ms */
  readonly lateness?: number;
  readonly format: AlertFormat;
  readonly tz: string;
};

/** Runs the replay; 3 when something of the input could not be read. Errors: config_*, rules_rejected, not_found, input_unreadable. */
export async function runReplay(options: ReplayCommand, terminal: Terminal): Promise<number> {
  const { config } = loadConfig({ path: options.config, adapters: ADAPTERS, secrets: "unread" });
  const progress = createProgress(terminal.stderr, "reading", systemClock);
  try {
    const { alerts, pointers, summary } = await composeReplay({
      config: options.strict === true ? { ...config, rules: { ...config.rules, strict: true } } : config,
      paths: options.paths,
      rulePaths: options.rules ?? null,
      latenessMs: options.lateness ?? null,
      emit: createGathering(
        createLog({ level: quieter(config), stream: toLogStream(progress, terminal) }),
        systemClock,
      ),
      signal: terminal.signal,
      onProgress: (now) => progress.show(shareOf(now), describeProgress(now)),
    });
    progress.end();
    const form = { format: options.format, zone: options.tz, isFirst: () => true, pointersOf: () => pointers };
    await printAlerts(alerts, form, terminal);
    if (terminal.signal.aborted) remark(terminal, "Stopped before the end: this is of the part that was read.");
    remark(terminal, renderSummary(summary));
    if (summary.quarantined > 0)
      remark(
        terminal,
        "(which records were not evaluated: `sagewatch demo PATH` names them; `run` keeps them in quarantine)",
      );
    return summary.unread.files === 0 ? 0 : ERROR_CODES.input_unreadable.exit;
  } finally {
    progress.end();
  }
}

/** Where log lines go while a progress line stands on the screen: they do not tear it. */
export function toLogStream(progress: ProgressLine, { stderr }: Terminal): { write(line: string): void } {
  return {
    write: (line) => {
      progress.clear();
      stderr.write(line);
    },
  };
}

/** Share of the bytes that are read; null while they are not known. */
export function shareOf({ doneBytes, totalBytes }: Progress): number | null {
  return totalBytes > 0 ? doneBytes / totalBytes : null;
}

/** "12,345 records, 3 alerts". */
export function describeProgress({ records, alerts }: Progress): string {
  return `${records.toLocaleString("en")} records, ${alerts.toLocaleString("en")} ${alerts === 1 ? "alert" : "alerts"}`;
}
