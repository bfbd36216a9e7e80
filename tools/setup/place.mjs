// Where things lie in this checkout, which Node runs them, and how set-up speaks.
//
// Read by tools/run.mjs before anything is installed: it runs on a host Node of 20 or newer and imports no package.
// Everything set-up says goes to stderr, so that stdout carries nothing but what the command itself prints.
// It decides only from the running process; it installs nothing and starts nothing.
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";

/** The Node installed into tools/runtime/ where the host's is too old; the same version as in tools/runtime/package.json. */
export const PINNED_NODE = "24.21.0";

/** Oldest host Node that can run the set-up itself. */
const OLDEST_HOST_MAJOR = 20;

/** Exit code of a set-up that cannot be done: the command "can't run". */
const CANNOT_RUN = 3;

export const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
export const at = (...parts) => path.join(root, ...parts);

const [major, minor] = process.versions.node.split(".").map(Number);
const isWindows = process.platform === "win32";

/** Whether the host's own Node will do: 24.15 is the first that prints no warning for node:sqlite. */
export const hostIsFine = major > 24 || (major === 24 && minor >= 15);

/** The npm package that carries the Node binary of this platform (Node's own naming, odd on macOS arm64). */
export const nodePackage = nameNodePackage();

/** The Node that runs everything but the set-up. */
export const node = hostIsFine
  ? process.execPath
  : at("tools/runtime/node_modules", nodePackage, "bin", isWindows ? "node.exe" : "node");

/** Written last by a successful set-up, so a half-done one is seen and repaired by the next run. */
export const nodeStamp = at("tools/runtime/node_modules/.ok");
export const packagesStamp = at("node_modules/.setup-stamp");

function nameNodePackage() {
  const prefix = process.platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node";
  return `${prefix}-${isWindows ? "win" : process.platform}-${process.arch}`;
}

/** The text of a file, or "" where there is none. */
export function read(file) {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

export function say(text) {
  process.stderr.write(`setup: ${text}\n`);
}

export function die(text, code = CANNOT_RUN) {
  say(text);
  process.exit(code);
}

export function refuseOldHost() {
  if (major >= OLDEST_HOST_MAJOR) return;
  die(
    `Node ${process.versions.node} is too old to start: install Node ${OLDEST_HOST_MAJOR} or newer ` +
      `(this repository then brings its own Node ${PINNED_NODE}).`,
  );
}

/** What the packages' stamp must say: it changes with the lock file, and with the machine a shared folder is used from. */
export function wantedStamp() {
  const lockHash = createHash("sha256")
    .update(read(at("package-lock.json")))
    .digest("hex");
  return `${lockHash} ${process.platform}-${process.arch}`;
}

export const isNodeReady = () => hostIsFine || read(nodeStamp) === PINNED_NODE;
export const arePackagesReady = () => read(packagesStamp) === wantedStamp();
export const isReady = () => isNodeReady() && arePackagesReady();
