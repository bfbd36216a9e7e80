/**
 * A peer as a process of its own on a port of 127.0.0.1, with nothing of this machine's AWS settings in its environment.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../fakes/kinesis.ts";
import { findPeer, type PeerName } from "./install.ts";

export type Peer = {
  readonly url: string;
  /** The end of what it wrote. */
  log(): string;
  close(): Promise<void>;
};

/** The account of both peers, that of the fakes. */
export const PEER_ACCOUNT = "111122223333";
const START_MS = 60_000;
const LOG_CHARS = 20_000;

/** Starts it; `env` beside what each always gets. Throws where it was not fetched or does not answer within a minute. */
export async function startPeer(name: PeerName, env: Readonly<Record<string, string>> = {}): Promise<Peer> {
  const found = findPeer(name);
  if ("missing" in found) throw new Error(found.missing);
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), `sagewatch-${name}-`));
  const args = name === "ministack" ? ["-m", "ministack"] : ["--host", "127.0.0.1", "--port", String(port)];
  const child = spawn(found.path, args, {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"], HOME: folder, TMPDIR: folder, ...settingsOf(name, port), ...env },
  });
  let log = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (bytes: Buffer) => (log = (log + bytes.toString()).slice(-LOG_CHARS)));
  const url = `http://127.0.0.1:${port}`;
  const close = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const closed = once(child, "close");
      child.kill("SIGKILL");
      await closed;
    }
    rmSync(folder, { recursive: true, force: true });
  };
  if (!(await isUp(url, child))) {
    await close();
    throw new Error(`${name} does not answer at ${url}: ${log.slice(-2000)}`);
  }
  return { url, log: () => log, close };
}

function settingsOf(name: PeerName, port: number): Readonly<Record<string, string>> {
  if (name === "moto") return { MOTO_ACCOUNT_ID: PEER_ACCOUNT };
  return {
    // Without it everybody on the network could reach it.
    BIND_HOST: "127.0.0.1",
    GATEWAY_PORT: String(port),
    MINISTACK_HOST: "127.0.0.1",
    MINISTACK_ACCOUNT_ID: PEER_ACCOUNT,
    MINISTACK_REGION: "eu-west-1",
    CLOUDTRAIL_RECORDING: "1",
    LOG_LEVEL: "WARNING",
  };
}

async function isUp(url: string, child: ChildProcess): Promise<boolean> {
  const endMs = performance.now() + START_MS;
  while (performance.now() < endMs && child.exitCode === null) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(5000) }).catch(() => null);
    if (answer !== null) return true;
    await sleep(100);
  }
  return false;
}
