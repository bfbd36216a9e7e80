/**
 * Alerts on stdout in the form asked for: for `alerts`, `replay` and whoever else has alerts in hand.
 */
import { loadEngineVersion } from "../../config/load.ts";
import type { Views } from "../../contracts.ts";
import { encodeNative } from "../../encode/native.ts";
import { encodeOcsf } from "../../encode/ocsf.ts";
import { renderTable } from "../../encode/table.ts";
import type { Alert } from "../../model/alert.ts";
import type { Pointer } from "../../model/event.ts";
import { print, remark, type Terminal, widthOf } from "../../ops/terminal.ts";
import type { AlertFormat } from "../options.ts";

/** Alerts a write: bounds the text held for a slow reader. */
const ALERTS_A_WRITE = 500;

/** How alerts are printed. `isFirst`: whether the receiver sees the alert for the first time (OCSF activity). */
export type PrintOptions = {
  readonly format: AlertFormat;
  readonly zone: string;
  isFirst(alert: Alert): boolean;
  readonly pointersOf: Views["pointers"];
};

/** Prints alerts to stdout. A table of none says so on stderr. */
export async function printAlerts(alerts: readonly Alert[], options: PrintOptions, terminal: Terminal): Promise<void> {
  if (options.format === "table") {
    if (alerts.length === 0) return remark(terminal, "No alerts.");
    return print(
      terminal,
      renderTable(alerts, {
        width: widthOf(terminal.stdout),
        zone: options.zone,
        colour: terminal.stdout.hasColors?.() === true,
      }),
    );
  }
  const version = loadEngineVersion();
  const encode = (alert: Alert, pointers: readonly Pointer[] = []): string =>
    options.format === "ocsf"
      ? encodeOcsf({ alert, opened: options.isFirst(alert), pointers }, version)
      : encodeNative(alert, { pointers });
  for (let from = 0; from < alerts.length; from += ALERTS_A_WRITE) {
    const part = alerts.slice(from, from + ALERTS_A_WRITE);
    const pointers = options.pointersOf(part.map(({ id }) => id));
    await print(terminal, part.map((alert) => `${encode(alert, pointers.get(alert.id))}\n`).join(""));
  }
}
