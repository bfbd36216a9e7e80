/**
 * Commands that start something: run, doctor, replay, demo, simulate, init, config and version, with their options and help.
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
} from "../options.ts";
import type { DemoCommand } from "../demo.ts";
import type { Doctor } from "../doctor/doctor.ts";
import type { ReplayCommand } from "../replay.ts";
import type { SimulateOptions } from "../simulate.ts";
import { withMore } from "./help.ts";

/** Adds the commands. */
export function addRunCommands(program: Command, call: Call): void {
  addDaemon(program, call);
  addDoctor(program, call);
  addReplay(program, call);
  addDemo(program, call);
  addSimulate(program, call);
  addSetUp(program, call);
}

function addDaemon(program: Command, { terminal, done }: Call): void {
  const command = program
    .command("run")
    .summary("watch: read the configured sources, deliver alerts to the configured sinks")
    .description(
      "Watches until it is stopped, or until every source that reads `once` has ended.\n\nSIGTERM and SIGINT drain: what is in flight is committed and delivered, in under 25 s, and the exit code is 0. What was not delivered waits in the state folder for the next start.",
    )
    .addOption(configOption())
    .action(async (options: { config?: string }) =>
      done(await (await import("../run.ts")).runDaemon(options, terminal)),
    );
  withMore(command, {
    examples: [["sagewatch run --config /etc/sagewatch/sagewatch.yml", "the daemon, in the foreground"]],
    exits: [
      [0, "stopped and drained, or every source ended"],
      [2, "the configuration or a rule is wrong"],
      [3, "it cannot go on, or a part of the input could not be read; the message says what to do"],
    ],
  });
}

function addDoctor(program: Command, { terminal, done }: Call): void {
  const command = program
    .command("doctor")
    .summary("try what the configuration needs, and print the least that IAM has to allow")
    .description(
      "Tries the configuration, state folder, disk, rules and port, and of each source and sink what can be tried without an effect: no message is received, no alert is sent. Each line says what was done, and how to mend what failed; what could not be tried is named.\n\nWith --policy it calls nobody and prints one JSON object: `policy` for the identity that Sagewatch runs as, and for each role that it assumes a `policy` and a `trust`.",
    )
    .addOption(configOption())
    .option("--json", "the checks as one JSON object")
    .option("--policy", "no checks, but the least-privilege IAM policies of this configuration")
    .option("--principal <arn>", "with --policy: ARN of the identity that Sagewatch runs as, for the trust of roles")
    .action(async (options: Doctor) => done(await (await import("../doctor/doctor.ts")).runDoctor(options, terminal)));
  withMore(command, {
    examples: [
      ["sagewatch doctor --config new.yml", "before the daemon is started with it"],
      ["sagewatch doctor --policy | jq .policy > policy.json", "for aws iam put-role-policy"],
    ],
    exits: [
      [0, "nothing failed; some things may not have been tried"],
      [1, "something failed"],
      [2, "with --policy: the configuration is wrong"],
    ],
  });
}

function addReplay(program: Command, { terminal, done }: Call): void {
  const command = program
    .command("replay")
    .summary("run rules over files of the past and print the alerts")
    .description(
      "Reads CloudTrail and GuardDuty files (S3 delivery, NDJSON, arrays, EventBridge, LookupEvents; gzip or not) with the engine of the daemon: the same ids and contents as `run` over the same files. Touches no daemon state.\n\nThe alerts go to stdout, ordered by last event time; progress and a summary go to stderr.",
    )
    .argument("<path...>", "files, folders or globs")
    .option(
      "--rules <path>",
      "rule file or folder that takes the place of the configured rules, or a configured rule by its name; may be repeated",
      collect,
    )
    .option(
      "--near-misses <number>",
      "no alerts, but for each rule so many records or groups that came nearest to it, and what they lacked",
      toCountOption(1, 1000),
    )
    .option("--strict", "hold these rules to the strict checks of the shipped ones")
    .addOption(configOption())
    .option(
      "--lateness <duration>",
      "for files without a time in their name: how far records may be out of order, such as 30m",
      toDurationOption,
    )
    .addOption(formatOption())
    .option("--json", "as --format ndjson")
    .addOption(zoneOption())
    .action(async (paths: string[], options: Omit<ReplayCommand, "paths">) =>
      done(await (await import("../replay.ts")).runReplay({ ...options, paths }, terminal)),
    );
  withMore(command, {
    examples: [
      ["sagewatch replay ./AWSLogs", "the configured rules over a folder"],
      ["sagewatch replay --rules my-rule.yml --json ./AWSLogs > alerts.ndjson", "one rule, for other tools"],
      ["sagewatch replay --rules my-rule.yml --near-misses 5 ./AWSLogs", "what nearly fired, and why it did not"],
    ],
    exits: [
      [0, "done, with alerts or without"],
      [2, "a path does not exist, or the configuration or a rule is wrong"],
      [3, "a file could not be read; the alerts of the rest are printed"],
    ],
  });
}

