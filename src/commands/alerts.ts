/**
 * `sagewatch alerts list` and `show`: the alerts of a state folder, beside a running daemon or without one. Reads only.
 */
import { openRules } from "../compose/rules.ts";
import { loadConfig, loadEngineVersion } from "../config/load.ts";
import { ADAPTERS } from "../config/registries.ts";
import type { Config } from "../config/schema.ts";
import type { AlertFilter, Views } from "../contracts.ts";
import { encodeNative } from "../encode/native.ts";
import { encodeOcsf } from "../encode/ocsf.ts";
import { renderAlert, renderTable } from "../encode/table.ts";
import { safeLine } from "../lib/safe-text.ts";
import type { Alert } from "../model/alert.ts";
import { SagewatchError } from "../model/errors.ts";
import type { Pointer } from "../model/event.ts";
import { print, printRecord, remark, type Terminal, widthOf } from "../ops/terminal.ts";
import { openViews, PREFIX_MIN } from "../store/views.ts";
import type { AlertFormat } from "./options.ts";
import { findRule, suggestRule } from "./rules/find.ts";

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;

/** Alerts a write: bounds the text held for a slow reader. */
const ALERTS_A_WRITE = 500;

/** How many alerts `show` names when an id begins several. */
const CANDIDATES = 5;

/** Where the state is: --state, else the configuration's. */
export type StateOptions = { readonly state?: string; readonly config?: string };

export type ListAlerts = StateOptions & {
  readonly from?: number;
  readonly to?: number;
  readonly rule?: string;
  readonly severity?: string;
  readonly principal?: string;
  readonly account?: string;
  readonly limit: number;
  readonly format: AlertFormat;
  readonly tz: string;
};
export type ShowAlert = StateOptions & {
  readonly id: string;
  readonly raw?: true;
  readonly format: AlertFormat;
  readonly tz: string;
};

/** The state folder that the options mean. */
export function stateDirOf({ state, config }: StateOptions): string {
  return state ?? loadConfig({ path: config, adapters: ADAPTERS, secrets: "unread" }).config.state.dir;
}

/** Runs `use` with the views of the state folder. Errors: not_found when there is no state, store_*. */
export async function withViews<T>(options: StateOptions, use: (views: Views) => Promise<T>): Promise<T> {
  const views = openViews(stateDirOf(options));
  try {
    return await use(views);
  } finally {
    views.close();
  }
}

/** Prints the alerts that pass the filters, the newest first. */
export async function listAlerts(options: ListAlerts, terminal: Terminal): Promise<number> {
  return withViews(options, async (views) => {
    const rule = options.rule === undefined ? null : toRule(options.rule, options.config);
    const alerts = views.alerts({ ...toFilter(options, rule?.id), limit: options.limit + 1 });
    const shown = alerts.slice(0, options.limit);
    if (alerts.length === 0) remarkOdd(options, rule?.hint, terminal);
    await printAlerts(
      shown,
      {
        format: options.format,
        zone: options.tz,
        isFirst: ({ revision }) => revision === 1,
        pointersOf: (ids) => views.pointers(ids),
      },
      terminal,
    );
    if (alerts.length > shown.length)
      remark(terminal, `These are the newest ${shown.length}; there are more (--limit).`);
    return 0;
  });
}

/** Prints one alert. Errors: not_found; usage where an id is too short or more than one begins so. */
export async function showAlert(options: ShowAlert, terminal: Terminal): Promise<number> {
  return withViews(options, async (views) => {
    const found = views.alert(options.id);
    if (found === null) throw toUnfound(options.id, views);
    const { alert, records } = found;
    if (options.raw === true) {
      const kept = records.flatMap(({ record }) => (record === null ? [] : [record]));
      for (const record of kept) await printRecord(terminal, Buffer.concat([record, Buffer.from("\n")]));
      if (kept.length < alert.eventCount) remark(terminal, `${kept.length} of ${alert.eventCount} records are kept.`);
    } else if (options.format === "ndjson") {
      const raw = records.flatMap(({ record }) => (record === null ? [] : [record]));
      await print(terminal, `${encodeNative(alert, { pointers: records.map(({ pointer }) => pointer), raw })}\n`);
    } else if (options.format === "ocsf") {
      await printAlerts(
        [alert],
        {
          format: "ocsf",
          zone: options.tz,
          isFirst: ({ revision }) => revision === 1,
          pointersOf: (ids) => views.pointers(ids),
        },
        terminal,
      );
    } else {
      const colour = terminal.stdout.hasColors?.() === true;
      const places = toPlaces(records.map(({ pointer }) => pointer));
      await print(terminal, renderAlert(alert, { width: widthOf(terminal.stdout), zone: options.tz, colour }));
      if (places !== "") await print(terminal, `\nread from\n${places}`);
    }
    return 0;
  });
}

