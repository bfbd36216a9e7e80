/**
 * Runs the command line for tests: in this process with streams in memory, or as the real child process.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { runProgram } from "../../src/commands/program.ts";
import { seekSecrets } from "../support/secrets.ts";

export type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string };

const root = join(import.meta.dirname, "../..");
const main = join(root, "src/main.ts");
/** As bin/sagewatch does it: stripped sources are kept, which makes a start three times as quick. */
const NODE_COMPILE_CACHE = join(root, "node_modules/.cache/node");

/** The command line in this process. */
export async function call(...args: readonly string[]): Promise<Ended> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const texts = { stdout: "", stderr: "" };
  stdout.on("data", (chunk) => void (texts.stdout += chunk));
  stderr.on("data", (chunk) => void (texts.stderr += chunk));
  const code = await runProgram(args, { stdout, stderr, signal: new AbortController().signal });
  stdout.end();
  stderr.end();
  seekSecrets(process.env, [texts.stdout, texts.stderr]);
  return { code, ...texts };
}

/** A child process that is running; `ended` resolves when it is gone (code 128 + n for a signal it did not handle). */
export type Running = {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  until(pattern: RegExp): Promise<void>;
};

/** The real command line as a child. */
export function start(args: readonly string[], options: { cwd?: string; env?: Record<string, string> } = {}): Running {
  const env = {
    ...process.env,
    NODE_COMPILE_CACHE,
    SAGEWATCH_CONFIG: "",
    SAGEWATCH_STATE_DIR: "",
    COLUMNS: "",
    ...options.env,
  };
  const child = spawn(process.execPath, [main, ...args], { env, cwd: options.cwd, stdio: ["ignore", "pipe", "pipe"] });
  const texts = { stdout: "", stderr: "" };
  const watchers: (() => void)[] = [];
  const { promise: ended, resolve, reject } = Promise.withResolvers<Ended>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (chunk) => {
      texts[name] += chunk;
      for (const watch of watchers) watch();
    });
  }
  child.on("close", (code, signal) => {
    try {
      seekSecrets(env, [texts.stdout, texts.stderr]);
    } catch (error) {
      reject(error);
    }
    resolve({ code: code ?? (signal === "SIGKILL" ? 137 : 128), ...texts });
    for (const watch of watchers) watch();
  });
  const until = (pattern: RegExp): Promise<void> => {
    const { promise, resolve: found, reject } = Promise.withResolvers<void>();
    const watch = (): void => {
      if (pattern.test(texts.stdout + texts.stderr)) found();
      else if (child.exitCode !== null) reject(new Error(`it ended before ${pattern}: ${texts.stdout}${texts.stderr}`));
    };
    watchers.push(watch);
    watch();
    return promise;
  };
  return { child, ended, until };
}

/** The real command line to its end. */
export function run(
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<Ended> {
  return start(args, options).ended;
}

/** Objects of a text of one JSON object a line. */
export function parseLines(text: string): Record<string, unknown>[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}
