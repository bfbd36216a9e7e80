/**
 * `sagewatch alerts list`: the alerts of a state folder that pass the filters, beside a running daemon or without one.
 *
 * Reads only. A list that is cut says so; an empty one says which filter may be a slip.
 */
import { openRules } from "../../compose/rules.ts";
import { loadConfig } from "../../config/load.ts";
import { ADAPTERS } from "../../config/registries.ts";
import type { AlertFilter, Views } from "../../contracts.ts";
import { safeLine } from "../../lib/safe-text.ts";
import { type Alert, SEVERITIES, type Severity } from "../../model/alert.ts";
import { remark, type Terminal } from "../../ops/terminal.ts";
import type { AlertFormat } from "../options.ts";
import { findRule, suggestRule } from "../rules/find.ts";
import { printAlerts } from "./print.ts";
import { type StateOptions, withViews } from "./state.ts";

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;

/** Orders of the list. */
export const ALERT_SORTS = ["newest", "oldest", "severity"] as const;

export type ListAlerts = StateOptions & {
  /** Epoch ms, of the last event: from `since` on, and before `until`. */
  readonly since?: number;
  readonly until?: number;
  readonly rule?: string;
  /** At least. */
  readonly severity?: Severity;
  readonly principal?: string;
  readonly account?: string;
  readonly sort: (typeof ALERT_SORTS)[number];
  readonly limit: number;
  readonly format: AlertFormat;
  readonly json?: true;
  readonly tz: string;
};

/** Prints the alerts that pass the filters. Errors: not_found, store_*, config_*. */
export async function listAlerts(options: ListAlerts, terminal: Terminal): Promise<number> {
  return withViews(options, async (views) => {
    const rule = options.rule === undefined ? null : toRule(options.rule, options.config);
    const found = choose(views, toFilter(options, rule?.id), options);
    const shown = found.slice(0, options.limit);
    if (found.length === 0) remarkOdd(options, rule?.hint, terminal);
    const format = options.json === true ? "ndjson" : options.format;
    const pointersOf: Views["pointers"] = (ids) => views.pointers(ids);
    const isFirst = ({ revision }: Alert): boolean => revision === 1;
    await printAlerts(shown, { format, zone: options.tz, isFirst, pointersOf }, terminal);
    if (found.length > shown.length) {
      const which = { newest: "newest", oldest: "oldest", severity: "most severe" }[options.sort];
      remark(terminal, `These are the ${which} ${shown.length}; there are more (--limit).`);
    }
    return 0;
  });
}

/** The alerts in the order asked for, one more than the limit where there are more. Each severity is asked for by itself. */
function choose(views: Views, filter: AlertFilter, { severity, sort, limit }: ListAlerts): readonly Alert[] {
  const least = severity === undefined ? 0 : SEVERITIES.indexOf(severity);
  const wanted = SEVERITIES.slice(least).toReversed();
  const order = sort === "oldest" ? { oldest: true as const } : {};
  if (sort !== "severity" && least === 0) return views.alerts({ ...filter, ...order, limit: limit + 1 });
  const found: Alert[] = [];
  for (const level of wanted) {
    if (sort === "severity" && found.length > limit) break;
    found.push(...views.alerts({ ...filter, ...order, severity: level, limit: limit + 1 }));
  }
  const sign = sort === "oldest" ? 1 : -1;
  if (sort !== "severity")
    found.sort((a, b) => sign * (Date.parse(a.lastEventTime) - Date.parse(b.lastEventTime)) || (a.id < b.id ? -1 : 1));
  return found.slice(0, limit + 1);
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
function remarkOdd(options: ListAlerts, hint: string | undefined, terminal: Terminal): void {
  const { rule, principal, account, since, until } = options;
  if (since !== undefined && until !== undefined && since >= until)
    remark(terminal, "--since is not before --until, so no alert can lie between");
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

function toFilter({ since, until, principal, account }: ListAlerts, rule: string | undefined): AlertFilter {
  return {
    ...(since === undefined ? {} : { fromMs: since }),
    ...(until === undefined ? {} : { toMs: until }),
    ...(rule === undefined ? {} : { ruleId: rule }),
    ...(principal === undefined ? {} : { principal }),
    ...(account === undefined ? {} : { accountId: account }),
  };
}
