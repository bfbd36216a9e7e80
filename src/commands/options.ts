/**
 * Options that several commands take, and their values, parsed with a message that says what would be right.
 */
import { InvalidArgumentError, Option } from "commander";
import { formatDuration, parseDuration } from "../lib/duration.ts";
import type { Terminal } from "../ops/terminal.ts";

/** How the command is called in what is printed: from a checkout, or installed. */
export const COMMAND: string = import.meta.url.endsWith(".ts") ? "bin/sagewatch" : "sagewatch";

/** What an action gets beside its options: where to write, and how to say its exit code. */
export type Call = { readonly terminal: Terminal; readonly done: (exitCode: number) => void };

/** ms of "30m". */
export function toDurationOption(text: string): number {
  const durationMs = parseDuration(text);
  if (durationMs === null) throw new InvalidArgumentError('Write a duration such as "30m" or "1h30m".');
  return durationMs;
}

/** A whole number of at least `least`. */
export function toCountOption(least: number, most: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (count >= least && count <= most) return count;
    throw new InvalidArgumentError(
      `Write a whole number of ${least} or more${most < Number.MAX_SAFE_INTEGER ? `, at most ${most}` : ""}.`,
    );
  };
}

/** Epoch ms of an RFC 3339 time or date, or of a time ago such as "24h". */
export function toTimeOption(nowMs: number): (text: string) => number {
  return (text) => {
    const agoMs = parseDuration(text);
    if (agoMs !== null) return nowMs - agoMs;
    const timeMs = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/.test(text)
      ? Date.parse(text)
      : Number.NaN;
    if (!Number.isNaN(timeMs)) return timeMs;
    throw new InvalidArgumentError(
      `Write a time such as 2026-03-10T08:00:00Z or 2026-03-10, or how long ago, such as ${formatDuration(86_400_000)}.`,
    );
  };
}

/** A zone of the IANA database. */
export function toZoneOption(text: string): string {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: text }).resolvedOptions().timeZone;
  } catch {
    throw new InvalidArgumentError("Write an IANA time zone such as Europe/Berlin or UTC.");
  }
}

/** Adds a value to those given before: for options that may be repeated. */
export function collect(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}

/** Formats in which alerts are printed. */
export const ALERT_FORMATS = ["table", "ndjson", "ocsf"] as const;
export type AlertFormat = (typeof ALERT_FORMATS)[number];

/** The option --format of commands that print alerts. */
export function formatOption(): Option {
  return new Option(
    "--format <form>",
    "table for people; ndjson: one native object a line; ocsf: one Detection Finding a line",
  )
    .choices([...ALERT_FORMATS])
    .default("table");
}

/** The option --tz of commands that print tables. */
export function zoneOption(): Option {
  return new Option("--tz <zone>", "time zone of tables, such as Europe/Berlin (JSON is always UTC)")
    .argParser(toZoneOption)
    .default("UTC");
}

const CONFIG_HELP = "configuration file; else $SAGEWATCH_CONFIG, ./sagewatch.yml, /etc/sagewatch/sagewatch.yml";

/** The option --config. */
export function configOption(): Option {
  return new Option("--config <file>", CONFIG_HELP);
}

/** The option --state of commands that look at what a daemon made. */
export function stateOption(): Option {
  return new Option("--state <dir>", "state folder; else state.dir of the configuration");
}

/** A path as a shell takes it. */
export function toShellWord(path: string): string {
  return /^[\w./~+@:-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
