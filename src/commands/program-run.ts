/**
 * Commands that start something: run, replay, demo, simulate, init, config and version, with their options and help.
 *
 * Only words and options stand here; what a command does is in the file of its name, loaded when it is called.
 */
import type { Command } from "commander";
import {
  type Call,
  collect,
  configOption,
  formatOption,
  toCountOption,
  toDurationOption,
  zoneOption,
} from "./options.ts";
import type { DemoCommand } from "./demo.ts";
import type { ReplayCommand } from "./replay.ts";
import type { SimulateOptions } from "./simulate.ts";

/** Adds the commands. */
export function addRunCommands(program: Command, call: Call): void {
  addDaemon(program, call);
  addReplay(program, call);
  addDemo(program, call);
  addSimulate(program, call);
  addSetUp(program, call);
}

function addDaemon(program: Command, { terminal, done }: Call): void {
  program
    .command("run")
    .summary("watch: read the configured sources, deliver alerts to the configured sinks")
    .description(
      "Watches until it is stopped, or until every source that reads `once` has ended.\n\nSIGTERM and SIGINT drain: what is in flight is committed and delivered, in under 25 s, and the exit code is 0. What was not delivered waits in the state folder for the next start.",
    )
    .addOption(configOption())
    .action(async (options: { config?: string }) =>
      done(await (await import("./run.ts")).runDaemon(options, terminal)),
    );
}

function addReplay(program: Command, { terminal, done }: Call): void {
  program
    .command("replay")
    .summary("run rules over files of the past and print the alerts")
    .description(
      "Reads CloudTrail and GuardDuty files (S3 delivery, NDJSON, arrays, EventBridge, LookupEvents; gzip or not) with the engine of the daemon: the same ids and contents as `run` over the same files. Touches no daemon state.\n\nThe alerts go to stdout, ordered by last event time; progress and a summary go to stderr.",
    )
    .argument("<path...>", "files, folders or globs")
    .option(
      "--rules <path>",
      "rule file or folder that takes the place of the configured rules; may be repeated",
      collect,
    )
    .option("--strict", "hold these rules to the strict checks of the shipped ones")
    .addOption(configOption())
    .option(
      "--lateness <duration>",
      "for files without a time in their name: how far records may be out of order, such as 30m",
      toDurationOption,
    )
    .addOption(formatOption())
    .addOption(zoneOption())
    .addHelpText(
      "after",
      "\nExamples:\n  sagewatch replay ./AWSLogs\n  sagewatch replay --rules my-rule.yml --format ndjson ./AWSLogs > alerts.ndjson",
    )
    .action(async (paths: string[], options: Omit<ReplayCommand, "paths">) =>
      done(await (await import("./replay.ts")).runReplay({ ...options, paths }, terminal)),
    );
}

function addDemo(program: Command, { terminal, done }: Call): void {
  program
    .command("demo")
    .summary("see it work: a simulated company, planted attacks, the alerts")
    .description(
      "Makes a day of CloudTrail files of a simulated company with six planted attacks, runs the daemon's real pipeline over them and shows what was planted against what was found. With PATH: runs over your own files instead.\n\nEverything happens in a temporary folder; the alert file stays and is named at the end.",
    )
    .argument("[path...]", "your own files, folders or globs")
    .option("--seed <number>", "another number, another day", toCountOption(0), 1)
    .option(
      "--records <number>",
      "records of the simulated day, at least 20000",
      toCountOption(20_000, 10_000_000),
      200_000,
    )
    .addOption(zoneOption())
    .action(async (paths: string[], options: Omit<DemoCommand, "paths">) =>
      done(await (await import("./demo.ts")).runDemo({ ...options, paths }, terminal)),
    );
}

function addSimulate(program: Command, { terminal, done }: Call): void {
  program
    .command("simulate")
    .summary("write CloudTrail delivery files with planted attacks and an answer file")
    .requiredOption("--out <dir>", "folder to write into; must not hold an earlier run")
    .option("--seed <number>", "another number, another day", toCountOption(0), 1)
    .option("--attacks <list>", "all, none, or names with commas between them", "all")
    .option("--records <number>", "records beside the attacks", toCountOption(1), 200_000)
    .option("--start <time>", "start of the stream, on a full five minutes; else 2026-03-10T00:00:00Z")
    .option("--hours <number>", "length of the stream, 24 to 720", toCountOption(24, 720), 24)
    .action(async (options: SimulateOptions) =>
      done(await (await import("./set-up.ts")).simulateFiles(options, terminal)),
    );
}

function addSetUp(program: Command, { terminal, done }: Call): void {
  program
    .command("init")
    .summary("write a commented starter configuration")
    .argument("[path]", "where to", "./sagewatch.yml")
    .option("--force", "replace a file that is there")
    .action(async (path: string, options: { force?: true }) =>
      done(await (await import("./set-up.ts")).writeStarter({ path, ...options }, terminal)),
    );
  const config = program.command("config").summary("look at the configuration");
  config
    .command("print")
    .summary("print what runs: every default filled in, secrets as references")
    .addOption(configOption())
    .action(async (options: { config?: string }) =>
      done(await (await import("./set-up.ts")).printResolved(options, terminal)),
    );
  program
    .command("version")
    .summary("print the versions of engine, canonical form and state schema")
    .option("--json", "as one JSON object")
    .action(async (options: { json?: true }) =>
      done(await (await import("./set-up.ts")).printVersion(options, terminal)),
    );
}
