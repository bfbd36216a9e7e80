/**
 * Commands that look: rules, alerts and quarantine, with their options and help.
 *
 * Only words and options stand here; what a command does is in the file of its name, loaded when it is called. All but
 * `quarantine replay`, `redrive` and `rules reload` only read, beside a running daemon or without one.
 */
import { type Command, Option } from "commander";
import { systemClock } from "../lib/clock.ts";
import { SEVERITIES } from "../model/alert.ts";
import { REASONS } from "../model/event.ts";
import { type Call, collect, configOption, formatOption, toCountOption, toTimeOption, zoneOption } from "./options.ts";
import type { ListAlerts, ShowAlert } from "./alerts.ts";
import type { ListQuarantine, ReplayQuarantine, ShowQuarantined } from "./quarantine.ts";
import type { RedriveAlerts } from "./redrive.ts";
import type { ExplainRule } from "./rules/explain.ts";
import type { ProfileRules } from "./rules/profile.ts";
import type { CheckRules, ListRules } from "./rules/rules.ts";
import type { ReloadRules } from "./rules/reload.ts";
import type { RulesTestOptions } from "./rules/test.ts";

const LIST_LIMIT = 100;
const EXPLAIN_LIMIT = 10;

/** Adds the commands. */
export function addLookCommands(program: Command, call: Call): void {
  addRules(program, call);
  addAlerts(program, call);
  addQuarantine(program, call);
  addRedrive(program, call);
}

function stateOption(): Option {
  return new Option("--state <dir>", "state folder; else state.dir of the configuration");
}

function addRules(program: Command, { terminal, done }: Call): void {
  const rules = program.command("rules").summary("check, test, list, reload, explain and profile rules");
  rules
    .command("check")
    .summary("check rules: every error with file, line, column and remedy; exit code 1 when there are errors")
    .description(
      "Checks rule files and folders; without a path, the rules that come with Sagewatch. The shipped rules are held to the strict checks, others only with --strict.",
    )
    .argument("[path...]", "rule files and folders")
    .addOption(
      new Option("--format <form>", "text for people, json for tools").choices(["text", "json"]).default("text"),
    )
    .option("--strict", "hold these rules to the strict checks of the shipped ones")
    .addOption(configOption())
    .action(async (paths: string[], options: Omit<CheckRules, "paths">) =>
      done(await (await import("./rules/rules.ts")).checkRules({ ...options, paths }, terminal)),
    );
  rules
    .command("test")
    .summary("run the cases beside rules; exit code 1 when one fails")
    .description(
      "Runs each NAME.cases.json beside a rule through the engine itself; without a path, those of the rules that come with Sagewatch.",
    )
    .argument("[path...]", "rule files, case files and folders")
    .addOption(
      new Option("--format <form>", "text for people, junit for build servers")
        .choices(["text", "junit"])
        .default("text"),
    )
    .action(async (paths: string[], options: Omit<RulesTestOptions, "paths">) =>
      done(await (await import("./rules/rules.ts")).testRules({ ...options, paths }, terminal)),
    );
  rules
    .command("list")
    .summary("list the rules that `run` would use")
    .addOption(configOption())
    .addOption(
      new Option("--format <form>", "table, or one JSON object a line").choices(["table", "ndjson"]).default("table"),
    )
    .action(async (options: ListRules) => done(await (await import("./rules/rules.ts")).listRules(options, terminal)));
  addReload(rules, { terminal, done });
  addExplain(rules, { terminal, done });
  addProfile(rules, { terminal, done });
}

function addReload(rules: Command, { terminal, done }: Call): void {
  rules
    .command("reload")
    .summary("let the running daemon read its rules again, and say what changed; exit code 1 when it refused them")
    .description(
      "Asks the daemon that holds the state folder. It reads the configuration too and takes over `rules`, `lists`, `accounts` and `calendars`; other keys that changed are named. Windows are kept where a rule means the same. A set with errors changes nothing. Exit code 3 when no daemon runs.",
    )
    .addOption(
      new Option("--format <form>", "text for people, json for tools").choices(["text", "json"]).default("text"),
    )
    .addOption(configOption())
    .addOption(stateOption())
    .action(async (options: ReloadRules) =>
      done(await (await import("./rules/reload.ts")).reloadRules(options, terminal)),
    );
}

function addExplain(rules: Command, { terminal, done }: Call): void {
  rules
    .command("explain")
    .summary("why a rule matches an event or does not: each condition, and the value that was found")
    .description(
      "Tries a rule on the events of a file and tells each condition's verdict and what the event has there. Exit code 0 when an event matches, 1 when none does. A correlation is explained by the rules that it counts.",
    )
    .argument("<rule>", "a rule file, or the id, name, title or file name of a rule of the configuration")
    .argument("<event>", "a file of records, - for standard input, or with --in the id of an event")
    .option("--in <path>", "file or folder in which to find the event of that id; may be repeated", collect)
    .option("--rules <path>", "rules instead of the configured ones; may be repeated", collect)
    .option("--limit <number>", "explain at most so many events", toCountOption(1), EXPLAIN_LIMIT)
    .addOption(
      new Option("--format <form>", "text for people; json: one object a line")
        .choices(["text", "json"])
        .default("text"),
    )
    .addOption(configOption())
    .action(async (rule: string, event: string, options: Omit<ExplainRule, "rule" | "event">) =>
      done(await (await import("./rules/explain.ts")).explainRule({ ...options, rule, event }, terminal)),
    );
}

