/** Folders, configurations and runs of the end-to-end tests: the real composition, in this process or as the command. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { composeReplay, composeRun, type ReplayResult, type Wraps } from "../../src/compose.ts";
import { parseConfig } from "../../src/config/load.ts";
import { ADAPTERS } from "../../src/config/registries.ts";
import type { Config } from "../../src/config/schema.ts";
import type { Alert, AlertContent } from "../../src/model/alert.ts";
import type { Signal } from "../../src/model/signal.ts";
import { writeRules } from "../chaos/rules.ts";
import { PLANTED_CREDENTIALS, seekSecrets } from "../support/secrets.ts";

/** Slow machines: processes are started and real waits waited for. */
export const TIMEOUT_MS = 120_000;
const CACHE = join(import.meta.dirname, "../../node_modules/.cache/sagewatch-chaos");

/** Folders of a test, removed after it. */
export type Place = { readonly root: string; readonly input: string; readonly state: string; readonly sink: string };

/** Makes the folders of a test. */
export function createPlace(): Place {
  const root = mkdtempSync(join(tmpdir(), "sagewatch-e2e-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const input = join(root, "input");
  mkdirSync(input);
  writeRules(join(root, "rules"), "watch");
  return { root, input, state: join(root, "state"), sink: join(root, "alerts.ndjson") };
}

/** Writes a file and the folders above it. */
export function write(path: string, bytes: string | Uint8Array): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

/** What a configuration of these tests may differ in. */
export type Settings = {
  readonly mode?: "once" | "watch";
  readonly afterRead?: "keep" | "delete";
  /** Of the source, as a duration. Default: the product's. */
  readonly lateness?: string;
  readonly limits?: Readonly<Record<string, number>>;
  /** Rules beside those of the chaos runs; the word `shipped` among them. */
  readonly rules?: readonly string[];
  /** Sections of the configuration that are given as they stand. */
  readonly more?: Readonly<Record<string, unknown>>;
};

/** The text of a configuration: JSON is YAML. */
export function configText(
  place: Place,
  { mode = "once", afterRead = "keep", lateness = "30m", limits = {}, rules = [], more = {} }: Settings,
): string {
  return JSON.stringify({
    state: { dir: place.state },
    sources: [{ type: "file", name: "in", paths: [place.input], mode, afterRead, lateness }],
    sinks: [{ type: "file", path: place.sink }],
    rules: { paths: [join(place.root, "rules"), ...rules] },
    limits,
    updateEvery: "1s",
    ...more,
  });
}

/** The configuration itself. */
export function toConfig(place: Place, settings: Settings = {}): Config {
  return parseConfig(configText(place, settings), { adapters: ADAPTERS, path: null }).config;
}

/** A run in this process until its sources end, or until `signal`. */
export async function run(
  config: Config,
  more: { signal?: AbortSignal; wraps?: Wraps; emit?: (signal: Signal) => void } = {},
): Promise<void> {
  const { signal = new AbortController().signal, emit = () => undefined, wraps = {} } = more;
  await composeRun({ config, emit, signal, wraps });
}

/** A replay in this process, by the rules of `config`. */
export async function replay(config: Config, paths: readonly string[]): Promise<ReplayResult> {
  const { signal } = new AbortController();
  return composeReplay({ config, paths, rulePaths: null, latenessMs: null, emit: () => undefined, signal });
}

/** Content by id: what two runs over the same records must agree on. */
export function toContents(alerts: readonly Alert[]): Record<string, AlertContent> {
  const entries = alerts.map((alert) => {
    const {
      revision: _number,
      seenTime: _time,
      pointers: _places,
      enrichment: _added,
      enrichmentErrors: _missing,
      ...content
    } = alert as Alert & { pointers?: unknown; enrichment?: unknown; enrichmentErrors?: unknown };
    return [content.id, content] as const;
  });
  return Object.fromEntries(entries.toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** Waits until `isSo`, looking every 50 ms; an error names what did not come. */
export async function until(isSo: () => boolean, what: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < TIMEOUT_MS / 2; waitedMs += 50) {
    if (isSo()) return;
    await sleep(50);
  }
  throw new Error(`this did not come: ${what}`);
}

/** The command as a process of its own. */
export type Command = {
  readonly process: ChildProcess;
  /** What it wrote to stderr so far. */
  log(): string;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
};

/** Starts `sagewatch run` with this configuration. Killed after the test if still there. */
export function startRun(place: Place, settings: Settings, name = "sagewatch.yml"): Command {
  const path = write(join(place.root, name), configText(place, settings));
  const main = join(import.meta.dirname, "../../src/main.ts");
  const child = spawn(process.execPath, [main, "run", "--config", path], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...PLANTED_CREDENTIALS, ...process.env, NODE_COMPILE_CACHE: CACHE },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let log = "";
  child.stderr.on("data", (bytes: Buffer) => (log += bytes.toString()));
  const ended = once(child, "close").then(([code, signal]) => {
    seekSecrets(process.env, [log], signal === null ? place.state : undefined);
    return (code ?? signal) as number | string;
  });
  return { process: child, log: () => log, ended };
}
