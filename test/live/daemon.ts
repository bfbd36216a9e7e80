/**
 * `sagewatch run` as a process of its own, looked at from outside as an operator does: its log, `/ready`, `/metrics`, and
 * what /proc says of its memory and its open files (Linux; 0 elsewhere).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { HEAP_FLAGS } from "../support/heap-flags.ts";
import { PLANTED_CREDENTIALS, seekSecrets } from "../support/secrets.ts";

/** A line of the log. */
export type LogLine = { readonly level?: string; readonly signal?: string } & Readonly<Record<string, unknown>>;

export type LiveDaemon = {
  readonly process: ChildProcess;
  /** Lines so far. */
  readonly lines: readonly LogLine[];
  /** What it wrote that is no line of its log: traces, warnings of Node. */
  readonly strays: readonly string[];
  /** Resolves once it serves `/ready`; rejects when it ended before. */
  readonly opened: Promise<void>;
  readonly ended: Promise<number | string>;
  /** Status and reasons of `/ready`; status 0 while nothing answers. */
  ready(): Promise<{ readonly status: number; readonly reasons: readonly string[] }>;
  /** Empty while nothing answers. */
  metrics(): Promise<string>;
  /** Resident memory, bytes. */
  rss(): number;
  /** Open file descriptors. */
  fds(): number;
};

export type LiveOptions = {
  readonly folder: string;
  readonly config: object;
  readonly env?: Readonly<Record<string, string>>;
  /** Flags of Node before the program. */
  readonly flags?: readonly string[];
  /** A program and its arguments that start it, instead of the shell's. */
  readonly wrap?: readonly string[];
};

const MAIN = join(import.meta.dirname, "../../src/main.ts");
const CACHE = join(import.meta.dirname, "../../node_modules/.cache/sagewatch-chaos");
/** Started and not ended yet: none outlives the process that started it. */
const alive = new Set<ChildProcess>();
process.once("exit", () => alive.forEach((child) => child.kill("SIGKILL")));

/** Starts one on `config`, with `http` on a free port. Credentials of the emulators are in its environment. */
export function startLive({ folder, config, env = {}, flags = [], wrap = [] }: LiveOptions): LiveDaemon {
  const path = join(folder, "sagewatch.yml");
  writeFileSync(path, JSON.stringify({ http: { enabled: true, port: 0 }, ...config }));
  const given = { ...PLANTED_CREDENTIALS, NODE_COMPILE_CACHE: CACHE, ...env };
  const command = [...wrap, process.execPath, ...HEAP_FLAGS, ...flags, MAIN, "run", "--config", path] as const;
  const child = spawn(command[0], command.slice(1), {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...given },
  });
  alive.add(child);
  const log = readLog(child);
  const ended = once(child, "close").then(([code, signal]) => {
    alive.delete(child);
    seekSecrets(given, log.texts, folder);
    return (code ?? signal) as number | string;
  });
  const ask = async (way: string): Promise<{ readonly status: number; readonly body: string } | null> => {
    const at = log.lines.find(({ signal }) => signal === "http_opened");
    if (at === undefined) return null;
    try {
      const answer = await fetch(`http://127.0.0.1:${Number(at["port"])}${way}`, { signal: AbortSignal.timeout(5000) });
      return { status: answer.status, body: await answer.text() };
    } catch {
      return null;
    }
  };
  const ready: LiveDaemon["ready"] = async () => {
    const answer = await ask("/ready");
    if (answer === null) return { status: 0, reasons: [] };
    const { reasons = [] } = JSON.parse(answer.body) as { reasons?: { code: string }[] };
    return { status: answer.status, reasons: reasons.map(({ code }) => code) };
  };
  return {
    process: child,
    lines: log.lines,
    strays: log.strays,
    opened: untilReady(ready, child, log),
    ended,
    ready,
    metrics: async () => (await ask("/metrics"))?.body ?? "",
    rss: () => readRss(child.pid ?? 0),
    fds: () => countFds(child.pid ?? 0),
  };
}

type Log = { readonly lines: LogLine[]; readonly strays: string[]; readonly texts: string[] };

function readLog(child: ChildProcess): Log {
  const [lines, strays, texts]: [LogLine[], string[], string[]] = [[], [], []];
  let rest = "";
  child.stderr?.on("data", (bytes: Buffer) => {
    const whole = (rest + bytes.toString()).split("\n");
    rest = whole.pop() ?? "";
    texts.push(...whole);
    for (const line of whole)
      try {
        lines.push(JSON.parse(line) as LogLine);
      } catch {
        strays.push(line);
      }
  });
  return { lines, strays, texts };
}

async function untilReady(
  ready: LiveDaemon["ready"],
  child: ChildProcess,
  log: { readonly lines: readonly LogLine[]; readonly strays: readonly string[] },
): Promise<void> {
  while ((await ready()).status === 0) {
    if (child.exitCode !== null || child.signalCode !== null) {
      if (child.signalCode === "SIGKILL") return;
      const said = [...log.strays, ...log.lines.slice(-3).map((line) => JSON.stringify(line))].join("\n");
      throw new Error(`the daemon ended before it served: ${said.slice(-3000)}`);
    }
    await sleep(50);
  }
}

function readRss(pid: number): number {
  try {
    const pages = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+)/.exec(pages)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function countFds(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}