function addProfile(rules: Command, { terminal, done }: Call): void {
  rules
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
      done(await (await import("./rules/profile.ts")).profileRules({ ...options, paths }, terminal)),
    );
}

function addAlerts(program: Command, { terminal, done }: Call): void {
  const toTime = toTimeOption(systemClock.nowMs());
  const alerts = program.command("alerts").summary("look at the alerts that the daemon has made");
  alerts
    .command("list")
    .summary("list alerts, the newest first")
    .option("--from <time>", "last event at or after: 2026-03-10T08:00:00Z, 2026-03-10, or 24h for a day ago", toTime)
    .option("--to <time>", "last event before", toTime)
    .option("--rule <rule>", "of this rule: its id, name or title, or the name of its file, such as log-trail-off")
    .addOption(new Option("--severity <level>", "of this severity").choices([...SEVERITIES]))
    .option("--principal <id>", "of this principal: its name as tables and titles show it, or its whole ARN")
    .option("--account <id>", "of this account: its 12 digits")
    .option("--limit <number>", "at most so many", toCountOption(1), LIST_LIMIT)
    .addOption(formatOption())
    .addOption(zoneOption())
    .addOption(configOption())
    .addOption(stateOption())
    .action(async (options: ListAlerts) => done(await (await import("./alerts.ts")).listAlerts(options, terminal)));
  alerts
    .command("show")
    .summary("show one alert with its evidence and where its records were read")
    .argument("<id>", "alert id, or its first characters (at least 4)")
    .option("--raw", "print the kept records themselves, one a line, and nothing else")
    .addOption(formatOption())
    .addOption(zoneOption())
    .addOption(configOption())
    .addOption(stateOption())
    .action(async (id: string, options: Omit<ShowAlert, "id">) =>
      done(await (await import("./alerts.ts")).showAlert({ ...options, id }, terminal)),
    );
}

function addQuarantine(program: Command, { terminal, done }: Call): void {
  const quarantine = program
    .command("quarantine")
    .summary("look at records that could not be evaluated, and try them again");
  quarantine
    .command("list")
    .summary("list records in quarantine, the newest first")
    .addOption(new Option("--reason <code>", "with this reason").choices(Object.keys(REASONS)))
    .option("--limit <number>", "at most so many", toCountOption(1), LIST_LIMIT)
    .addOption(
      new Option("--format <form>", "table, or one JSON object a line").choices(["table", "ndjson"]).default("table"),
    )
    .addOption(configOption())
    .addOption(stateOption())
    .action(async (options: ListQuarantine) =>
      done(await (await import("./quarantine.ts")).listQuarantine(options, terminal)),
    );
  quarantine
    .command("show")
    .summary("show one record and why it is here")
    .argument("<id>", "number from `quarantine list`", toCountOption(1))
    .option("--raw", "print the record's bytes as they are, and nothing else")
    .addOption(configOption())
    .addOption(stateOption())
    .action(async (id: number, options: Omit<ShowQuarantined, "id">) =>
      done(await (await import("./quarantine.ts")).showQuarantined({ ...options, id }, terminal)),
    );
  quarantine
    .command("replay")
    .summary("evaluate records again, after a fix; what can be evaluated leaves the quarantine")
    .description(
      "Goes through the running daemon when there is one, else through the state folder itself. Replaying twice changes nothing: alerts have deterministic ids.",
    )
    .argument("[id...]", "numbers from `quarantine list`")
    .option("--all", "every record in quarantine")
    .addOption(configOption())
    .addOption(stateOption())
    .action(async (ids: string[], options: Omit<ReplayQuarantine, "ids">) =>
      done(await (await import("./quarantine.ts")).replayQuarantine({ ...options, ids }, terminal)),
    );
}

function addRedrive(program: Command, { terminal, done }: Call): void {
  program
    .command("redrive")
    .summary("send again what a sink refused, after a fix")
    .description(
      "Alerts that a sink refused for good are kept as dead letters. This puts them back: each is sent once more, in its last revision, unless that sink has a later one already. Goes through the running daemon when there is one, else through the state folder itself; the next run then sends.",
    )
    .argument("[alert]", "id of an alert; without one, give --sink or --all")
    .option("--sink <name>", "what this sink refused")
    .option("--all", "what any sink refused")
    .option("--list", "only list the dead letters, the newest first; the default without an argument")
    .addOption(configOption())
    .addOption(stateOption())
    .action(async (alert: string | undefined, options: Omit<RedriveAlerts, "alert">) =>
      done(
        await (
          await import("./redrive.ts")
        ).redriveAlerts({ ...options, ...(alert === undefined ? {} : { alert }) }, terminal),
      ),
    );
}
