/**
 * `sagewatch rules reload`: asks the running daemon to read its rules again, and prints what that changed.
 *
 * The daemon that holds the state folder does it, in between two commits; without one there is nothing to reload. A set
 * with errors is refused: the daemon runs on with the one before it, and the errors are printed here.
 */
import { join } from "node:path";
import type { ReloadOutcome } from "../../compose/reload.ts";
import { loadConfig } from "../../config/load.ts";
import { ADAPTERS } from "../../config/registries.ts";
import { systemClock, toUtcText } from "../../lib/clock.ts";
import { formatDuration } from "../../lib/duration.ts";
import { safeJson, safeLine } from "../../lib/safe-text.ts";
import { SagewatchError } from "../../model/errors.ts";
import { callControl, CONTROL_SOCKET, RULES_RELOAD } from "../../ops/control.ts";
import { print, type Terminal } from "../../ops/terminal.ts";
import type { Change } from "../../rules/changes.ts";

export type ReloadRules = {
  readonly format: "text" | "json";
  readonly config?: string;
  readonly state?: string;
};

/** What a change of a rule means for its windows. */
const MEANS: Readonly<Record<Change, string>> = {
  meaning: "its meaning changed: its windows begin empty",
  returned: "its meaning changed: its windows begin with what is kept of that meaning, without what came meanwhile",
  timespan: "another timespan: its windows are kept and judged anew, its alerts have new ids",
  threshold: "another threshold: its windows are kept and judged anew",
  lists: "another list: records from now on meet it",
  text: "other words: its open alerts say them",
};

/** Reloads and prints; 1 when the daemon refused the rules. Errors: config_*, daemon_unreachable. */
export async function reloadRules(options: ReloadRules, terminal: Terminal): Promise<number> {
  const { config } = loadConfig({ path: options.config, adapters: ADAPTERS, secrets: "unread" });
  const dir = options.state ?? config.state.dir;
  const answer = await callControl(join(dir, CONTROL_SOCKET), RULES_RELOAD, {});
  if (answer.status === "absent") {
    throw new SagewatchError(
      "daemon_unreachable",
      `no daemon runs on the state folder ${dir}; rules are read when one starts`,
    );
  }
  const outcome = answer.result as ReloadOutcome;
  const text = options.format === "json" ? `${safeJson(JSON.stringify(outcome))}\n` : toText(outcome);
  await print(terminal, text);
  return outcome.status === "rejected" ? 1 : 0;
}

function toText(outcome: ReloadOutcome): string {
  if (outcome.status === "rejected")
    return lines(["refused: the daemon runs on with the rules that it had", ...outcome.errors]);
  const { status, hash, changes, restart, elapsedMs, pauseMs } = outcome;
  const { added, removed, changed, kept, warming } = changes;
  const nowMs = systemClock.nowMs();
  const needs = restart.length === 0 ? [] : [`needs a restart: ${restart.join(", ")} changed in the configuration`];
  if (status === "unchanged") return lines([`unchanged: the daemon has these rules (${hash.slice(0, 12)})`, ...needs]);
  return lines([
    ...added.map((rule) => `added    ${named(rule)}`),
    ...removed.map((rule) => `removed  ${named(rule)}`),
    ...changed.flatMap((rule) => rule.what.map((what) => `changed  ${named(rule)}: ${MEANS[what]}`)),
    ...warming.map(
      (rule) =>
        `warming  ${named(rule)}: its windows are whole in ${formatDuration(rule.timespanMs)}, at ${toUtcText(nowMs + rule.timespanMs)}`,
    ),
    `${added.length} added, ${removed.length} removed, ${changed.length} changed, ${kept} kept; ${Math.ceil(elapsedMs)} ms, the input paused for ${Math.ceil(pauseMs)} ms (${hash.slice(0, 12)})`,
    ...needs,
  ]);
}

function named({ id, title }: { readonly id: string; readonly title: string }): string {
  return id === title ? id : `${title} (${id})`;
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${safeLine(text)}\n`).join("");
}
