/**
 * What stands below a command's options in its help: examples, and what its exit codes mean.
 *
 * Kept beside the command, so that the help on a terminal and docs/commands.md say the same.
 */
import type { Command } from "commander";

/** Examples as typed, each with what it is for; and when the command ends with which code. */
export type HelpMore = {
  readonly examples: readonly (readonly [typed: string, what: string])[];
  readonly exits: readonly (readonly [code: 0 | 1 | 2 | 3, when: string])[];
};

const known = new WeakMap<Command, HelpMore>();

/** Adds examples and exit codes to a command's help. */
export function withMore(command: Command, more: HelpMore): Command {
  known.set(command, more);
  return command.addHelpText("after", `\n${renderMore(more)}`);
}

/** What was added to a command; null for a group of commands. */
export function moreOf(command: Command): HelpMore | null {
  return known.get(command) ?? null;
}

function renderMore({ examples, exits }: HelpMore): string {
  const lines = examples.flatMap(([typed, what]) => [`  ${typed}`, `      ${what}`]);
  const codes = exits.map(([code, when]) => `  ${code}  ${when}`);
  return ["Examples:", ...lines, "", "Exit codes:", ...codes].join("\n");
}
