/**
 * Commands about the past: `backfill` and `gaps`, with their options and help.
 *
 * Only words and options stand here; what a command does is in the file of its name, loaded when it is called.
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import { systemClock } from "../../lib/clock.ts";
import { parseSize } from "../../lib/duration.ts";
import type { BackfillCommand } from "../backfill.ts";
import type { ListGaps } from "../gaps.ts";
import { type Call, configOption, stateOption, toCountOption, toTimeOption } from "../options.ts";
import { withMore } from "./help.ts";

/** Adds the commands. */
export function addPastCommands(program: Command, call: Call): void {
  addBackfill(program, call);
  addGaps(program, call);
}

function addBackfill(program: Command, { terminal, done }: Call): void {
  const toTime = toTimeOption(systemClock.nowMs());
  const command = program
    .command("backfill")
    .summary("read a time that is over again, from S3 or by LookupEvents")
    .description(
      "Reads the files of trails again (`trails` of an sqs-s3 source), or asks LookupEvents where no source has trails, runs the rules over it, and adds what was missed to the alerts, under the ids that a live run gives. A running daemon does it, else this command. Repeating it changes nothing; one that was ended goes on where it was.",
    )
    .requiredOption("--from <time>", "events at or after: 2h, 7d, 2026-03-10, or 2026-03-10T08:00:00Z", toTime)
    .requiredOption("--to <time>", "events at or before", toTime)
    .option("--source <name>", "by this source only")
    .option("--account <id>", "of this account only", toAccount)
    .option("--region <name>", "of this AWS Region only")
    .option("--max-objects <number>", "at most so many objects; else repair.objects", toCountOption(1))
    .option("--max-size <size>", "at most so much of objects, such as 10GiB; else repair.bytes", toSize)
    .option("--max-requests <number>", "at most so many requests; else repair.requests", toCountOption(1))
    .option("--dry-run", "only say what would be read, and by how many requests")
    .addOption(configOption())
    .addOption(stateOption())
    .action(async (options: BackfillCommand) =>
      done(await (await import("../backfill.ts")).runBackfill(options, terminal)),
    );
  withMore(command, {
    examples: [
      ["sagewatch backfill --from 2026-03-10T08:00:00Z --to 2026-03-10T11:00:00Z --dry-run", "what it would take"],
      ["sagewatch backfill --from 24h --to 0m --account 111122223333", "the last day of one account"],
    ],
    exits: [
      [0, "done, or stopped by Ctrl-C; what was found is printed"],
      [1, "the limits do not allow it; nothing was added to the alerts"],
      [2, "no source can read that past, or the command line is wrong"],
      [3, "AWS, the daemon or the state folder does not answer; the same command goes on where it was"],
    ],
  });
}

function addGaps(program: Command, { terminal, done }: Call): void {
  const command = program
    .command("gaps")
    .summary("list times of which a source did not bring all, and what became of them")
    .description(
      "Lists the gaps that sources told of, those of the newest times first. The daemon reads them again by itself within the limits of `repair`; for one that was left the command stands below the table.",
    )
    .option("--open", "only those that are not repaired")
    .addOption(
      new Option("--format <form>", "table, or one JSON object a line").choices(["table", "ndjson"]).default("table"),
    )
    .addOption(configOption())
    .addOption(stateOption())
    .action(async (options: ListGaps) => done(await (await import("../gaps.ts")).listGaps(options, terminal)));
  withMore(command, {
    examples: [["sagewatch gaps --open", "what is still to be read again"]],
    exits: [
      [0, "done, also when there is no gap"],
      [2, "the command line or the configuration is wrong"],
      [3, "the state folder cannot be read"],
    ],
  });
}

function toAccount(text: string): string {
  if (/^\d{12}$/.test(text)) return text;
  throw new InvalidArgumentError("Write an account id: 12 digits.");
}

function toSize(text: string): number {
  const bytes = parseSize(text);
  if (bytes !== null && bytes > 0) return bytes;
  throw new InvalidArgumentError('Write a size such as "10GiB".');
}
