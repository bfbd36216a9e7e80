/** Starts the scripts of this folder as processes and reads what they say, line by line. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

export type Child = {
  readonly process: ChildProcess;
  /** The first line so far or to come for which `isIt` holds; null when the process ended without one. */
  line(isIt: (line: string) => boolean): Promise<string | null>;
  /** The last line said so far; "" before the first. */
  last(): string;
  /** kill -9, resolved when the process is gone. */
  kill(): Promise<void>;
};

/** Commits units until it is stopped. */
export const WRITER: URL = new URL("./writer.ts", import.meta.url);
/** Fills a small disk. */
export const SMALL_DISK: URL = new URL("./small-disk.ts", import.meta.url);
/** Opens a store on a disk that became read-only. */
export const READ_ONLY_DISK: URL = new URL("./read-only-disk.ts", import.meta.url);

/** `before` is a command that runs Node in its place, such as a shell with a limit. */
export function start(script: URL, args: readonly string[], before: readonly string[] = []): Child {
  const [command = "", ...rest] = [...before, process.execPath, fileURLToPath(script), ...args];
  const child = spawn(command, rest, { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const wake = (): void => waiting.forEach((check) => check());
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    wake();
  });
  let isClosed = false;
  child.on("close", () => {
    isClosed = true;
    wake();
  });
  const kill = async (): Promise<void> => {
    if (isClosed) return;
    child.kill("SIGKILL");
    await once(child, "close");
  };
  onTestFinished(kill);
  return {
    process: child,
    last: () => lines.at(-1) ?? "",
    kill,
    line: (isIt) => {
      const { promise, resolve } = Promise.withResolvers<string | null>();
      const check = (): void => {
        const found = lines.find(isIt);
        if (found === undefined && !isClosed) return;
        waiting.delete(check);
        resolve(found ?? null);
      };
      waiting.add(check);
      check();
      return promise;
    },
  };
}
