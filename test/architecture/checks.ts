/**
 * The checks of the architecture: each takes the facts of all files and answers what is wrong, one line a fault, with
 * the place and what to do. An empty answer is a pass. Pure, so that each can be tried on a bad sample of its own.
 */
import { isBuiltin } from "node:module";
import { posix } from "node:path";
import * as house from "./house.ts";
import type { SourceFile } from "./source.ts";

export type Check = (files: readonly SourceFile[]) => string[];

/** The part of src/ that a file belongs to: its folder, or its own name at the top. */
function partOf(path: string): string {
  return path.split("/")[1]?.replace(/\.ts$/, "") ?? "";
}

const isOurs = (target: string): boolean => target.startsWith("src/");

/** Runs a check over each import of each file. */
function eachImport(judge: (file: SourceFile, target: string) => string | null): Check {
  return (files) =>
    files.flatMap((file) =>
      file.imports.flatMap(({ target, line }) => {
        const fault = judge(file, target);
        return fault === null ? [] : [`${file.path}:${line}: ${fault}`];
      }),
    );
}

/** Every file lies in a part that the table knows. */
export const checkParts: Check = (files) =>
  files
    .filter(({ path }) => !(partOf(path) in house.PARTS))
    .map(({ path }) => `${path}: src/${partOf(path)} is no part of the house; add it to the table or move the file`);

/** Parts import only what the table lets them, type-only imports included. */
export const checkTable: Check = eachImport((file, target) => {
  if (/^(\.|test\/|bench\/|tools\/)/.test(target)) return `${target} lies outside src/`;
  if (!isOurs(target)) return null;
  const [from, to] = [partOf(file.path), partOf(target)];
  if (from === to) return null;
  const importers = house.IMPORTED_ONLY_BY[to];
  if (importers !== undefined) return importers.includes(from) ? null : `nothing below may import ${to}`;
  const allowed = house.PARTS[from]?.imports ?? [];
  if (allowed === "all" || allowed.includes(to)) return null;
  if (house.OPEN_FILES.some(({ by, file: open }) => by.includes(from) && open.test(target))) return null;
  return `${from} may not import ${to} (${target}); allowed: ${allowed.join(", ") || "nothing of ours"}`;
});

/** Packages stand only where the table lets them. */
export const checkPackages: Check = eachImport((file, target) => {
  if (isOurs(target) || isBuiltin(target) || target.startsWith(".")) return null;
  const allowed = house.PARTS[partOf(file.path)]?.packages ?? [];
  const isAllowed = allowed.some((name) => (name.endsWith("/") ? target.startsWith(name) : target === name));
  return isAllowed ? null : `${partOf(file.path)} may not import the package ${target}`;
});

/** Node's modules: only pure ones in the middle, the reserved ones only where they belong, and all with `node:`. */
export const checkBuiltins: Check = eachImport((file, target) => {
  if (!isBuiltin(target)) return null;
  if (!target.startsWith("node:")) return `write node:${target}`;
  const allowed = house.PARTS[partOf(file.path)]?.builtins;
  if (allowed !== undefined && !allowed.includes(target)) {
    return `${partOf(file.path)} may not import ${target}: it neither waits, reads a clock nor does I/O`;
  }
  const reserved = house.RESERVED_BUILTINS.find(({ module, files }) => module.test(target) && !files.test(file.path));
  return reserved === undefined ? null : `${target} does not belong here: ${reserved.instead}`;
});

/** Words that stand in one file only, or nowhere. */
export const checkWords: Check = (files) =>
  files.flatMap(({ path, uses }) =>
    uses.flatMap(({ word, line }) => {
      const rule = Object.hasOwn(house.RESERVED_WORDS, word) ? house.RESERVED_WORDS[word] : undefined;
      return rule === undefined || rule.files?.test(path) === true
        ? []
        : [`${path}:${line}: ${word} does not belong here: ${rule.instead}`];
    }),
  );

/** The pure middle never waits. */
export const checkWaiting: Check = (files) =>
  files
    .filter(({ path }) => house.PARTS[partOf(path)]?.waits === false)
    .flatMap(({ path, uses }) =>
      uses.filter(({ word }) => word === "await").map(({ line }) => `${path}:${line}: ${partOf(path)} never waits`),
    );

/** No class extends anything but Error. */
export const checkExtends: Check = (files) =>
  files.flatMap(({ path, uses }) =>
    uses
      .filter(({ word }) => word.startsWith("extends ") && word !== "extends Error")
      .map(({ word, line }) => `${path}:${line}: a class ${word}: only Error is extended; compose functions`),
  );

/** Records are parsed in match/ and decode/ alone; what other files parse is on a list. */
export const checkJson: Check = (files) =>
  files
    .filter(({ path }) => !["match", "decode"].includes(partOf(path)) && !Object.hasOwn(house.JSON_READERS, path))
    .flatMap(({ path, uses }) =>
      uses
        .filter(({ word }) => word === "JSON.parse")
        .map(
          ({ line }) => `${path}:${line}: JSON.parse: records are parsed in match/ and decode/ only; see JSON_READERS`,
        ),
    );

/** No file imports itself, through however many others; type-only imports count. */
export const checkCycles: Check = (files) => {
  const targets = new Map(files.map(({ path, imports }) => [path, imports.map(({ target }) => target)]));
  const done = new Set<string>();
  const faults: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const begin = trail.indexOf(path);
    if (begin >= 0) faults.push(`cycle: ${[...trail.slice(begin), path].join(" -> ")}`);
    if (begin >= 0 || done.has(path)) return;
    for (const target of targets.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of targets.keys()) visit(path, []);
  return faults;
};

/** Files stay short; the data tables on the list are exempt. */
export const checkFileLengths: Check = (files) =>
  files.flatMap(({ path, lines }) => {
    const limit = house.FILE_LIMITS[path] ?? house.LIMITS.fileLines;
    return lines <= limit || Object.hasOwn(house.LONG_FILES, path) ? [] : [`${path}: ${lines} lines, limit ${limit}`];
  });

/** A folder can be taken in at a glance. */
export const checkFolders: Check = (files) =>
  Object.entries(Object.groupBy(files, ({ path }) => posix.dirname(path)))
    .filter(([, inside]) => (inside?.length ?? 0) > house.LIMITS.folderFiles)
    .map(([folder, inside]) => `${folder}: ${inside?.length} files, limit ${house.LIMITS.folderFiles}`);

/** Functions fit on a screen; a factory may hold several. */
export const checkFunctions: Check = (files) =>
  files.flatMap(({ path, functions }) =>
    functions.flatMap(({ name, line, lines, ownLines }) => {
      const { functionLines, factoryLines } = house.LIMITS;
      const isFactory = /^create[A-Z]/.test(name);
      const fits = isFactory ? ownLines <= functionLines && lines <= factoryLines : lines <= functionLines;
      const size = isFactory ? `${lines} lines, ${ownLines} its own` : `${lines} lines`;
      const limit = isFactory ? `${factoryLines} and ${functionLines}` : `${functionLines}`;
      return fits ? [] : [`${path}:${line}: ${name || "a function"} has ${size}, limit ${limit}`];
    }),
  );
