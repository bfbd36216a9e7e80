/**
 * `sagewatch demo`: the daemon's real pipeline over a simulated day, and what it found against what was planted.
 *
 * File source, SQLite store on disk and the NDJSON file sink run as they do in the daemon; the table is printed at the end
 * from the store, as `alerts list` does. Everything lies in one temporary folder: at the end only the alert file (and
 * the answers) stay, and are named. Touches no state of a daemon.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { composeRun, type RunSummary } from "../compose.ts";
import { openRules } from "../compose/rules.ts";
import { parseConfig } from "../config/load.ts";
import { ADAPTERS } from "../config/registries.ts";
import type { Config } from "../config/schema.ts";
import { renderTable } from "../encode/table.ts";
import { systemClock } from "../lib/clock.ts";
import { safeLine } from "../lib/safe-text.ts";
import { fitColumns, formatRow, textWidth } from "../lib/text-table.ts";
import type { Alert } from "../model/alert.ts";
import { createGathering } from "../ops/gather.ts";
import { createLog } from "../ops/log.ts";
import { createProgress } from "../ops/progress.ts";
import { renderSummary, toCount } from "../ops/summary.ts";
import { print, type Terminal, widthOf } from "../ops/terminal.ts";
import type { Answers } from "../simulate/answers.ts";
import { judge, type Judgement } from "../simulate/attacks/judge.ts";
import { openViews } from "../store/views.ts";
import { describeProgress, shareOf } from "./replay.ts";
import { toRules } from "./rules/rules.ts";
import { runSimulate } from "./simulate.ts";

export type DemoCommand = {
  readonly paths: readonly string[];
  readonly seed: number;
  readonly records: number;
  readonly tz: string;
};

/** Alerts shown; a folder of one's own may give thousands. */
const SHOWN_ALERTS = 50;
const PLANTED_TITLES = ["PLANTED", "PRINCIPAL", "ACCOUNT", "RULES EXPECTED", "FOUND"] as const;
const PLANTED_FLOORS: readonly number[] = [20, 16, 8, 24, 6];

/** Runs the demo. Errors: not_found for a path that does not exist, and those of composeRun. */
export async function runDemo(options: DemoCommand, terminal: Terminal): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "sagewatch-demo-"));
  const remove = (...names: readonly string[]): void =>
    names.forEach((name) => rmSync(join(folder, name), { recursive: true, force: true }));
  let isDone = false;
  try {
    const answers = options.paths.length > 0 ? null : await makeDay(join(folder, "input"), options, terminal);
    const config = makeConfig(folder, answers === null ? options.paths : [join(folder, "input", "AWSLogs")], answers);
    const summary = await runPipeline(config, terminal);
    const alerts = readAlerts(config);
    if (terminal.signal.aborted) return 0;
    await report({ options, config, summary, alerts, answers, folder }, terminal);
    isDone = true;
    return 0;
  } finally {
    if (isDone) remove("state", "input/AWSLogs");
    else remove("");
  }
}

/** Writes the simulated day. */
async function makeDay(out: string, { seed, records }: DemoCommand, terminal: Terminal): Promise<Answers> {
  const progress = createProgress(terminal.stderr, "making a day of CloudTrail", systemClock);
  const begunMs = systemClock.monotonicMs();
  try {
    const { answers, sizeBytes } = await runSimulate({
      seed,
      records,
      out,
      signal: terminal.signal,
      onProgress: (done, total) => progress.show(done / total, `${toCount(done)} records`),
    });
    const seconds = ((systemClock.monotonicMs() - begunMs) / 1000).toFixed(1);
    const size = `${(sizeBytes / 1024 / 1024).toFixed(0)} MiB`;
    progress.end(
      `Made a day of ${answers.accounts.length} accounts: ${toCount(answers.records)} records in ${toCount(answers.files)} files (${size}), ${answers.attacks.length} attacks hidden in it. ${seconds} s`,
    );
    return answers;
  } finally {
    progress.end();
  }
}

