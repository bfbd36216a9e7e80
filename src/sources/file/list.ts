/**
 * Which files a `file` source reads, and in what order.
 *
 * Paths of the configuration are files, folders (searched to the bottom) or globs. A file is known by its path, inode,
 * size and time of change: any of them new makes it another file, so that a rewritten file is read again. Historic order
 * is that of the time slot in the names that CloudTrail gives its files
 * (https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html#cloudtrail-log-filename-format);
 * files without one come first. Nothing is opened here.
 */
import { type Dirent, readdirSync, type Stats, statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { resolve, sep } from "node:path";
import { nextTurn } from "../../lib/clock.ts";
import { compileGlob, globRoot, isGlob } from "../../lib/glob.ts";
import { SagewatchError, type Warn } from "../../model/errors.ts";
import { LOOK_WIDTH, type Looks } from "./thread.ts";

/** A file to be read. */
export type FoundFile = {
  /** Absolute path. */
  readonly path: string;
  /** Key of its position. */
  readonly key: string;
  /** Start of its time slot, epoch ms; null when its name has none. */
  readonly slotMs: number | null;
  readonly sizeBytes: number;
};

/** What a look found: the files in reading order, and how far each configured path could be looked through. */
export type FileLook = { readonly files: readonly FoundFile[]; readonly roots: readonly FileRoot[] };

/**
 * Where a configured path begins (absolute). `isWhole`: all below it was listed, and files were among it: a folder that is
 * missing or empty may be one whose disk is not mounted.
 */
export type FileRoot = { readonly path: string; readonly isWhole: boolean };

/** What to look for. */
export type FileQuery = {
  readonly paths: readonly string[];
  /** Glob on the file's own name (or, with a "/" in it, on its path under the folder). Null: every file. */
  readonly pattern: string | null;
  /** Told of folders and files that cannot be looked at. */
  readonly warn: Warn;
  /** Told of what lies there and cannot be looked at. Without it `warn` is. */
  readonly unread?: ((path: string, why: string) => void) | undefined;
  /** True: a path that does not exist is an error (not_found); false: a warning, for it may come. */
  readonly mustExist: boolean;
  /** Looks at many files beside this thread; null: look here. Without it all are looked at here. */
  readonly beside?: ((paths: readonly string[]) => Promise<Looks> | null) | undefined;
  /** Absolute path of a folder that is passed over where it lies in a searched one. Null: none. */
  readonly except: string | null;
};

/** Time slot in a file name, "…_20230710T1205Z_…", epoch ms, or null. */
export function slotOf(path: string): number | null {
  const [, year, month, day, hour, minute] = /_(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)Z_[^/]*$/.exec(path) ?? [];
  if (year === undefined) return null;
  const slotMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:00Z`);
  return Number.isNaN(slotMs) ? null : slotMs;
}

/** Key of a file's position. The path stands last, since it may hold any character. */
export function toKey(path: string, stats: Pick<Stats, "ino" | "size" | "mtimeMs">): string {
  return `${stats.ino}|${stats.size}|${Math.trunc(stats.mtimeMs)}|${path}`;
}

/** The path in a file's key. */
export function pathOf(key: string): string {
  return key.split("|").slice(3).join("|");
}

/** Names that a writer has not finished with, or that are none of ours. */
export function isPassedOver(name: string): boolean {
  return name.startsWith(".") || name.endsWith(".tmp") || name.endsWith(".part");
}

/**
 * All files of a query, each once, in reading order: no slot first, then by slot, then by path.
 * Errors by code: not_found (a path does not exist and `mustExist`).
 */
export async function listFiles(query: FileQuery): Promise<FileLook> {
  const found = new Map<string, FoundFile>();
  const roots: FileRoot[] = [];
  for (const path of query.paths) {
    const into: Walk = { query, found: new Map(), isWhole: true };
    const isPattern = isGlob(path) && !(await exists(path));
    if (isPattern) await expandGlob(path, into);
    else await expandPath(path, into);
    for (const [name, file] of into.found) found.set(name, file);
    const top = resolve(isPattern ? globRoot(path) : path);
    roots.push({ path: top, isWhole: into.isWhole && into.found.size > 0 });
  }
  return { files: [...found.values()].toSorted(compareFiles), roots };
}

function compareFiles(one: FoundFile, other: FoundFile): number {
  const [left, right] = [one.slotMs ?? -Infinity, other.slotMs ?? -Infinity];
  if (left !== right) return left < right ? -1 : 1;
  return one.path < other.path ? -1 : one.path > other.path ? 1 : 0;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function expandPath(path: string, into: Walk): Promise<void> {
  const { query, found } = into;
  const top = resolve(path);
  const stats = await lookAt(top, query.mustExist ? null : query);
  if (stats === null) {
    if (query.mustExist) throw new SagewatchError("not_found", `There is no file or folder ${JSON.stringify(path)}.`);
    return;
  }
  if (stats.isFile()) addFile(top, stats, found);
  else if (stats.isDirectory()) await walk(top, { wanted: toFilter(top, query.pattern), into });
}

async function expandGlob(glob: string, into: Walk): Promise<void> {
  const { query, found } = into;
  const root = resolve(globRoot(glob));
  const matches = compileGlob(resolve(glob));
  const named = toFilter(root, query.pattern);
  const stats = await lookAt(root, query.mustExist ? null : query);
  if (stats?.isDirectory() === true) {
    const wanted = (path: string): boolean => matches(path) && named(path);
    await walk(root, { wanted, into });
  }
  if (query.mustExist && found.size === 0) query.warn(`No file matches ${JSON.stringify(glob)}.`);
}

/** Filter on a path by the pattern: on the file's name, or on the path under `top` when the pattern names folders. */
function toFilter(top: string, pattern: string | null): (path: string) => boolean {
  if (pattern === null) return () => true;
  const matches = compileGlob(pattern);
  const from = pattern.includes("/") ? top.length + 1 : null;
  return (path) => matches(path.slice(from ?? path.lastIndexOf("/") + 1));
}

/** Files looked at in one go, some 0.3 ms. Asking the system directly takes a third of what its thread pool takes, for folders too. */
const BLOCK_FILES = 128;

/** What is looked for, and where it goes. */
type Wanted = { readonly wanted: (path: string) => boolean; readonly into: Walk };

/** One configured path being looked through; `isWhole` until something could not be looked at. */
type Walk = { readonly query: FileQuery; readonly found: Map<string, FoundFile>; isWhole: boolean };

function listFolder(folder: string, into: Walk): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    tellUnread(folder, error, into);
    return [];
  }
}

/** Finds the files below a folder and looks at them block by block, at some beside this thread. */
async function walk(top: string, to: Wanted): Promise<void> {
  const { wanted, into } = to;
  const beside: { readonly asked: readonly string[]; readonly answer: Promise<Looks> }[] = [];
  let paths: string[] = [];
  const look = async (): Promise<void> => {
    const asked = paths;
    paths = [];
    const answer = asked.length < BLOCK_FILES ? null : (into.query.beside?.(asked) ?? null);
    if (answer === null) for (const path of asked) lookHere(path, to);
    else beside.push({ asked, answer });
    await nextTurn();
  };
  const folders = [top];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const prefix = folder.endsWith(sep) ? folder : folder + sep;
    for (const entry of listFolder(folder, into)) {
      if (isPassedOver(entry.name)) continue;
      const path = prefix + entry.name;
      if (entry.isDirectory()) {
        if (path !== into.query.except) folders.push(path);
      } else if (wanted(path) || entry.isSymbolicLink()) paths.push(path);
      if (paths.length === BLOCK_FILES) await look();
    }
    await nextTurn();
  }
  await look();
  for (const { asked, answer } of beside) noteLooks(asked, await answer, to);
}

function lookHere(path: string, { wanted, into }: Wanted): void {
  const stats = lookInside(path, into);
  if (stats?.isFile() === true && wanted(path)) addFile(path, stats, into.found);
  // It may lead back to where the search came from.
  if (stats?.isDirectory() === true)
    into.query.warn(`${path} is a link to a folder, and none is followed; name it in \`paths\` if it is meant.`);
}

