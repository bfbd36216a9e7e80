/**
 * Fetches the broker's jars into the cache, once a user, each checked against jars.lock.
 *
 * Maven does it, so that a company's mirror and its log-in work as everywhere; with SAGEWATCH_MAVEN_URL the jars come
 * straight from that Maven repository instead. Everything goes into a folder of its own that is renamed when it is whole:
 * two processes at once both succeed, and a killed one leaves no half-filled folder.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CACHE } from "../cache.ts";
import { JARS, LIBS } from "./place.ts";

const MVN_MS = 300_000;
const FETCH_MS = 60_000;

/** Makes sure that LIBS is there. Throws with what to install or set when it cannot. */
export async function installJars(): Promise<void> {
  if (existsSync(LIBS)) return;
  await mkdir(CACHE, { recursive: true });
  const unlock = await lock(join(CACHE, "fetching.lock"));
  try {
    if (!existsSync(LIBS)) await fetchJars();
  } finally {
    await unlock();
  }
}

async function fetchJars(): Promise<void> {
  const folder = await mkdtemp(join(CACHE, "fetching-"));
  try {
    const repository = process.env["SAGEWATCH_MAVEN_URL"];
    if (repository === undefined) await byMaven(folder);
    else await byHttp(folder, repository.replace(/\/$/, ""));
    for (const { file, sha256 } of JARS) {
      const found = createHash("sha256")
        .update(await readFile(join(folder, file)))
        .digest("hex");
      if (found !== sha256) throw new Error(`${file} has the sha256 ${found}, jars.lock says ${sha256}`);
    }
    await rename(folder, LIBS).catch((error: unknown) => {
      if (!existsSync(LIBS)) throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** One fetching at a time, for Maven's own folder does not bear two; a lock that a killed process left is taken over. */
async function lock(path: string): Promise<() => Promise<void>> {
  const begunMs = Date.now();
  while (Date.now() - begunMs < MVN_MS) {
    try {
      await writeFile(path, String(process.pid), { flag: "wx" });
      return () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = Number(await readFile(path, "utf8").catch(() => "0"));
    if (holder > 0 && !isAlive(holder)) await rm(path, { force: true });
    await sleep(200);
  }
  throw new Error(`another process has been fetching the broker for too long; remove ${path}`);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function byMaven(folder: string): Promise<void> {
  const pom = join(import.meta.dirname, "pom.xml");
  const goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", `-DoutputDirectory=${folder}`];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = spawn("mvn", ["-B", "-q", "-f", pom, ...goal], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: MVN_MS,
    killSignal: "SIGKILL",
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => (said += bytes.toString()));
  child.on("error", (error: NodeJS.ErrnoException) =>
    reject(
      error.code === "ENOENT"
        ? new Error("there is no mvn: install maven, or set SAGEWATCH_MAVEN_URL to a Maven repository")
        : error,
    ),
  );
  child.on("close", (code) =>
    code === 0 ? resolve() : reject(new Error(`mvn ended with ${code}: ${said.slice(-2000)}`)),
  );
  return promise;
}

async function byHttp(folder: string, repository: string): Promise<void> {
  const waiting = [...JARS];
  const worker = async (): Promise<void> => {
    for (let jar = waiting.shift(); jar !== undefined; jar = waiting.shift()) {
      const answer = await fetch(`${repository}/${jar.path}`, { signal: AbortSignal.timeout(FETCH_MS) });
      if (!answer.ok) throw new Error(`${repository}/${jar.path}: HTTP ${answer.status}`);
      await writeFile(join(folder, jar.file), await answer.bytes());
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
}
