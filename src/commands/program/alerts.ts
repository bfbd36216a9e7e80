/**
 * Commands that look at what the daemon made: alerts, quarantine and dead letters, with their options and help.
 *
 * Only words and options stand here; what a command does is in the file of its name, loaded when it is called. All but
 * `quarantine replay` and `redrive` only read, beside a running daemon or without one.
 */
import { type Command, Option } from "commander";
import { systemClock } from "../../lib/clock.ts";
import { SEVERITIES } from "../../model/alert.ts";
import { REASONS } from "../../model/event.ts";
import { ALERT_SORTS, type ListAlerts } from "../alerts/list.ts";
import type { ShowAlert } from "../alerts/show.ts";
import {
  type Call,
  configOption,
  formatOption,
  stateOption,
  toCountOption,
  toTimeOption,
  zoneOption,
} from "../options.ts";
import type { Completeness } from "../completeness.ts";
import type { ListQuarantine, ReplayQuarantine, ShowQuarantined } from "../quarantine.ts";
import type { RedriveAlerts } from "../redrive.ts";
import { type HelpMore, withMore } from "./help.ts";

const LIST_LIMIT = 100;
const NO_STATE: HelpMore["exits"] = [
  [2, "there is no such alert, record or state folder, or the command line is wrong"],
  [3, "the state folder cannot be read"],
];
const CHANGES_STATE: HelpMore["exits"] = [
  [2, "there is no such alert, record or state folder, or the command line is wrong"],
  [3, "the daemon does not answer, or the state folder cannot be written"],
];

/** Adds the commands. */
export function addAlertCommands(program: Command, call: Call): void {
  const alerts = program.command("alerts").summary("look at the alerts that the daemon has made");
  addList(alerts, call);
  addShow(alerts, call);
  const quarantine = program
    .command("quarantine")
    .summary("look at records that could not be evaluated, and try them again");
  addQuarantine(quarantine, call);
  addQuarantineReplay(quarantine, call);
  addRedrive(program, call);
  addCompleteness(program, call);
}

function addCompleteness(program: Command, { terminal, done }: Call): void {
  const toTime = toTimeOption(systemClock.nowMs());
  const command = program
    .command("completeness")
    .summary("by account, Region and hour: was all that CloudTrail delivered read as it was delivered")
    .description(
      "Shows what CloudTrail's digest files prove of each hour, by the time of delivery: `proven`, `open` (still to come), `unproven` (read, but nothing proves it), `missing` (no digest file covers all of it) or `broken` (something was altered, is gone or was added), and counts of log files. `seen` were read, `late` of these only after a digest file had listed them, `unread` could not be had. Kept for 35 days.",
    )
    .option("--from <time>", "hours that begin at or after: 2d, 2026-03-10, or 2026-03-10T08:00:00Z; else 24h", toTime)
    .option("--to <time>", "and before; else now", toTime)
    .option("--account <id>", "of this account")
    .option("--region <region>", "of this Region")
    .option("--json", "one JSON object: `totals` by state, and `hours`")
    .addOption(stateOption())
    .addOption(configOption())
    .action(async (options: Completeness) =>
      done(await (await import("../completeness.ts")).showCompleteness(options, terminal)),
    );
  withMore(command, {
    examples: [
      ["sagewatch completeness --from 7d --account 111122223333", "a week of an account"],
      ["sagewatch completeness --json | jq '.hours[] | select(.state == \"broken\")'", "what to look into"],
    ],
    exits: [[0, "no hour is missing or broken"], [1, "an hour is missing or broken"], ...NO_STATE],
  });
}

function addList(alerts: Command, { terminal, done }: Call): void {
  const toTime = toTimeOption(systemClock.nowMs());
  const command = alerts
    .command("list")
    .summary("list alerts, the newest first")
    .description(
      "Lists the alerts of the state folder that pass every filter given. Times are those of an alert's last event.",
    )
    .option("--from, --since <time>", "at or after: 2h, 7d, 2026-03-10, or 2026-03-10T08:00:00Z", toTime)
    .option("--to, --until <time>", "before", toTime)
    .option("--rule <rule>", "of this rule: its id, name or title, or the name of its file, such as log-trail-off")
    .addOption(new Option("--severity <level>", "of this severity or a worse one").choices([...SEVERITIES]))
    .option("--principal <id>", "of this principal: its name as tables and titles show it, or its whole ARN")
    .option("--account <id>", "of this account: its 12 digits")
    .addOption(new Option("--sort <order>", "which come first").choices([...ALERT_SORTS]).default("newest"))
    .option("--limit <number>", "at most so many", toCountOption(1), LIST_LIMIT)
    .addOption(formatOption())
    .option("--json", "as --format ndjson")
    .addOption(zoneOption())
    .addOption(configOption())
    .addOption(stateOption())
    .action(async (options: ListAlerts) =>
      done(await (await import("../alerts/list.ts")).listAlerts(options, terminal)),
    );
  withMore(command, {
    examples: [
      ["sagewatch alerts list --since 24h --severity high", "the last day, high and critical"],
      ["sagewatch alerts list --principal role/DataScience --sort oldest", "what one principal did, in order"],
      ["sagewatch alerts list --since 7d --json | jq -r .title", "for other tools"],
    ],
    exits: [[0, "done, also when no alert passes the filters"], ...NO_STATE],
  });
}