/** Why no one alert is meant: too little was given, nothing begins so, or several do, which are then named. */
function toUnfound(id: string, views: Views): SagewatchError {
  const given = JSON.stringify(safeLine(id));
  if (id.length < PREFIX_MIN)
    return new SagewatchError(
      "usage",
      `alerts show: ${given} is too short: give ${PREFIX_MIN} characters or more of the id`,
    );
  const alike = views.alerts({ idPrefix: id, limit: CANDIDATES + 1 });
  if (alike.length === 0)
    return new SagewatchError(
      "not_found",
      `no alert has an id that begins with ${given}; \`sagewatch alerts list\` shows the ids that there are`,
    );
  const names = alike.slice(0, CANDIDATES).map((alert) => `\n  ${alert.id}  ${safeLine(alert.title)}`);
  const more = alike.length > CANDIDATES ? "\n  and others" : "";
  return new SagewatchError(
    "usage",
    `alerts show: more than one alert has an id that begins with ${given}; give more of it:${names.join("")}${more}`,
  );
}

/** The id of a rule that may be named otherwise. A rule that is configured no more is known by its id alone. */
function toRule(wanted: string, config: string | undefined): { readonly id: string; readonly hint?: string } {
  if (UUID.test(wanted)) return { id: wanted };
  const { ruleSet } = openRules(
    loadConfig({ path: config, adapters: ADAPTERS, secrets: "unread" }).config,
    null,
    () => undefined,
  );
  const found = findRule(wanted, ruleSet);
  return found === null ? { id: wanted, hint: suggestRule(wanted, ruleSet) } : { id: found.id };
}

/** Says what in the filters of an empty list may be a slip. */
function remarkOdd({ rule, principal, account }: ListAlerts, hint: string | undefined, terminal: Terminal): void {
  if (rule !== undefined && hint !== undefined)
    remark(terminal, `--rule: no configured rule is called ${safeLine(rule)}; ${hint}`);
  if (principal !== undefined)
    remark(
      terminal,
      `--principal: ${safeLine(principal)} must be a name as tables show it, such as role/NAME, or a whole ARN, in the same case`,
    );
  if (account !== undefined && !/^\d{12}$/.test(account))
    remark(terminal, `--account: an account id has 12 digits, and ${safeLine(account)} is none`);
}

function toFilter({ from, to, severity, principal, account }: ListAlerts, rule: string | undefined): AlertFilter {
  return {
    ...(from === undefined ? {} : { fromMs: from }),
    ...(to === undefined ? {} : { toMs: to }),
    ...(rule === undefined ? {} : { ruleId: rule }),
    ...(severity === undefined ? {} : { severity }),
    ...(principal === undefined ? {} : { principal }),
    ...(account === undefined ? {} : { accountId: account }),
  };
}

/** "  FILE record 2, 4, 6": a line a file, in the order of its first record here. */
function toPlaces(pointers: readonly Pointer[]): string {
  const files = Map.groupBy(pointers, ({ path }) => path);
  return [...files]
    .map(([path, found]) => `  ${safeLine(path)} record ${found.map(({ index }) => index).join(", ")}\n`)
    .join("");
}

/** Level of the log of commands that a person waits for: warnings, unless the configuration wants still less. */
export function quieter(config: Config): string {
  return ["error", "fatal", "silent"].includes(config.log.level) ? config.log.level : "warn";
}

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
