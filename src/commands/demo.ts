/**
 * `sagewatch demo`: the daemon's real pipeline over a simulated day, and what it found against what was planted.
 *
 * File source, SQLite store on disk, console and NDJSON file sinks run as they do in the daemon: the console sink writes a
 * line an alert while the run goes on; the table at the end is made from the store, as `alerts list` does. Everything lies
 * in one temporary folder: at the end only the alert file (and the answers) stay, and are named; stopped half-way, nothing
 * stays. Touches no state of a daemon.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { composeRun, type RunSummary } from "../compose.ts";
import { parseConfig } from "../config/load.ts";
import { ADAPTERS } from "../config/registries.ts";
import type { Config } from "../config/schema.ts";
import type { Sink } from "../contracts.ts";
import { systemClock } from "../lib/clock.ts";
import { createGathering } from "../ops/gather.ts";
import { createLog } from "../ops/log.ts";
import { createProgress, type ProgressLine } from "../ops/progress.ts";
import { toCount } from "../ops/summary.ts";
import type { Terminal } from "../ops/terminal.ts";
import type { Answers } from "../simulate/answers.ts";
import { openViews } from "../store/views.ts";
import { printReport, type Report, SHOWN_ALERTS, SHOWN_QUARANTINED } from "./demo-report.ts";
import { describeProgress, shareOf, toLogStream } from "./replay.ts";
import { runSimulate } from "./simulate.ts";

export type DemoCommand = {
  readonly paths: readonly string[];
  readonly seed: number;
  readonly records: number;
  readonly tz: string;
};

const CONSOLE = "console";

/** Runs the demo. Errors: not_found for a path that does not exist, and those of composeRun. */
export async function runDemo(options: DemoCommand, terminal: Terminal): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "sagewatch-demo-"));
  const remove = (...names: readonly string[]): void =>
    names.forEach((name) => rmSync(join(folder, name), { recursive: true, force: true }));
  let isKept = false;
  try {
    const answers = options.paths.length > 0 ? null : await makeDay(join(folder, "input"), options, terminal);
    const paths = answers === null ? options.paths : [join(folder, "input", "AWSLogs")];
    const config = makeConfig({ folder, paths, answers, tz: options.tz });
    const summary = await runPipeline(config, terminal);
    if (terminal.signal.aborted) return 0;
    const state = readState(config);
    await printReport({ zone: options.tz, config, summary, ...state, answers, folder }, terminal);
    isKept = answers !== null || state.alerts.length > 0;
    return 0;
  } finally {
    if (isKept) remove("state", "input/AWSLogs");
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

type Wanted = {
  readonly folder: string;
  readonly paths: readonly string[];
  readonly answers: Answers | null;
  readonly tz: string;
};

/** The configuration that a user would write for this, with every other key at its default. */
function makeConfig({ folder, paths, answers, tz }: Wanted): Config {
  const accounts = Object.fromEntries(
    (answers?.accounts ?? []).map(({ id, name, env, owner }) => [id, { name, env, owner }]),
  );
  const wanted = {
    state: { dir: join(folder, "state") },
    sources: [{ type: "file", name: "demo", paths, mode: "once" }],
    sinks: [
      { type: "console", name: CONSOLE, format: "brief", tz },
      { type: "file", name: "alerts", path: join(folder, "alerts.ndjson") },
    ],
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
      emit: createGathering(
        createLog({ level: config.log.level, stream: toLogStream(progress, terminal) }),
        systemClock,
      ),
      signal: terminal.signal,
      onProgress: (now) => progress.show(shareOf(now), describeProgress(now)),
      wraps: { sink: (sink) => (sink.name === CONSOLE ? besideProgress(sink, progress, terminal) : sink) },
    });
  } finally {
    progress.end();
  }
}

/**
 * The console sink under a heading and without tearing the progress line. What is beyond the alerts that the table will show,
 * or comes when the run is being stopped or its reader has left, it takes without writing: the alert file has every one.
 */
function besideProgress(sink: Sink, progress: ProgressLine, terminal: Terminal): Sink {
  let written = 0;
  const send: Sink["send"] = async (items, signal) => {
    const shown = terminal.signal.aborted ? [] : items.slice(0, SHOWN_ALERTS - written);
    if (shown.length > 0) {
      progress.clear();
      if (written === 0) terminal.stdout.write("Found so far\n");
      written += shown.length;
      await sink.send(shown, signal);
      if (written === SHOWN_ALERTS) terminal.stdout.write("… whatever else is found stands in the alert file\n");
    }
    return items.map(() => ({ status: "accepted" }));
  };
  return { ...sink, send };
}

/** Every alert of the run, the oldest first, and the first records that could not be evaluated. */
function readState(config: Config): Pick<Report, "alerts" | "quarantined"> {
  const views = openViews(config.state.dir);
  try {
    return {
      alerts: views.alerts({}).toReversed(),
      quarantined: views.quarantine({ limit: SHOWN_QUARANTINED }),
    };
  } finally {
    views.close();
  }
}
