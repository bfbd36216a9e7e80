/**
 * Where the walk takes place: emulators and receivers of everything, secrets that can be told from anything else, and the
 * command line as processes of their own, of which every word is kept.
 */
import * as sts from "@aws-sdk/client-sts";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SHIPPED_RULES } from "../../src/config/load.ts";
import type { FaultRule } from "../fakes/fault-proxy.ts";
import { serve, startFake } from "../fakes/service.ts";
import { type LiveDaemon, startLive } from "../live/daemon.ts";
import { writeLiveRules } from "../live/rules.ts";
import { openQueue } from "../outages/sources.ts";
import type { Head, Target } from "../outages/target.ts";
import { TARGETS } from "../outages/targets.ts";
import { seekSecrets } from "../support/secrets.ts";

/** Sinks of all types but the console. */
const SINKS = ["eventbridge", "security-hub", "sqs", "sns", "splunk-hec", "elastic", "webhook", "slack", "pagerduty"];
const MAIN = join(import.meta.dirname, "../../src/main.ts");
const STATE_FOLDERS = { plain: "state", disk: "disk/state" } as const;

export type Said = { readonly code: number; readonly stdout: string; readonly stderr: string };

export type Place = {
  readonly folder: string;
  readonly queue: Target;
  readonly sinks: readonly Target[];
  /** Runs a command in the folder, to its end. */
  command(...args: readonly string[]): Promise<Said>;
  /** Starts the daemon on the configuration of everything; resolves once it serves its pages. */
  start(wrap?: readonly string[]): Promise<LiveDaemon>;
  /** The daemon that a step left running, or else one that is started. */
  running(): Promise<LiveDaemon>;
  /** Where the state is from the next start on. */
  keepStateOn(where: keyof typeof STATE_FOLDERS): void;
  /** Writes the credentials that AWS clients read; `id` is their key id. */
  setCredentials(id: string): void;
  /** Faults of everything that speaks AWS. */
  setFaults(...rules: readonly FaultRule[]): void;
  /** What each sink got so far. */
  received(): Promise<ReadonlyMap<string, readonly Head[]>>;
  /** All that commands and daemons wrote so far, pages of HTTP that were asked for included. */
  readonly words: string[];
  /** Values that must be in none of them. */
  readonly secrets: readonly string[];
  close(): Promise<void>;
};

/** Whether this user may mount a disk of his own, to fill it. */
export function mayMount(): boolean {
  return spawnSync("unshare", ["-Urm", "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"]).status === 0;
}

/** `kafka`: with a broker, which needs Java and a quarter of a minute. `visibility`: of the queue. */
export type PlaceOptions = { readonly kafka: boolean; readonly visibility?: string };

export async function openPlace({ kafka, visibility }: PlaceOptions): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), "sagewatch-walk-"));
  mkdirSync(join(folder, "disk"));
  const fake = await startFake([
    serve(sts, {
      GetCallerIdentity: () => ({ Arn: "arn:aws:iam::111122223333:user/walk", Account: "111122223333", UserId: "A" }),
    }),
  ]);
  // Longer than a busy machine needs: an answer that comes too late brings an alert twice.
  const options = { folder, timeout: "30s" };
  const names = [...SINKS, "file-away", ...(kafka ? ["topic"] : [])];
  const sinks = await Promise.all(names.map((name) => (TARGETS[name] as (typeof TARGETS)[string]).open(options)));
  const queue = await openQueue("queue", visibility);
  const speaking = [queue, ...sinks].flatMap(({ proxy, env }) =>
    proxy === undefined || env !== undefined ? [] : [proxy],
  );
  for (const proxy of speaking) proxy.target(fake.url, "sts");
  const env: Record<string, string> = Object.assign({}, ...sinks.map((sink) => sink.env ?? {}));
  const credentials = join(folder, "credentials");
  const aws = {
    AWS_ACCESS_KEY_ID: "",
    AWS_SECRET_ACCESS_KEY: "",
    AWS_SHARED_CREDENTIALS_FILE: credentials,
    AWS_CONFIG_FILE: join(folder, "none"),
    AWS_EC2_METADATA_DISABLED: "true",
  };
  const words: string[] = [];
  const secrets = Object.values(env);
  const rules = writeLiveRules(join(folder, "live-rules", "live.yml"));
  let state: string = STATE_FOLDERS.plain;
  const settings = (): object => ({
    state: { dir: join(folder, state) },
    sources: [queue.config],
    sinks: sinks.map(({ config }) => config),
    rules: { paths: [SHIPPED_RULES, rules] },
    commit: { intervalMs: 50 },
  });
  const write = (): void => writeFileSync(join(folder, "sagewatch.yml"), JSON.stringify(settings()));
  write();
  let last: LiveDaemon | null = null;
  const start: Place["start"] = async (wrap) => {
    const daemon = startLive({ folder, config: settings(), env: { ...aws, ...env }, ...(wrap && { wrap }) });
    daemon.process.stderr?.on("data", (bytes: Buffer) => void words.push(bytes.toString()));
    await daemon.opened;
    last = daemon;
    void daemon.ended.then(() => (last = last === daemon ? null : last));
    return daemon;
  };
  return {
    folder,
    queue,
    sinks,
    words,
    secrets,
    command: async (...args) => {
      const said = await runCommand(args, { folder, env: { ...aws, ...env } });
      words.push(said.stdout, said.stderr);
      return said;
    },
    start,
    running: async () => last ?? start(),
    keepStateOn: (where) => {
      state = STATE_FOLDERS[where];
      write();
    },
    setCredentials: (id) => {
      const secret = `${id}-planted-secret-access-key`;
      secrets.push(secret);
      writeFileSync(credentials, `[default]\naws_access_key_id = ${id}\naws_secret_access_key = ${secret}\n`);
    },
    setFaults: (...rules_) => speaking.forEach((proxy) => proxy.set(...rules_)),
    received: async () =>
      new Map(await Promise.all(sinks.map(async ({ name, received }) => [name, (await received?.()) ?? []] as const))),
    close: async () => {
      last?.process.kill("SIGKILL");
      await last?.ended;
      await Promise.all([queue, ...sinks].map((target) => target.close()));
      await fake.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function runCommand(
  args: readonly string[],
  { folder, env }: { readonly folder: string; readonly env: Readonly<Record<string, string>> },
): Promise<Said> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on("data", (bytes: Buffer) => void out.push(bytes));
  child.stderr.on("data", (bytes: Buffer) => void err.push(bytes));
  const [code] = (await once(child, "close")) as [number | null];
  const [stdout, stderr] = [Buffer.concat(out).toString(), Buffer.concat(err).toString()];
  seekSecrets(env, [stdout, stderr]);
  return { code: code ?? -1, stdout, stderr };
}
