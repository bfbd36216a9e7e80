/**
 * A file of lines that rotates by size and is whole after a crash.
 *
 * `append` writes whole lines at the end and returns when they are on the disk. When it fails, it takes back what it
 * wrote of them, so that the caller can give the same lines again without doubling them; where even that fails, the next
 * append opens the file anew.
 *
 * Opening cuts off a torn last line (the bytes behind the last line break). Each append looks whether the path still
 * names the file in hand, so that a file moved or deleted by another program is not written into for ever. Devices and
 * pipes are written to and never cut or rotated. One append at a time; one process a path.
 */
import { constants, type Stats } from "node:fs";
import { mkdir, open, rename, stat, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

/** Where to write and when to rotate. `maxBytes` and `keep` as in ./file.ts. */
export type RotatingFileOptions = { readonly path: string; readonly maxBytes: number; readonly keep: number };

/** Throws what the file system throws. */
export type RotatingFile = { append(lines: string): Promise<void>; close(): Promise<void> };

type Opened = { readonly handle: FileHandle; readonly regular: boolean };

/** Alerts hold names and addresses of a company's people: for the owner's eyes. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
/** Bytes read at a time in search of the last line break: more than a line usually has. */
const TAIL_STEP = 64 * 1024;
const LINE_BREAK = 0x0a;

/** Opens nothing until the first append. */
export function createRotatingFile({ path, maxBytes, keep }: RotatingFileOptions): RotatingFile {
  let opened: Opened | null = null;

  const close = async (): Promise<void> => {
    const { handle } = opened ?? {};
    opened = null;
    await handle?.close();
  };

  /** The open file and its length, opened where it is not or no longer the file that the path names. */
  const current = async (): Promise<Opened & { size: number }> => {
    const now = opened === null ? null : await opened.handle.stat();
    if (now !== null && !sameFile(now, await statOrNull(path))) await close();
    opened ??= await openWhole(path);
    return { ...opened, size: (await opened.handle.stat()).size };
  };

  return {
    close,
    append: async (lines) => {
      const bytes = Buffer.from(lines);
      let file = await current();
      if (file.regular && file.size > 0 && file.size + bytes.length > maxBytes) {
        await close();
        await rotate(path, keep);
        file = await current();
      }
      try {
        await file.handle.appendFile(bytes);
        if (file.regular) await file.handle.sync();
      } catch (error) {
        await takeBack(file).catch(() => undefined);
        await close().catch(() => undefined);
        throw error;
      }
    },
  };
}

/** Opens the path at its end, makes it and its folders where they are missing, and cuts off a torn last line. */
async function openWhole(path: string): Promise<Opened> {
  await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE });
  const handle = await open(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, FILE_MODE);
  try {
    const stats = await handle.stat();
    const regular = stats.isFile();
    if (regular) {
      const end = await endOfLines(handle, stats.size);
      if (end < stats.size) await handle.truncate(end);
      // The name of a new file is on the disk only when its folder is.
      if (stats.size === 0) await syncFolder(dirname(path));
    }
    return { handle, regular };
  } catch (error) {
    await handle.close().catch(() => undefined);
    throw error;
  }
}

/** Bytes up to and with the last line break; 0 when there is none. */
async function endOfLines(handle: FileHandle, size: number): Promise<number> {
  const buffer = Buffer.alloc(TAIL_STEP);
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - TAIL_STEP);
    const { bytesRead } = await handle.read(buffer, 0, end - start, start);
    const found = buffer.subarray(0, bytesRead).lastIndexOf(LINE_BREAK);
    if (found >= 0) return start + found + 1;
    end = start;
  }
  return 0;
}

/** PATH.(keep − 1) becomes PATH.keep, over what stood there, … PATH becomes PATH.1. A gap in the row is no fault. */
async function rotate(path: string, keep: number): Promise<void> {
  for (let number = keep; number >= 1; number -= 1) {
    const from = number === 1 ? path : `${path}.${number - 1}`;
    await rename(from, `${path}.${number}`).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
  }
}

async function takeBack({ handle, regular, size }: Opened & { size: number }): Promise<void> {
  if (regular) await handle.truncate(size);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function statOrNull(path: string): Promise<Stats | null> {
  return stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
}

function sameFile(one: Stats, other: Stats | null): boolean {
  return other !== null && one.ino === other.ino && one.dev === other.dev;
}
