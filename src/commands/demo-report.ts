/**
 * What the demo prints when its run is over: the table of alerts, planted against found, the summary, what to try next.
 */
import { basename, join } from "node:path";
import type { RunSummary } from "../compose.ts";
import { openRules } from "../compose/rules.ts";
import type { Config } from "../config/schema.ts";
import type { QuarantineRow } from "../contracts.ts";
import { renderTable } from "../encode/table.ts";
import { safeLine } from "../lib/safe-text.ts";
import { cutText, formatRow, renderColumns, textWidth } from "../lib/text-table.ts";
import type { Alert } from "../model/alert.ts";
import { renderSummary, toCount } from "../ops/summary.ts";
import { print, type Terminal, widthOf } from "../ops/terminal.ts";
import type { Answers } from "../simulate/answers.ts";
import { judge, type Judgement } from "../simulate/attacks/judge.ts";
import { COMMAND } from "./options.ts";
import { toRules } from "./rules/rules.ts";

/** Alerts shown; a folder of one's own may give thousands. */
export const SHOWN_ALERTS = 50;
/** Records shown that were not evaluated: enough to see what kind of trouble it is. */
export const SHOWN_QUARANTINED = 5;
const PLANTED_TITLES = ["PLANTED", "PRINCIPAL", "ACCOUNT", "RULES EXPECTED", "FOUND"] as const;
const PLANTED_FLOORS = { PLANTED: 20, PRINCIPAL: 16, ACCOUNT: 8, "RULES EXPECTED": 24, FOUND: 6 };

/** A finished run. `answers` null: over the user's own files. */
export type Report = {
  readonly zone: string;
  readonly config: Config;
  readonly summary: RunSummary;
  /** The oldest first. */
  readonly alerts: readonly Alert[];
  /** The first that were not evaluated, at most SHOWN_QUARANTINED. */
  readonly quarantined: readonly QuarantineRow[];
  readonly answers: Answers | null;
  /** Where the alert file and the answers are. */
  readonly folder: string;
};

/** Prints the report to stdout. */
export async function printReport({ answers, ...run }: Report, terminal: Terminal): Promise<void> {
  const { config, summary, alerts } = run;
  const width = widthOf(terminal.stdout);
  await print(terminal, `\n${renderAlerts(run, terminal)}\n`);
  if (answers !== null) {
    const rules = toRules(openRules(config, null, () => undefined).ruleSet);
    const fileOf = new Map(rules.map(({ id, place }) => [id, basename(place.file, ".yml")]));
    await print(terminal, `${renderJudgement(judge(answers.attacks, alerts, fileOf), width)}\n`);
  }
  await print(terminal, `${renderSummary(summary)}\n`);
  if (answers !== null && summary.repeated > 0)
    await print(
      terminal,
      "(repeated: the simulated delivery brings some records twice, as AWS may; each counts once)\n",
    );
  await print(terminal, renderQuarantined(run, width));
  await print(terminal, `\n${nextThings({ ...run, answers }, width)}`);
}

function renderAlerts({ alerts, zone }: Pick<Report, "alerts" | "zone">, { stdout }: Terminal): string {
  if (alerts.length === 0) return "No alerts.\n";
  const shown = alerts.slice(0, SHOWN_ALERTS);
  const table = renderTable(shown, { width: widthOf(stdout), zone, colour: stdout.hasColors?.() === true });
  const rest = alerts.length - shown.length;
  const count = `${toCount(alerts.length)} ${alerts.length === 1 ? "alert" : "alerts"}`;
  return `In all ${count}, the oldest first\n${table}${rest === 0 ? "" : `… and ${toCount(rest)} more in the alert file\n`}`;
}

/** Where and why; nothing when every record was evaluated. */
function renderQuarantined({ quarantined, summary }: Pick<Report, "quarantined" | "summary">, width: number): string {
  if (quarantined.length === 0) return "";
  const lines = quarantined.flatMap(({ path, index, reason, detail }) => [
    `  ${safeLine(path)} record ${index}`,
    cutText(safeLine(`    ${reason}: ${detail}`), width),
  ]);
  const rest = summary.quarantined - quarantined.length;
  const more = rest > 0 ? [`  … and ${toCount(rest)} more; \`run\` keeps each, for \`quarantine list\``] : [];
  return `\n${["Not evaluated", ...lines, ...more].join("\n")}\n`;
}

function renderJudgement({ verdicts, unplanned }: Judgement, width: number): string {
  const cells = verdicts.map(({ attack, found, missed }) =>
    [
      attack.title,
      attack.principal.split("/").at(-1) ?? "",
      attack.accountName,
      attack.expect.rules.join(", "),
      missed.length === 0 ? "yes" : found.length === 0 ? "NO" : `only ${found.join(", ")}`,
    ].map(safeLine),
  );
  const whole = verdicts.filter(({ missed }) => missed.length === 0).length;
  const total = `${whole} of ${verdicts.length} planted attacks found; ${toCount(unplanned.length)} alerts about anything else.\n`;
  return renderColumns(PLANTED_TITLES, cells, { floors: PLANTED_FLOORS, width }) + total;
}

/** Beside each other where the screen has room for it, else what it is for below. */
function nextThings(
  { folder, alerts, answers }: Pick<Report, "folder" | "alerts" | "answers">,
  screen: number,
): string {
  const when = (isSo: boolean, name: string, what: string): (readonly [string, string])[] =>
    isSo ? [[name, what]] : [];
  const rows = [
    ...when(alerts.length > 0, join(folder, "alerts.ndjson"), "every alert, one JSON object a line"),
    ...when(answers !== null, join(folder, "input", "answers.json"), "what was planted, record by record"),
    ...when(
      answers !== null,
      `${COMMAND} demo PATH`,
      "the same over your own CloudTrail files (nothing leaves this machine)",
    ),
    [`${COMMAND} replay --rules my-rule.yml PATH`, "a rule of your own over them; README.md has one to begin with"],
    [`${COMMAND} rules list`, "what is looked for"],
    [`${COMMAND} init`, "a commented configuration; then `run`"],
  ] as const;
  const width = Math.max(...rows.map(([name]) => textWidth(name)));
  const isWide = rows.every(([, what]) => textWidth(what) + width + 4 <= screen);
  const lines = rows.map(([name, what]) =>
    isWide ? `  ${formatRow([name, what], [width, textWidth(what)])}\n` : `  ${name}\n      ${what}\n`,
  );
  return `Next things to try\n${lines.join("")}`;
}