/** The configuration that a user would write for this, with every other key at its default. */
function makeConfig(folder: string, paths: readonly string[], answers: Answers | null): Config {
  const accounts = Object.fromEntries(
    (answers?.accounts ?? []).map(({ id, name, env, owner }) => [id, { name, env, owner }]),
  );
  const wanted = {
    state: { dir: join(folder, "state") },
    sources: [{ type: "file", name: "demo", paths, mode: "once" }],
    sinks: [{ type: "file", name: "alerts", path: join(folder, "alerts.ndjson") }],
    accounts,
    log: { level: "warn" },
  };
  return parseConfig(JSON.stringify(wanted), { path: null, adapters: ADAPTERS }).config;
}

async function runPipeline(config: Config, terminal: Terminal): Promise<RunSummary> {
  const progress = createProgress(terminal.stderr, "watching", systemClock);
  try {
    return await composeRun({
      config,
      emit: createGathering(createLog({ level: config.log.level, stream: terminal.stderr }), systemClock),
      signal: terminal.signal,
      onProgress: (now) => progress.show(shareOf(now), describeProgress(now)),
    });
  } finally {
    progress.end();
  }
}

/** Every alert of the run, the oldest first. */
function readAlerts(config: Config): readonly Alert[] {
  const views = openViews(config.state.dir);
  try {
    return views.alerts({}).toReversed();
  } finally {
    views.close();
  }
}

type Report = {
  readonly options: DemoCommand;
  readonly config: Config;
  readonly summary: RunSummary;
  readonly alerts: readonly Alert[];
  readonly answers: Answers | null;
  readonly folder: string;
};

async function report(
  { options, config, summary, alerts, answers, folder }: Report,
  terminal: Terminal,
): Promise<void> {
  const width = widthOf(terminal.stdout);
  const rules = toRules(openRules(config, null, () => undefined).ruleSet);
  const shown = alerts.slice(0, SHOWN_ALERTS);
  const table =
    shown.length === 0
      ? "No alerts.\n"
      : renderTable(shown, { width, zone: options.tz, colour: terminal.stdout.hasColors?.() === true });
  const more =
    alerts.length > shown.length ? `… and ${toCount(alerts.length - shown.length)} more in the alert file\n` : "";
  await print(terminal, `\n${table}${more}\n`);
  if (answers !== null) {
    const fileOf = new Map(rules.map(({ id, place }) => [id, basename(place.file, ".yml")]));
    await print(terminal, `${renderJudgement(judge(answers.attacks, alerts, fileOf), width)}\n`);
  }
  await print(terminal, `${renderSummary(summary)}\n\n`);
  await print(terminal, nextThings(folder, answers !== null));
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
  const columns = PLANTED_TITLES.map((title, index) => {
    const want = Math.max(textWidth(title), ...cells.map((line) => textWidth(line[index] ?? "")));
    return { title, want, floor: PLANTED_FLOORS[index] ?? want };
  });
  const widths = fitColumns(columns, width);
  const whole = verdicts.filter(({ missed }) => missed.length === 0).length;
  const total = `${whole} of ${verdicts.length} planted attacks found; ${toCount(unplanned.length)} alerts about anything else.\n`;
  return [PLANTED_TITLES, ...cells].map((line) => `${formatRow(line, widths, width)}\n`).join("") + total;
}

function nextThings(folder: string, isSimulated: boolean): string {
  const command = import.meta.url.endsWith(".ts") ? "bin/sagewatch" : "sagewatch";
  const rows: readonly (readonly [string, string])[] = [
    [join(folder, "alerts.ndjson"), "every alert, one JSON object a line"],
    ...(isSimulated ? ([[join(folder, "input", "answers.json"), "what was planted, record by record"]] as const) : []),
    [`${command} demo PATH`, "the same over your own CloudTrail files (nothing leaves this machine)"],
    [`${command} replay --rules my-rule.yml PATH`, "a rule of your own over them"],
    [`${command} rules list`, "what is looked for"],
    [`${command} init`, "a commented configuration; then `run`"],
  ];
  const width = Math.max(...rows.map(([name]) => textWidth(name)));
  return `Next things to try\n${rows.map(([name, what]) => `  ${formatRow([name, what], [width, textWidth(what)])}\n`).join("")}`;
}
