/**
 * `sagewatch redrive`: what a sink refused for good, listed or sent again.
 *
 * Listing only reads. Sending again changes state: it goes through the daemon's socket when one runs, else it takes the
 * state folder itself, and the next run sends.
 */
import { join } from "node:path";
import { loadConfig, loadEngineVersion } from "../config/load.ts";
import { ADAPTERS } from "../config/registries.ts";
import type { DeadLetter, LetterChoice } from "../contracts.ts";
import { systemClock, toUtcText } from "../lib/clock.ts";
import { ownValue } from "../lib/json.ts";
import { safeLine } from "../lib/safe-text.ts";
import { renderColumns } from "../lib/text-table.ts";
import { SagewatchError } from "../model/errors.ts";
import { callControl, CONTROL_SOCKET, REDRIVE } from "../ops/control.ts";
import { print, remark, type Terminal, widthOf } from "../ops/terminal.ts";
import { openStore } from "../store/store.ts";
import { type StateOptions, withViews } from "./alerts/state.ts";

export type RedriveAlerts = StateOptions & {
  readonly alert?: string;
  readonly sink?: string;
  readonly all?: true;
  readonly list?: true;
};

const TITLES = ["TIME", "SINK", "CODE", "REVISION", "ALERT"] as const;

/** Lists or redrives. Errors: usage, not_found, store_locked, daemon_unreachable. */
export async function redriveAlerts(options: RedriveAlerts, terminal: Terminal): Promise<number> {
  const { alert, sink, all } = options;
  const isChosen = alert !== undefined || sink !== undefined || all === true;
  if (all === true && (alert !== undefined || sink !== undefined))
    throw new SagewatchError(
      "usage",
      "redrive: --all is for everything; leave it out, or leave out the alert and --sink",
    );
  const loaded = loadConfig({ path: options.config, adapters: ADAPTERS, secrets: "unread" });
  const dir = options.state ?? loaded.config.state.dir;
  const choice = await choose(options, dir);
  if (!isChosen || options.list === true) return list(choice, { state: dir }, terminal);
  const answer = await callControl(join(dir, CONTROL_SOCKET), REDRIVE, choice);
  const outcome: unknown =
    answer.status === "answered" ? answer.result : redriveHere(dir, loaded.config.updateEvery, choice);
  const count = (name: string): number => Number(ownValue(outcome, name) ?? 0);
  const when = answer.status === "answered" ? "now" : "with the next run";
  const others = count("superseded") === 0 ? "" : `; ${count("superseded")} have a later revision there already`;
  await print(terminal, `redriven ${count("redriven")}, sent ${when}${others}\n`);
  return 0;
}

/** The whole id of the alert that was named by its first characters. */
async function choose({ alert, sink }: RedriveAlerts, dir: string): Promise<LetterChoice> {
  return withViews({ state: dir }, async (views) => {
    const found = alert === undefined ? null : views.alert(alert);
    if (alert !== undefined && found === null)
      throw new SagewatchError("not_found", `there is no alert ${JSON.stringify(alert)}, or more than one begins so`);
    return { sink: sink ?? null, alertId: found?.alert.id ?? null };
  });
}

function redriveHere(dir: string, updateEveryMs: number, choice: LetterChoice): unknown {
  const store = openStore({ dir, clock: systemClock, engine: loadEngineVersion(), updateEveryMs });
  try {
    return store.redrive(choice, systemClock.nowMs());
  } finally {
    store.close();
  }
}

async function list(choice: LetterChoice, state: StateOptions, terminal: Terminal): Promise<number> {
  return withViews(state, async (views) => {
    const letters = views.deadLetters(choice);
    if (letters.length === 0) remark(terminal, "No sink refused anything that is still kept.");
    else await print(terminal, renderLetters(letters, widthOf(terminal.stdout)));
    return 0;
  });
}

function renderLetters(letters: readonly DeadLetter[], width: number): string {
  const cells = letters.map(({ atMs, sink, code, revision, alertId }) =>
    [toUtcText(atMs), sink, code, String(revision), alertId].map(safeLine),
  );
  return renderColumns(TITLES, cells, { width });
}
