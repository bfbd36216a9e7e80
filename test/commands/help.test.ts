/**
 * The help of every command, and docs/commands.md: both say what a command is for, with examples that could be typed and exit
 * codes, and no command or option is left out of the page.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { moreOf } from "../../src/commands/program/help.ts";
import { createProgram } from "../../src/commands/program.ts";
import { textWidth } from "../../src/lib/text-table.ts";
import { call } from "./cli.ts";

const terminal = { stdout: new PassThrough(), stderr: new PassThrough(), signal: new AbortController().signal };
const program = createProgram({ terminal, done: () => undefined });
const page = readFileSync(join(import.meta.dirname, "../../docs/commands.md"), "utf8");

function leaves(command: Command, words: readonly string[] = []): [name: string, command: Command][] {
  return command.commands
    .filter((child) => child.name() !== "help")
    .flatMap((child): [string, Command][] => {
      const name = [...words, child.name()];
      return child.commands.length > 0 ? leaves(child, name) : [[name.join(" "), child]];
    });
}

/** The section of a command on the page. */
function sectionOf(name: string): string {
  const [, after] = page.split(`\n## sagewatch ${name}\n`);
  return after?.split("\n## ")[0] ?? "";
}

describe.each(leaves(program))("%s", (name, command) => {
  test("stands on the page with every option and argument", () => {
    const section = sectionOf(name);
    expect(section).toContain(command.description());
    for (const option of command.options) expect(section).toContain(`\`${option.flags}\``);
    for (const argument of command.registeredArguments) expect(section).toContain(argument.name());
  });

  test("says what it is for, how it is typed and how it ends, within a screen's width", async () => {
    const { code, stdout, stderr } = await call(...name.split(" "), "--help");
    expect([code, stderr]).toEqual([0, ""]);
    expect(command.description().length).toBeGreaterThan(20);
    expect(stdout).toMatch(/\nExamples:\n {2}sagewatch /);
    expect(stdout).toMatch(/\nExit codes:\n {2}0 {2}/);
    for (const line of stdout.split("\n")) expect(textWidth(line), line).toBeLessThanOrEqual(110);
  });

  test("has examples whose commands and options exist", () => {
    const examples = moreOf(command)?.examples ?? [];
    expect(examples).not.toEqual([]);
    for (const [typed] of examples) {
      const part = typed.split(/\s*(?:\||&&|>)\s*/).find((text) => text.startsWith(`sagewatch ${name}`));
      expect(part?.startsWith(`sagewatch ${name}`), typed).toBe(true);
      for (const flag of part?.match(/--[a-z-]+/g) ?? [])
        expect(command.options.map(({ flags }) => flags).join(" "), typed).toContain(flag);
    }
  });
});

test("the page has no command that does not exist", () => {
  const sections = [...page.matchAll(/^## sagewatch (.+)$/gm)].map(([, name]) => name);
  expect(sections).toEqual(leaves(program).map(([name]) => name));
});
