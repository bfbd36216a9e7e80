/**
 * `sagewatch replay`: rules over files of the past.
 *
 * Alerts go to stdout in the format asked for; progress and the summary go to stderr. The log is kept to warnings, since
 * a person waits for the result. A file that cannot be read is named in the summary and makes the exit code 3: alerts of
 * the rest are printed, but who relies on the code must not take them for all.
 */
import { existsSync } from "node:fs";
import { composeReplay, type Progress } from "../compose.ts";
import { openRules } from "../compose/rules.ts";
import { loadConfig } from "../config/load.ts";
import { ADAPTERS } from "../config/registries.ts";
import type { Config } from "../config/schema.ts";
import { systemClock } from "../lib/clock.ts";
import { ERROR_CODES, SagewatchError } from "../model/errors.ts";
import { createGathering } from "../ops/gather.ts";
import { createLog } from "../ops/log.ts";
import { createProgress, type ProgressLine } from "../ops/progress.ts";
import { renderSummary, toCount } from "../ops/summary.ts";
import { print, remark, type Terminal, widthOf } from "../ops/terminal.ts";
import { printAlerts } from "./alerts/print.ts";
import { quieter } from "./alerts/state.ts";
import type { AlertFormat } from "./options.ts";
import { findRule, suggestRule } from "./rules/find.ts";

export type ReplayCommand = {
  readonly paths: readonly string[];
  readonly rules?: readonly string[];
  readonly strict?: true;
  readonly config?: string;
  /** ms */
  readonly lateness?: number;
  readonly format: AlertFormat;
  readonly json?: true;
  readonly nearMisses?: number;
  readonly tz: string;
};

/** Runs the replay; 3 when something of the input could not be read. Errors: config_*, rules_rejected, not_found, input_unreadable. */
export async function runReplay(options: ReplayCommand, terminal: Terminal): Promise<number> {
  const { config } = loadConfig({ path: options.config, adapters: ADAPTERS, secrets: "unread" });
  const rulePaths = options.rules === undefined ? null : toRulePaths(options.rules, config);
  if (options.nearMisses !== undefined)
    return runNearMisses({ ...options, rulePaths, most: options.nearMisses }, terminal);
  const progress = createProgress(terminal.stderr, "reading", systemClock);
  try {
    const { alerts, pointers, summary } = await composeReplay({
      config: options.strict === true ? { ...config, rules: { ...config.rules, strict: true } } : config,
      paths: options.paths,
      rulePaths,
      latenessMs: options.lateness ?? null,
      emit: createGathering(
        createLog({ level: quieter(config), stream: toLogStream(progress, terminal) }),
        systemClock,
      ),
      signal: terminal.signal,
      onProgress: (now) => progress.show(shareOf(now), describeProgress(now)),
    });
    progress.end();
    const form = {
      format: options.json === true ? "ndjson" : options.format,
      zone: options.tz,
      isFirst: () => true,
      pointersOf: () => pointers,
    };
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

type NearMissCommand = Pick<ReplayCommand, "paths" | "config" | "format" | "json" | "tz"> & {
  readonly rulePaths: readonly string[] | null;
  readonly most: number;
};

/** Prints what nearly fired. Errors: usage without rules or in a form that it has not; those of the replay. */
async function runNearMisses(options: NearMissCommand, terminal: Terminal): Promise<number> {
  const { rulePaths, most, paths } = options;
  if (rulePaths === null)
    throw new SagewatchError("usage", "replay: --near-misses asks for the rules: name them with --rules");
  if (options.format === "ocsf")
    throw new SagewatchError("usage", "replay: --near-misses gives text or --json, not ocsf");
  const { config } = loadConfig({ path: options.config, adapters: ADAPTERS, secrets: "unread" });
  const progress = createProgress(terminal.stderr, "reading", systemClock);
  let rejected = 0;
  try {
    const { searchNearMisses } = await import("./near-misses/search.ts");
    const found = await searchNearMisses({
      config,
      paths,
      rulePaths,
      most,
      signal: terminal.signal,
      onRejected: () => void (rejected += 1),
      onProgress: (records) => progress.show(null, `${toCount(records)} records`),
    });
    progress.end();
    const { encodeNearMisses, renderNearMisses } = await import("./near-misses/text.ts");
    const isJson = options.json === true || options.format === "ndjson";
    const text = renderNearMisses(found, { width: widthOf(terminal.stdout), zone: options.tz });
    await print(terminal, isJson ? encodeNearMisses(found) : text);
    if (terminal.signal.aborted) remark(terminal, "Stopped before the end: this is of the part that was read.");
    if (rejected > 0) remark(terminal, `${toCount(rejected)} records could not be evaluated and are not among these.`);
    return 0;
  } finally {
    progress.end();
  }
}

/** Paths as they are; what is no path but names a configured rule stands for the file of that rule. Errors: not_found. */
function toRulePaths(wanted: readonly string[], config: Config): readonly string[] {
  if (wanted.every((path) => existsSync(path))) return wanted;
  const { ruleSet } = openRules(config, null, () => undefined);
  return wanted.map((path) => {
    if (existsSync(path)) return path;
    const rule = findRule(path, ruleSet);
    if (rule !== null) return rule.place.file;
    throw new SagewatchError(
      "not_found",
      `replay: --rules ${path} is no file or folder, and no configured rule is called so; ${suggestRule(path, ruleSet)}`,
    );
  });
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