function addDemo(program: Command, { terminal, done }: Call): void {
  const command = program
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
      done(await (await import("../demo.ts")).runDemo({ ...options, paths }, terminal)),
    );
  withMore(command, {
    examples: [
      ["sagewatch demo", "a simulated day"],
      ["sagewatch demo ./AWSLogs", "your own files"],
    ],
    exits: [
      [0, "done"],
      [2, "a path does not exist"],
      [3, "a file could not be read"],
    ],
  });
}

function addSimulate(program: Command, { terminal, done }: Call): void {
  const command = program
    .command("simulate")
    .summary("write CloudTrail delivery files with planted attacks and an answer file")
    .description(
      "Writes the CloudTrail files of a simulated company as an S3 bucket would hold them, and answers.json, which names the records of each planted attack. The same options give the same bytes.",
    )
    .requiredOption("--out <dir>", "folder to write into; must not hold an earlier run")
    .option("--seed <number>", "another number, another day", toCountOption(0), 1)
    .option("--attacks <list>", "all, none, or names with commas between them", "all")
    .option("--records <number>", "records beside the attacks", toCountOption(1), 200_000)
    .option("--start <time>", "start of the stream, on a full five minutes; else 2026-03-10T00:00:00Z")
    .option("--hours <number>", "length of the stream, 24 to 720", toCountOption(24, 720), 24)
    .action(async (options: SimulateOptions) =>
      done(await (await import("../set-up.ts")).simulateFiles(options, terminal)),
    );
  withMore(command, {
    examples: [
      ["sagewatch simulate --out sim --seed 7", "a day with every attack"],
      ["sagewatch simulate --out quiet --attacks none --hours 72", "three quiet days"],
    ],
    exits: [
      [0, "done"],
      [2, "an option is wrong, or the folder holds an earlier run"],
    ],
  });
}

function addSetUp(program: Command, { terminal, done }: Call): void {
  const init = program
    .command("init")
    .summary("write a commented starter configuration")
    .description("Writes a configuration that runs as it stands: it watches a folder and writes alerts to the screen.")
    .argument("[path]", "where to", "./sagewatch.yml")
    .option("--force", "replace a file that is there")
    .action(async (path: string, options: { force?: true }) =>
      done(await (await import("../set-up.ts")).writeStarter({ path, ...options }, terminal)),
    );
  withMore(init, {
    examples: [["sagewatch init && sagewatch run", "from nothing to a running daemon"]],
    exits: [
      [0, "done"],
      [2, "the file is there already, or cannot be written"],
    ],
  });
  const config = program.command("config").summary("look at the configuration");
  const print = config
    .command("print")
    .summary("print what runs: every default filled in, secrets as references")
    .description("Reads and checks the configuration as `run` does, and prints it whole. No secret is ever printed.")
    .addOption(configOption())
    .action(async (options: { config?: string }) =>
      done(await (await import("../set-up.ts")).printResolved(options, terminal)),
    );
  withMore(print, {
    examples: [["sagewatch config print --config new.yml > /dev/null", "check a configuration before it is used"]],
    exits: [
      [0, "the configuration is right"],
      [2, "it is not; every error is named"],
    ],
  });
  const version = program
    .command("version")
    .summary("print the versions of engine, canonical form and state schema")
    .description("Prints the versions by which states, rules and releases are told apart.")
    .option("--json", "as one JSON object")
    .action(async (options: { json?: true }) =>
      done(await (await import("../set-up.ts")).printVersion(options, terminal)),
    );
  withMore(version, { examples: [["sagewatch version --json", "for other tools"]], exits: [[0, "done"]] });
}
