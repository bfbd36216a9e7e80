/**
 * `sagewatch rules new`: the two files of a new rule, right as they stand.
 *
 * Writes both or neither, and never over a file that is there: each is opened so that the disk itself refuses.
 */
import { randomUUID } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock, toUtcText } from "../../lib/clock.ts";
import { safeLine } from "../../lib/safe-text.ts";
import { SagewatchError, toMessage } from "../../model/errors.ts";
import { print, remark, type Terminal } from "../../ops/terminal.ts";
import { renderCases, renderRule } from "../../rules/writing/template.ts";
import { COMMAND, toShellWord } from "../options.ts";

export type NewRule = { readonly name: string; readonly dir: string; readonly correlation?: true };

const NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
/** Longer names no longer fit a line of a list. */
const NAME_MAX = 60;

/** Writes the files and prints their paths. Errors: usage for a name of another form, or a file that is there or cannot be written. */
export async function writeRule({ name, dir, correlation }: NewRule, terminal: Terminal): Promise<number> {
  checkName(name);
  const seed = {
    name,
    id: randomUUID(),
    countedId: randomUUID(),
    date: toUtcText(systemClock.nowMs()).slice(0, 10),
    isCorrelation: correlation === true,
  };
  const [rule, cases] = [join(dir, `${name}.yml`), join(dir, `${name}.cases.json`)];
  attempt(dir, () => mkdirSync(dir, { recursive: true }));
  attempt(rule, () => writeFileSync(rule, renderRule(seed), { flag: "wx" }));
  try {
    attempt(cases, () => writeFileSync(cases, renderCases(seed), { flag: "wx" }));
  } catch (error) {
    rmSync(rule);
    throw error;
  }
  await print(terminal, `${safeLine(rule)}\n${safeLine(cases)}\n`);
  const path = toShellWord(rule);
  const next = [
    `Fill in ${safeLine(rule)} from the top, then its cases. Next:`,
    `  ${COMMAND} rules test --watch ${path}`,
    `  ${COMMAND} rules check --strict ${path}`,
    `  ${COMMAND} replay --rules ${path} --near-misses 5 YOUR-RECORDS`,
  ];
  remark(terminal, next.map(safeLine).join("\n"));
  return 0;
}

function checkName(name: string): void {
  if (NAME.test(name) && name.length <= NAME_MAX) return;
  const likely = name
    .replace(/\.ya?ml$/i, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[-0-9]+|-+$/g, "")
    .slice(0, NAME_MAX)
    .replace(/-+$/, "");
  const hint = likely === "" ? "" : `, such as ${likely}`;
  throw new SagewatchError(
    "usage",
    `rules new: ${JSON.stringify(safeLine(name))} is no name for a rule: write small letters, digits and single dashes, a letter first, at most ${NAME_MAX} characters${hint}; the folder goes to --dir`,
  );
}

function attempt(path: string, write: () => unknown): void {
  try {
    write();
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === "EEXIST";
    throw new SagewatchError(
      "usage",
      isThere
        ? `rules new: ${path} is there already and was not touched; give another name or --dir`
        : `rules new: ${path} cannot be written: ${toMessage(error)}`,
      { cause: error },
    );
  }
}
