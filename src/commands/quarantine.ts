/**
 * `sagewatch quarantine list`, `show` and `replay`: records that could not be evaluated.
 *
 * Listing and showing only read. Replaying changes state, so it goes through the daemon's socket when a daemon runs; else
 * it takes the state folder itself, as a daemon would.
 */
import { join } from "node:path";
import { loadConfig } from "../config/load.ts";
import { ADAPTERS } from "../config/registries.ts";
import type { QuarantineRow } from "../contracts.ts";
import { systemClock, toUtcText } from "../lib/clock.ts";
import { formatSize } from "../lib/duration.ts";
import { ownValue } from "../lib/json.ts";
import { safeJson, safeLine, safeText } from "../lib/safe-text.ts";
import { renderColumns } from "../lib/text-table.ts";
import { SagewatchError } from "../model/errors.ts";
import { REASONS } from "../model/event.ts";
import { callControl, CONTROL_SOCKET, QUARANTINE_REPLAY } from "../ops/control.ts";
import { createGathering } from "../ops/gather.ts";
import { createLog } from "../ops/log.ts";
import { print, printRecord, remark, type Terminal, widthOf } from "../ops/terminal.ts";
import { quieter, type StateOptions, withViews } from "./alerts/state.ts";

export type ListQuarantine = StateOptions & {
  readonly reason?: string;
  readonly limit: number;
  readonly format: "table" | "ndjson";
};
export type ShowQuarantined = StateOptions & { readonly id: number; readonly raw?: true };
export type ReplayQuarantine = StateOptions & { readonly ids: readonly string[]; readonly all?: true };

/** Bytes of a record that `show` prints; `--raw` prints all. */
const SHOWN_BYTES = 64 * 1024;
const TITLES = ["ID", "TIME", "REASON", "SIZE", "TRIES", "WHERE", "DETAIL"] as const;
/** Columns that may be cut, and to how little. */
const FLOORS = { WHERE: 20, DETAIL: 20 };

/** Prints the rows of the quarantine, the newest first. */
export async function listQuarantine(options: ListQuarantine, terminal: Terminal): Promise<number> {
  return withViews(options, async (views) => {
    const rows = views.quarantine({
      limit: options.limit + 1,
      newest: true,
      ...(options.reason === undefined ? {} : { reason: options.reason }),
    });
    const shown = rows.slice(0, options.limit);
    if (options.format === "ndjson")
      await print(terminal, shown.map((row) => `${safeJson(JSON.stringify(toLine(row)))}\n`).join(""));
    else if (shown.length === 0) remark(terminal, "The quarantine is empty.");
    else await print(terminal, renderRows(shown, widthOf(terminal.stdout)));
    if (rows.length > shown.length) remark(terminal, `These are the newest ${shown.length}; there are more (--limit).`);
    return 0;
  });
}

/** Prints one record and why it is here. Errors: not_found. */
export async function showQuarantined({ id, raw, ...state }: ShowQuarantined, terminal: Terminal): Promise<number> {
  return withViews(state, async (views) => {
    const row = views.quarantined(id);
    if (row === null) throw new SagewatchError("not_found", `there is no record ${id} in quarantine`);
    const record = row.record ?? null;
    if (raw === true) {
      if (record === null)
        throw new SagewatchError(
          "not_found",
          `record ${id} was too large to keep: read ${row.path}, record ${row.index}`,
        );
      await printRecord(terminal, record);
      return 0;
    }
    const head = [
      ["record", `${row.id}, ${formatSize(row.sizeBytes)}, sha256 ${row.sha256}`],
      [
        "reason",
        `${row.reason}: ${Object.hasOwn(REASONS, row.reason) ? REASONS[row.reason as keyof typeof REASONS] : ""}`,
      ],
      ["detail", row.detail],
      ["read from", `${row.path}, record ${row.index}, by source ${row.source}`],
      ["since", `${toUtcText(row.atMs)}, replayed ${row.tries} ${row.tries === 1 ? "time" : "times"}`],
    ].map(([name = "", text = ""]) => `${name.padEnd(10)} ${safeLine(text)}\n`);
    await print(terminal, `${head.join("")}\n${toShown(record)}\n`);
    return 0;
  });
}

/** Evaluates records again and prints what became of them. Errors: usage, not_found, store_locked, daemon_unreachable. */
export async function replayQuarantine(options: ReplayQuarantine, terminal: Terminal): Promise<number> {
  const ids = toIds(options);
  const loaded = loadConfig({ path: options.config, adapters: ADAPTERS });
  const state = { ...loaded.config.state, ...(options.state === undefined ? {} : { dir: options.state }) };
  const config = { ...loaded.config, state };
  await withViews({ state: config.state.dir }, async (views) => {
    const missing = ids === "all" ? undefined : ids.find((id) => views.quarantined(id) === null);
    if (missing !== undefined) throw new SagewatchError("not_found", `there is no record ${missing} in quarantine`);
  });
  const { composeQuarantineReplay } = await import("../compose.ts");
  const answer = await callControl(join(config.state.dir, CONTROL_SOCKET), QUARANTINE_REPLAY, { ids });
  const outcome: unknown =
    answer.status === "answered"
      ? answer.result
      : await composeQuarantineReplay({
          config,
          ids,
          emit: createGathering(createLog({ level: quieter(config), stream: terminal.stderr }), systemClock),
          signal: terminal.signal,
        });
  const count = (name: string): number => Number(ownValue(outcome, name) ?? 0);
  await print(
    terminal,
    `replayed ${count("replayed")}: ${count("evaluated")} evaluated, ${count("quarantinedAgain")} in quarantine again, ${count("alerts")} alerts\n`,
  );
  return 0;
}

function toIds({ ids, all }: ReplayQuarantine): readonly number[] | "all" {
  if (all === true && ids.length === 0) return "all";
  if (all === true || ids.length === 0)
    throw new SagewatchError("usage", "quarantine replay: name the records, or give --all");
  const wrong = ids.find((id) => !/^[1-9]\d{0,14}$/.test(id));
  if (wrong === undefined) return ids.map(Number);
  throw new SagewatchError("usage", `quarantine replay: ${JSON.stringify(wrong)} is no number of \`quarantine list\``);
}

function renderRows(rows: readonly QuarantineRow[], width: number): string {
  const cells = rows.map((row) =>
    [
      String(row.id),
      toUtcText(row.atMs),
      row.reason,
      formatSize(row.sizeBytes),
      String(row.tries),
      `${row.path}#${row.index}`,
      row.detail,
    ].map(safeLine),
  );
  return renderColumns(TITLES, cells, { floors: FLOORS, width });
}

/** All but the bytes. */
function toLine({ record: _bytes, atMs, ...row }: QuarantineRow): Readonly<Record<string, unknown>> {
  return { ...row, at: toUtcText(atMs) };
}

function toShown(record: Uint8Array | null): string {
  if (record === null) return "(too large to keep; read it where it came from)";
  const text = safeText(new TextDecoder().decode(record.subarray(0, SHOWN_BYTES)));
  return record.length > SHOWN_BYTES ? `${text}\n… ${record.length - SHOWN_BYTES} more bytes (--raw)` : text;
}