function addShow(alerts: Command, { terminal, done }: Call): void {
  const command = alerts
    .command("show")
    .summary("tell the story of one alert: what happened, who, what to check first")
    .description(
      "Tells what happened in order, who it was and from where, what it costs, what it can mean, what to check first, what else the same principal did, and where the records are. What a rule means is read from the rules of the configuration.",
    )
    .argument("<id>", "alert id, or its first characters (at least 4)")
    .option("--raw", "print the kept records themselves, one a line, and nothing else")
    .option("--json", "everything as one JSON object: the native form, the raw records, and the story")
    .addOption(formatOption())
    .addOption(zoneOption())
    .addOption(configOption())
    .addOption(stateOption())
    .action(async (id: string, options: Omit<ShowAlert, "id">) =>
      done(await (await import("../alerts/show.ts")).showAlert({ ...options, id }, terminal)),
    );
  withMore(command, {
    examples: [
      ["sagewatch alerts show 0ddc2a04", "the story, by the id that `alerts list` shows"],
      ["sagewatch alerts show 0ddc2a04 --raw | jq .requestParameters", "the records as AWS wrote them"],
    ],
    exits: [[0, "done"], ...NO_STATE],
  });
}

function addQuarantine(quarantine: Command, { terminal, done }: Call): void {
  const list = quarantine
    .command("list")
    .summary("list records in quarantine, the newest first")
    .description("Lists the records that could not be evaluated, with the reason and the place where each was read.")
    .addOption(new Option("--reason <code>", "with this reason").choices(Object.keys(REASONS)))
    .option("--limit <number>", "at most so many", toCountOption(1), LIST_LIMIT)
    .addOption(
      new Option("--format <form>", "table, or one JSON object a line").choices(["table", "ndjson"]).default("table"),
    )
    .addOption(configOption())
    .addOption(stateOption())
    .action(async (options: ListQuarantine) =>
      done(await (await import("../quarantine.ts")).listQuarantine(options, terminal)),
    );
  withMore(list, {
    examples: [["sagewatch quarantine list --reason bad_json", "those that are no JSON"]],
    exits: [[0, "done, also when the quarantine is empty"], ...NO_STATE],
  });
  const show = quarantine
    .command("show")
    .summary("show one record and why it is here")
    .description("Prints why a record could not be evaluated, where it was read, and the first 64 KiB of it.")
    .argument("<id>", "number from `quarantine list`", toCountOption(1))
    .option("--raw", "print the record's bytes as they are, and nothing else")
    .addOption(configOption())
    .addOption(stateOption())
    .action(async (id: number, options: Omit<ShowQuarantined, "id">) =>
      done(await (await import("../quarantine.ts")).showQuarantined({ ...options, id }, terminal)),
    );
  withMore(show, {
    examples: [["sagewatch quarantine show 12 --raw > record.json", "the record in a file"]],
    exits: [[0, "done"], ...NO_STATE],
  });
}

function addQuarantineReplay(quarantine: Command, { terminal, done }: Call): void {
  const command = quarantine
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
      done(await (await import("../quarantine.ts")).replayQuarantine({ ...options, ids }, terminal)),
    );
  withMore(command, {
    examples: [
      ["sagewatch quarantine replay 12 13", "two of them"],
      ["sagewatch quarantine replay --all", "all, after an upgrade"],
    ],
    exits: [[0, "done; what could not be evaluated again stays, and is counted"], ...CHANGES_STATE],
  });
}

function addRedrive(program: Command, { terminal, done }: Call): void {
  const command = program
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
          await import("../redrive.ts")
        ).redriveAlerts({ ...options, ...(alert === undefined ? {} : { alert }) }, terminal),
      ),
    );
  withMore(command, {
    examples: [
      ["sagewatch redrive --list", "what was refused, by which sink, with which code"],
      ["sagewatch redrive --sink siem", "all that one sink refused"],
    ],
    exits: [[0, "done, also when there is nothing to send"], ...CHANGES_STATE],
  });
}