/** Takes what was seen of plain files; whatever else is there, or was not looked at, is looked at here. */
function noteLooks(paths: readonly string[], looks: Looks, to: Wanted): void {
  for (const [at, path] of paths.entries()) {
    const [ino, size, mtimeMs] = [looks[LOOK_WIDTH * at], looks[LOOK_WIDTH * at + 1], looks[LOOK_WIDTH * at + 2]];
    if (ino === undefined || size === undefined || mtimeMs === undefined || Number.isNaN(ino)) lookHere(path, to);
    else if (to.wanted(path)) addFile(path, { ino, size, mtimeMs }, to.into.found);
  }
}

/** Stats of what a folder was listed with, null when it went meanwhile or may not be looked at. */
function lookInside(path: string, into: Walk): Stats | null {
  try {
    return statSync(path);
  } catch (error) {
    into.isWhole = false;
    if (reasonOf(error) !== "ENOENT") tellUnread(path, error, into);
    return null;
  }
}

function tellUnread(path: string, error: unknown, into: Walk): void {
  const { unread, warn } = into.query;
  into.isWhole = false;
  if (unread === undefined) warn(`Cannot look at ${path}: ${reasonOf(error)}; what is in it is not read.`);
  else unread(path, reasonOf(error));
}

function addFile(path: string, stats: Pick<Stats, "ino" | "size" | "mtimeMs">, found: Map<string, FoundFile>): void {
  found.set(path, { path, key: toKey(path, stats), slotMs: slotOf(path), sizeBytes: stats.size });
}

/** Stats of a path, null when there are none; told to `query` if given. */
async function lookAt(path: string, query: FileQuery | null): Promise<Stats | null> {
  return stat(path).catch((error: unknown) => {
    query?.warn(
      reasonOf(error) === "ENOENT"
        ? `There is no ${path} yet; it is read when it appears. If that is not meant, check the path.`
        : `Cannot look at ${path}: ${reasonOf(error)}; check who may read it.`,
    );
    return null;
  });
}

/** Short reason of a file system error: its code where it has one. */
export function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
