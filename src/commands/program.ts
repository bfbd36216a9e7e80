/**
 * The command line: every command, its options and help, and how an error becomes one clear line and an exit code.
 *
 * Exit codes: 0 done; 1 the answer is no; 2 usage or configuration; 3 cannot run. Results go to stdout, everything else
 * to stderr. The code of a command is loaded when it is called, so that `--help` and errors come at once.
 */
import { type Argument, Command, CommanderError } from "commander";
import { safeText } from "../lib/safe-text.ts";
import { ERROR_CODES, SagewatchError, toMessage } from "../model/errors.ts";
import { redactText } from "../ops/redact.ts";
import { isReaderGone, remark, type Terminal } from "../ops/terminal.ts";
import type { Call } from "./options.ts";
import { addAlertCommands } from "./program/alerts.ts";
import { addPastCommands } from "./program/past.ts";
import { addRulesCommands } from "./program/rules.ts";
import { addRunCommands } from "./program/run.ts";

const USAGE = 2;
const CANNOT_RUN = 3;

const ABOUT = `Sagewatch watches AI and ML workloads on AWS: CloudTrail and GuardDuty in, Sigma rules, alerts out.

  See it work:    sagewatch demo
  On your files:  sagewatch replay PATH
  As a daemon:    sagewatch init, then sagewatch run`;

const CODES = `
Exit codes: 0 done; 1 the answer is no (rule errors, failing cases, no match);
2 usage or configuration; 3 cannot run, or some input could not be read.
Results go to stdout; logs and remarks go to stderr.`;

/** Runs the command that `args` name and gives its exit code. Never throws. */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode = 0;
  const done = (code: number): void => {
    exitCode = code;
  };
  const program = createProgram({ terminal, done });
  // The habit of other tools; the command is the documented way.
  const asked = args.length === 1 && ["--version", "-V"].includes(args[0] ?? "") ? ["version"] : args;
  try {
    await program.parseAsync(asked, { from: "user" });
    return exitCode;
  } catch (error) {
    return explain(error, terminal, toHelpCommand(program, args));
  }
}

/** The whole command line. docs and tests read it too. */
export function createProgram(call: Call): Command {
  const { terminal } = call;
  const program = new Command("sagewatch");
  program
    .description(ABOUT)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
      outputError: () => undefined, // explain() says it, once
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
    })
    .configureHelp({
      subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(toTerm)].join(" "),
    })
    .helpCommand("help [command]", "what a command takes")
    .helpOption("-h, --help", "what a command takes")
    .addHelpText("after", CODES)
    .hook("preAction", () => takeWidth(terminal));
  addRunCommands(program, call);
  addRulesCommands(program, call);
  addAlertCommands(program, call);
  addPastCommands(program, call);
  return program;
}

/** A terminal says how wide it is; for a pipe or a file only $COLUMNS can. */
async function takeWidth({ stdout }: Terminal): Promise<void> {
  if (stdout.isTTY === true) return;
  const columns = (await import("../config/load.ts")).loadColumns();
  if (columns !== undefined) Object.assign(stdout, { columns });
}

function toTerm(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

/** The command whose help would help: "sagewatch alerts list --help". */
function toHelpCommand(program: Command, args: readonly string[]): string {
  let command = program;
  const words = ["sagewatch"];
  for (const word of args) {
    const next = command.commands.find((child) => child.name() === word);
    if (next === undefined) break;
    words.push(word);
    command = next;
  }
  return [...words, "--help"].join(" ");
}

function explain(error: unknown, terminal: Terminal, help: string): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0; // help or version, which was asked for
    if (error.code === "commander.help") return USAGE; // a command group without its command: its help was printed
    remark(
      terminal,
      `sagewatch: ${safeText(error.message.replace(/^error: /, "").replace(/\n\(Did you mean (.*)\?\)$/s, "; did you mean $1?"))}`,
    );
    remark(terminal, `  See \`${help}\`.`);
    return USAGE;
  }
  const stopped = terminal.signal.aborted && (error as Error | null)?.name === "AbortError";
  // A reader that has seen enough is no error of a command that gives results; `run` says otherwise by itself.
  if (stopped || isReaderGone(error)) return 0;
  const known = error instanceof SagewatchError ? error : null;
  const message = safeText(redactText(known === null ? `unexpected: ${describe(error)}` : known.message));
  const code = known?.code ?? "internal";
  const remedy = code === "usage" ? `See \`${help}\`.` : ERROR_CODES[code].remedy;
  // Some messages have it in them, since they are also log lines.
  const isTold = message.includes(remedy);
  remark(terminal, `sagewatch: ${message}${isTold ? ` (${code})` : ""}`);
  if (!isTold) remark(terminal, `  ${remedy} (${code})`);
  return known?.exitCode ?? CANNOT_RUN;
}

/** A foreign error with where it was thrown: it is a bug, and the place is what a report needs. */
function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : toMessage(error);
}
