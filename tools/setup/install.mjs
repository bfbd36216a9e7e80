// Brings what is missing: first a Node, where the host's is too old, then the packages of package-lock.json.
//
// In this order and by that Node, because npm silently leaves out native packages whose `engines` refuse the Node it
// runs on. Nothing npm says is believed: the binary is started, and each optional package that fits this machine is
// looked for. The stamps are written last. It never runs an install script and never writes outside the checkout.
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { npm } from "./npm.mjs";
import * as place from "./place.mjs";

const { at, die, node, nodePackage, PINNED_NODE, read, root, say } = place;

export async function install() {
  const begunAt = Date.now();
  if (!place.isNodeReady()) await installNode();
  if (!place.arePackagesReady()) await installPackages();
  say(`ready after ${Math.round((Date.now() - begunAt) / 1000)} s`);
}

async function installNode() {
  const isLocked = read(at("tools/runtime/package-lock.json")).includes(`"node_modules/${nodePackage}"`);
  const args = isLocked ? ["ci"] : ["install", "--no-save", "--no-package-lock", `${nodePackage}@${PINNED_NODE}`];
  await npm(process.execPath, args, {
    cwd: at("tools/runtime"),
    text: `installing Node ${PINNED_NODE} for this checkout (the host has ${process.versions.node}; 53 MB, once)`,
  });
  if (!doesNodeStart()) await explainMissingNode();
  fs.writeFileSync(place.nodeStamp, PINNED_NODE);
}

function doesNodeStart() {
  return spawnSync(node, ["-v"], { encoding: "utf8" }).stdout?.trim() === `v${PINNED_NODE}`;
}

async function explainMissingNode() {
  const args = ["view", `${nodePackage}@${PINNED_NODE}`, "version"];
  await npm(process.execPath, args, { cwd: root, text: "npm brought no Node; asking it why:" });
  die(
    `could not get Node ${PINNED_NODE} for ${process.platform}-${process.arch}: check the network, ` +
      `or install Node 24 yourself, and run the command again.`,
  );
}

async function installPackages() {
  const done =
    (await installOnce("installing the packages of package-lock.json (once)")) ||
    (await installOnce("npm ci failed: once more from an empty folder"));
  if (!done) die("npm ci failed (see above): check the network and run the command again.");
  const missing = findMissingOptional();
  if (missing.length > 0) die(`npm left out ${missing.join(", ")} (download failed?): run the command again.`);
  fs.writeFileSync(place.packagesStamp, place.wantedStamp());
}

async function installOnce(text) {
  if ((await npm(node, ["ci"], { cwd: root, text })) === 0) return true;
  fs.rmSync(at("node_modules"), { recursive: true, force: true, maxRetries: 3 });
  return false;
}

/** Optional packages of the lock that are made for this machine and did not arrive. */
function findMissingOptional() {
  const { packages } = JSON.parse(read(at("package-lock.json")));
  const isGlibc = process.platform === "linux" && process.report.getReport().header.glibcVersionRuntime;
  const libc = process.platform !== "linux" || isGlibc ? "glibc" : "musl";
  return Object.entries(packages)
    .filter(([, entry]) => entry.optional && (entry.os || entry.cpu))
    .filter(([, entry]) => fits(entry.os, process.platform) && fits(entry.cpu, process.arch) && fits(entry.libc, libc))
    .map(([folder]) => folder)
    .filter((folder) => !fs.existsSync(at(folder, "package.json")));
}

/** npm's rule for os, cpu and libc: no list fits all, "!x" means anything but x. */
function fits(list, value) {
  if (list === undefined) return true;
  return [list].flat().some((entry) => entry === value || (entry.startsWith("!") && entry !== `!${value}`));
}
