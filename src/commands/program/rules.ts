/**
 * The commands of `sagewatch rules`, with their options and help.
 *
 * Only words and options stand here; what a command does is in the file of its name, loaded when it is called. All but
 * `rules new` and `rules reload` only read, beside a running daemon or without one.
 */
import { type Command, Option } from "commander";
import { type Call, collect, configOption, stateOption, toCountOption } from "../options.ts";
import type { CoverRules } from "../rules/coverage.ts";
import type { ExplainRule } from "../rules/explain.ts";
import type { NewRule } from "../rules/new.ts";
import type { ProfileRules } from "../rules/profile.ts";
import type { ReloadRules } from "../rules/reload.ts";
import type { CheckRules, ListRules } from "../rules/rules.ts";
import type { TestRules } from "../rules/test-command.ts";
import { withMore } from "./help.ts";

const EXPLAIN_LIMIT = 10;

/** Adds the commands. */
export function addRulesCommands(program: Command, call: Call): void {
  const rules = program
    .command("rules")
    .summary("write, check, test, list, explain and measure rules, and see what they cover");
  addNew(rules, call);
  addCheck(rules, call);
  addTest(rules, call);
  addList(rules, call);
  addCoverage(rules, call);
  addExplain(rules, call);
  addProfile(rules, call);
  addReload(rules, call);
}

function formatOption(machine: string, people = "text"): Option {
  return new Option("--format <form>", `${people} for people, ${machine} for tools`)
    .choices([people, machine])
    .default(people);
}

function addNew(rules: Command, { terminal, done }: Call): void {
  const command = rules
    .command("new")
    .summary("write a new rule and its cases, ready to be filled in")
    .description(
      "Writes NAME.yml and NAME.cases.json with a fresh id and three cases in the shape of real CloudTrail records. Both pass `rules check --strict` and `rules test` as they are; comments say what to change. Files that are there are never replaced.",
    )
    .argument("<name>", "name of the files: small letters, digits and dashes, such as br-odd-region")
    .option("--dir <dir>", "folder to write into; made when it is missing", ".")
    .option("--correlation", "a rule that counts events in a time span, not one that fires on each")
    .action(async (name: string, options: Omit<NewRule, "name">) =>
      done(await (await import("../rules/new.ts")).writeRule({ ...options, name }, terminal)),
    );
  withMore(command, {
    examples: [
      ["sagewatch rules new br-odd-region --dir my-rules", "a rule that fires on single events"],
      ["sagewatch rules new sm-many-jobs --dir my-rules --correlation", "a rule that counts"],
    ],
    exits: [
      [0, "both files are written"],
      [2, "the name has another form, or a file of that name is there"],
    ],
  });
}

function addCheck(rules: Command, { terminal, done }: Call): void {
  const command = rules
    .command("check")
    .summary("find every error in rules, with file, line, column and what to do")
    .description(
      "Checks rule files and folders; without a path, the rules that come with Sagewatch. The shipped rules are held to the strict checks, others only with --strict.",
    )
    .argument("[path...]", "rule files and folders")
    .addOption(formatOption("json"))
    .option("--strict", "hold these rules to the strict checks of the shipped ones")
    .addOption(configOption())
    .action(async (paths: string[], options: Omit<CheckRules, "paths">) =>
      done(await (await import("../rules/rules.ts")).checkRules({ ...options, paths }, terminal)),
    );
  withMore(command, {
    examples: [["sagewatch rules check my-rules", "every rule below a folder"]],
    exits: [
      [0, "the rules would load; there may be warnings"],
      [1, "there are errors"],
      [2, "a path does not exist, or the configuration is wrong"],
      [3, "a file cannot be read"],
    ],
  });
}

function addTest(rules: Command, { terminal, done }: Call): void {
  const command = rules
    .command("test")
    .summary("run the cases beside rules")
    .description(
      "Runs each NAME.cases.json beside a rule through the engine itself; without a path, those of the rules that come with Sagewatch. Prints what fails, and why.",
    )
    .argument("[path...]", "rule files, case files and folders")
    .option("--watch", "run again what changed whenever a file changes, until Ctrl-C")
    .option("--junit <file>", "write a JUnit report for a build server too; - for standard output instead of the text")
    .addOption(
      new Option("--format <form>", "text for people; junit: as --junit -").choices(["text", "junit"]).default("text"),
    )
    .action(async (paths: string[], options: Omit<TestRules, "paths">) =>
      done(await (await import("../rules/test-command.ts")).testRules({ ...options, paths }, terminal)),
    );
  withMore(command, {
    examples: [
      ["sagewatch rules test my-rules", "all cases below a folder"],
      ["sagewatch rules test --watch my-rules/br-odd-region.yml", "while you write"],
      ["sagewatch rules test my-rules --junit report.xml", "in a build"],
    ],
    exits: [
      [0, "every case passed; with --watch: you stopped it"],
      [1, "a case failed or cannot be run"],
      [2, "a path does not exist, or the report cannot be written"],
      [3, "a file cannot be read"],
    ],
  });
}

