/**
 * docs/commands.md: every command with its arguments, options, examples and exit codes, from the command line itself.
 */
import { PassThrough } from "node:stream";
import type { Command } from "commander";
import { moreOf } from "../../src/commands/program/help.ts";
import { createProgram } from "../../src/commands/program.ts";
import { table } from "./table.ts";

/** Text of the page, without its mark. */
export function makeCommandPage(): string {
  const terminal = { stdout: new PassThrough(), stderr: new PassThrough(), signal: new AbortController().signal };
  const commands = flatten(createProgram({ terminal, done: () => undefined }), "sagewatch");
  const overview = commands.map(({ name, command }) => [`[\`${name}\`](#${toAnchor(name)})`, command.summary()]);
  return [
    "# Commands",
    "",
    "Results go to stdout, everything else to stderr, so that results can be piped. In a checkout `bin/sagewatch` stands for `sagewatch`. `--help` behind any command prints what stands here. A pipe has no width: `COLUMNS=100` in front of a command sets one. Colours come on a terminal only, and not where `NO_COLOR` is set.",
    "",
    table(["command", "what it does"], overview),
    "",
    ...commands.flatMap(makeSection),
  ].join("\n");
}

type Named = { readonly name: string; readonly command: Command };

/** The commands that do something, in the order of the help. */
function flatten(command: Command, name: string): Named[] {
  return command.commands.flatMap((child) => {
    const full = `${name} ${child.name()}`;
    if (child.commands.length > 0) return flatten(child, full);
    return child.name() === "help" ? [] : [{ name: full, command: child }];
  });
}

function makeSection({ name, command }: Named): string[] {
  const more = moreOf(command);
  const usage = command.usage().replace(/^\[options\] ?/, "");
  const values = command.registeredArguments.map((argument) => [
    `\`${argument.required ? `<${argument.name()}${argument.variadic ? "..." : ""}>` : `[${argument.name()}${argument.variadic ? "..." : ""}]`}\``,
    `${sentence(argument.description)}${toDefault(argument.defaultValue)}`,
  ]);
  const options = command.options.map((option) => {
    const choices =
      option.argChoices === undefined
        ? ""
        : ` One of ${option.argChoices.map((choice) => `\`${choice}\``).join(", ")}.`;
    return [`\`${option.flags}\``, `${sentence(option.description)}${choices}${toDefault(option.defaultValue)}`];
  });
  return [
    `## ${name}`,
    "",
    `\`${`${name} ${usage}`.trim()}\``,
    "",
    command.description(),
    "",
    ...(values.length === 0 ? [] : [table(["argument", "what it is"], values), ""]),
    ...(options.length === 0 ? [] : [table(["option", "what it does"], options), ""]),
    ...(more === null ? [] : ["```", ...more.examples.map(([typed, what]) => `${typed}   # ${what}`), "```", ""]),
    ...(more === null
      ? []
      : [
          table(
            ["exit code", "when"],
            more.exits.map(([code, when]) => [String(code), when]),
          ),
          "",
        ]),
  ];
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function toDefault(value: unknown): string {
  return value === undefined || value === false
    ? ""
    : ` Default: \`${typeof value === "string" ? value : JSON.stringify(value)}\`.`;
}

function toAnchor(name: string): string {
  return name.replaceAll(" ", "-");
}
