/**
 * MiniStack and moto, the AWS emulators that our own are held against: each of one version, with all that it needs, by the
 * hashes of its lock file, in a Python environment of its own in the cache of this user.
 *
 * They are Python, so a checkout does not bring them: `npm run test:peers` fetches them, and nothing else asks for them.
 * The lock files were made with `uv pip compile --generate-hashes --universal --python-version 3.10`.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CACHE } from "../cache.ts";

export type PeerName = "ministack" | "moto";

/** Each peer's version, as its lock file has it, and the program in its environment. */
export const PEERS: Readonly<Record<PeerName, { readonly version: string; readonly program: string }>> = {
  ministack: { version: "1.5.33", program: "python" },
  moto: { version: "5.2.5", program: "moto_server" },
};

/** Whole path of the program, or why it is not there. */
export type Found = { readonly path: string } | { readonly missing: string };

/** Twenty packages or so; seconds where the network is good. */
const FETCH_LIMIT_MS = 600_000;
const STAMP = ".ok";

function lockOf(name: PeerName): string {
  return join(import.meta.dirname, `${name}.lock`);
}

/** Another lock file is another environment. */
function folderOf(name: PeerName): string {
  const hash = createHash("sha256").update(readFileSync(lockOf(name))).digest("hex").slice(0, 12); // prettier-ignore
  return join(CACHE, `${name}-${PEERS[name].version}-${hash}`);
}

/** The peer that was fetched. Starts nothing. */
export function findPeer(name: PeerName): Found {
  const folder = folderOf(name);
  if (existsSync(join(folder, STAMP))) return { path: join(folder, "bin", PEERS[name].program) };
  return { missing: `${name} is not here: \`npm run test:peers\` fetches it` };
}

/** Fetches the peer where it was not yet. `missing` says what went wrong. */
export function fetchPeer(name: PeerName): Found {
  const found = findPeer(name);
  if ("path" in found) return found;
  const folder = folderOf(name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const pip = [join(folder, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check"];
  // No package may run a script of its own while it is installed.
  const locked = ["--require-hashes", "--only-binary", ":all:", "--requirement", lockOf(name)];
  const why = run(["python3", "-m", "venv", folder]) ?? run([...pip, ...locked]);
  if (why !== null) return { missing: `${name} ${PEERS[name].version} cannot be fetched: ${why}` };
  writeFileSync(join(folder, STAMP), "");
  return findPeer(name);
}

/** Why it did not work: null when it did. */
function run([command = "", ...args]: readonly string[]): string | null {
  const { status, error, stderr } = spawnSync(command, args, { encoding: "utf8", timeout: FETCH_LIMIT_MS });
  if (status === 0) return null;
  return error?.message ?? `${args.slice(0, 2).join(" ")}: ${stderr.trim().split("\n").slice(-3).join(" ")}`;
}