function addList(rules: Command, { terminal, done }: Call): void {
  const command = rules
    .command("list")
    .summary("list the rules that `run` would use")
    .description("Lists the rules of the configuration, or those that come with Sagewatch where it names none.")
    .addOption(configOption())
    .addOption(
      new Option("--format <form>", "table, or one JSON object a line").choices(["table", "ndjson"]).default("table"),
    )
    .action(async (options: ListRules) => done(await (await import("../rules/rules.ts")).listRules(options, terminal)));
  withMore(command, {
    examples: [["sagewatch rules list --format ndjson | jq -r .title", "the titles alone"]],
    exits: [
      [0, "done"],
      [2, "the configuration is wrong, or a rule has errors"],
    ],
  });
}

function addCoverage(rules: Command, { terminal, done }: Call): void {
  const command = rules
    .command("coverage")
    .summary("what the rules cover of ATT&CK and ATLAS, and which data sources they need")
    .description(
      "Prints the techniques that rules name, tactic by tactic, and what must be switched on in AWS for each rule to see anything. With --out, writes layers for MITRE's ATT&CK Navigator and ATLAS Navigator too.",
    )
    .argument("[path...]", "rule files and folders instead of the configured rules")
    .option("--out <dir>", "write attack-layer.json and atlas-layer.json into this folder")
    .addOption(formatOption("json", "table"))
    .addOption(configOption())
    .action(async (paths: string[], options: Omit<CoverRules, "paths">) =>
      done(await (await import("../rules/coverage.ts")).coverRules({ ...options, paths }, terminal)),
    );
  withMore(command, {
    examples: [
      ["sagewatch rules coverage", "on the screen"],
      ["sagewatch rules coverage --out layers", "layers to open in the Navigators"],
    ],
    exits: [
      [0, "done; tags that name no known technique are told"],
      [2, "the configuration is wrong, a rule has errors, or the layers cannot be written"],
    ],
  });
}

function addExplain(rules: Command, { terminal, done }: Call): void {
  const command = rules
    .command("explain")
    .summary("why a rule matches an event or does not: each condition, and the value that was found")
    .description(
      "Tries a rule on the events of a file and tells each condition's verdict and what the event has there. A correlation is explained by the rules that it counts.",
    )
    .argument("<rule>", "a rule file, or the id, name, title or file name of a rule of the configuration")
    .argument("<event>", "a file of records, - for standard input, or with --in the id of an event")
    .option("--in <path>", "file or folder in which to find the event of that id; may be repeated", collect)
    .option("--rules <path>", "rules instead of the configured ones; may be repeated", collect)
    .option("--limit <number>", "explain at most so many events", toCountOption(1), EXPLAIN_LIMIT)
    .addOption(formatOption("json"))
    .addOption(configOption())
    .action(async (rule: string, event: string, options: Omit<ExplainRule, "rule" | "event">) =>
      done(await (await import("../rules/explain.ts")).explainRule({ ...options, rule, event }, terminal)),
    );
  withMore(command, {
    examples: [
      ["sagewatch rules explain log-trail-off records.json", "on each record of a file"],
      ["sagewatch rules explain my.yml 4a72bdbc-a3e0-437f-afdb-35b96ccb489d --in ./AWSLogs", "on one event"],
    ],
    exits: [
      [0, "an event matches"],
      [1, "none does"],
      [2, "there is no such rule, file or event"],
      [3, "a file cannot be read"],
    ],
  });
}

function addProfile(rules: Command, { terminal, done }: Call): void {
  const command = rules
    .command("profile")
    .summary("what each rule costs on your records, and which rules are tried on every record")
    .description(
      "Matches the records of files and prints each detection's time a record, its share, the records on which it was tried, and its matches. A rule without a witness (a value that a record must show before the rule is tried) is open: it is tried on every record of its log source.",
    )
    .argument("<path...>", "files, folders and globs of records, - for standard input")
    .option("--rules <path>", "rules instead of the configured ones; may be repeated", collect)
    .addOption(
      new Option("--format <form>", "table, or one JSON object a line").choices(["table", "ndjson"]).default("table"),
    )
    .addOption(configOption())
    .action(async (paths: string[], options: Omit<ProfileRules, "paths">) =>
      done(await (await import("../rules/profile.ts")).profileRules({ ...options, paths }, terminal)),
    );
  withMore(command, {
    examples: [["sagewatch rules profile ./AWSLogs --rules my-rules", "your rules on your records"]],
    exits: [
      [0, "done"],
      [2, "a path does not exist, or the configuration is wrong"],
      [3, "a file cannot be read"],
    ],
  });
}

function addReload(rules: Command, { terminal, done }: Call): void {
  const command = rules
    .command("reload")
    .summary("let the running daemon read its rules again, and say what changed")
    .description(
      "Asks the daemon that holds the state folder. It reads the configuration too and takes over `rules`, `lists`, `accounts` and `calendars`; other keys that changed are named. Windows are kept where a rule means the same. A set with errors changes nothing.",
    )
    .addOption(formatOption("json"))
    .addOption(configOption())
    .addOption(stateOption())
    .action(async (options: ReloadRules) =>
      done(await (await import("../rules/reload.ts")).reloadRules(options, terminal)),
    );
  withMore(command, {
    examples: [["sagewatch rules check my-rules && sagewatch rules reload", "after a change"]],
    exits: [
      [0, "the daemon runs what is on the disk now"],
      [1, "the daemon refused the set and runs what it ran"],
      [2, "the configuration is wrong"],
      [3, "no daemon runs"],
    ],
  });
}
