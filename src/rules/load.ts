/**
 * Rule files from disk to a rule set: walks folders, reads files, parses; all or nothing.
 *
 * The only reader of rule files. A set with any error gives no rules at all, since half a set detects half and nobody
 * notices; every problem of every file is told. Synchronous: rules are read at start and on reload only.
 */
import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { SagewatchError, toMessage } from "../model/errors.ts";
import type { Problem, RuleSet } from "../sigma/ast.ts";
import { createFindings } from "../sigma/problems.ts";
import { parseRuleFiles, type RuleFile, type RuleSetOptions } from "../sigma/rule-set.ts";

/** Largest rule file in bytes: three times the largest public one, a list of 288 KiB of vulnerable drivers. */
export const RULE_FILE_MAX_BYTES: number = 1024 * 1024;

/** Folders of this name hold the lists of `expand`, not rules. */
export const LISTS_FOLDER = "lists";

/** A set as loaded: `ruleSet` null when any problem is an error, `readable` what is without one. `texts` holds each file's text by path, for reports. */
export type LoadedRules = {
  readonly ruleSet: RuleSet | null;
  readonly readable: RuleSet;
  readonly problems: readonly Problem[];
  /** Rules and correlations that are without errors. */
  readonly rules: number;
  readonly texts: ReadonlyMap<string, string>;
};

/**
 * Loads every *.yml and *.yaml below `paths` (files or folders; folders named `lists` and names with a leading dot are
 * passed over), each file once, in order of path. Throws not_found for a path that does not exist and input_unreadable
 * for what cannot be read.
 */
export function loadRules(paths: readonly string[], options: RuleSetOptions): LoadedRules {
  const files: RuleFile[] = [];
  const unread: Problem[] = [];
  const seen = new Set<string>();
  for (const path of paths.flatMap((named) => findNamed(named, unread))) {
    const real = attempt(path, () => realpathSync(path));
    if (seen.has(real)) continue;
    seen.add(real);
    const text = readRuleFile(path, unread);
    if (text !== null) files.push({ path, text });
  }
  return loadTexts(files, options, unread);
}

/** The same from texts that were read before. `unread`: problems of files that are not among them. Never throws. */
export function loadTexts(
  files: readonly RuleFile[],
  options: RuleSetOptions,
  unread: readonly Problem[] = [],
): LoadedRules {
  const parsed = parseRuleFiles(files, options);
  const problems = [...unread, ...parsed.problems];
  const { detections, correlations } = parsed.ruleSet;
  const isGood = problems.every(({ severity }) => severity !== "error");
  return {
    ruleSet: isGood ? parsed.ruleSet : null,
    readable: parsed.ruleSet,
    problems,
    rules: detections.length + correlations.length,
    texts: new Map(files.map(({ path, text }) => [path, text])),
  };
}

/** The rule files below a path that was named; a folder without any is told, for it may be the wrong one. */
function findNamed(named: string, problems: Problem[]): readonly string[] {
  const files = findRuleFiles(named);
  if (files.length === 0) {
    createFindings({ path: named, text: "" }, "lenient", problems).warning("document_empty", 0, {
      message: "the folder holds no rule file",
      remedy: "name a folder with *.yml or *.yaml files in it, or put rules there",
    });
  }
  return files;
}

/** The rule files below a path, sorted; the path itself when it is a file. */
function findRuleFiles(path: string): readonly string[] {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new SagewatchError("not_found", `rules: \`${path}\` does not exist`);
  return stat.isDirectory() ? walk(path, new Set()) : [path];
}

/** `above`: real paths of the folders on the way down, so that links in a circle end. */
function walk(folder: string, above: ReadonlySet<string>): readonly string[] {
  const real = attempt(folder, () => realpathSync(folder));
  if (above.has(real)) return [];
  const names = attempt(folder, () => readdirSync(folder)).toSorted();
  return names.flatMap((name) => {
    if (name.startsWith(".")) return [];
    const path = join(folder, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isDirectory() === true)
      return basename(path) === LISTS_FOLDER ? [] : walk(path, new Set([...above, real]));
    return stat !== undefined && isYamlName(name) ? [path] : [];
  });
}

/** True for the names of files that hold rules or lists: *.yml and *.yaml without a leading dot. */
export function isYamlName(name: string): boolean {
  return !name.startsWith(".") && /\.ya?ml$/i.test(name);
}

/** The file's text, or null when it is too large or no UTF-8, which is reported. */
function readRuleFile(path: string, problems: Problem[]): string | null {
  const findings = createFindings({ path, text: "" }, "strict", problems);
  const bytes = attempt(path, () => {
    const { size } = statSync(path);
    return size > RULE_FILE_MAX_BYTES ? null : readFileSync(path);
  });
  if (bytes === null || bytes.length > RULE_FILE_MAX_BYTES) {
    findings.error("file_too_large", 0, {
      message: `the file is larger than ${RULE_FILE_MAX_BYTES / 1024 / 1024} MiB`,
      remedy: "split it",
    });
    return null;
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    findings.error("file_not_utf8", 0, { message: "the file is not valid UTF-8", remedy: "save it as UTF-8" });
    return null;
  }
}

function attempt<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw new SagewatchError("input_unreadable", `rules: \`${path}\` cannot be read: ${toMessage(thrown)}`, {
      cause: thrown,
    });
  }
}
