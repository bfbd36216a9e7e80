// npm run test:image: builds the container image and holds it against what the documentation promises of it.
//
// It runs as uid 1000 with a read-only root, no capability, no network and 256 MiB; it answers its health check; a
// delivery file laid into its spool becomes an alert; SIGTERM ends it with 0 after a drain; it writes nothing outside
// its volumes; its bill of materials names all that is installed; it starts on a volume as Kubernetes mounts it. Takes about 90 s. Exit code: 0 passed, 1 a promise is broken, 3 no engine can be had here. All it makes
// lies in one temporary folder and in images of its own names, and is removed at the end.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findBase, STAND_IN } from "./image/base.mjs";
import { openEngine } from "./image/engine.mjs";
import { stopLogging } from "./image/record.mjs";
import { CannotRun, say } from "./image/shell.mjs";

const IMAGE = "sagewatch-test";
const CONTAINER = "sagewatch-test-run";
const UID = "1000";
const DRAIN_LIMIT_S = 25;
const root = path.dirname(import.meta.dirname);

// As a careful operator would run it; nothing here may be needed by the image to be less careful.
const HARDENING = [
  "--read-only",
  "--cap-drop=ALL",
  "--security-opt=no-new-privileges",
  "--network=none",
  "--memory=256m",
  "--pids-limit=64",
];

const CONFIG = `sources:
  - type: file
    mode: watch
    paths: [/spool]
sinks:
  - type: console
    format: native
`;

/** Prints name@version of each package that is installed, sorted, one a line. */
const LIST_PACKAGES = `
  const fs = require("node:fs");
  const found = new Set();
  const walk = (folder) => {
    for (const name of fs.existsSync(folder) ? fs.readdirSync(folder) : []) {
      if (name.startsWith("@")) walk(folder + "/" + name);
      else if (!name.startsWith(".")) {
        const it = JSON.parse(fs.readFileSync(folder + "/" + name + "/package.json", "utf8"));
        found.add(it.name + "@" + it.version);
        walk(folder + "/" + name + "/node_modules");
      }
    }
  };
  walk("/opt/sagewatch/node_modules");
  console.log([...found].sort().join("\\n"));
`;

const faults = [];

function expect(what, isSo, found) {
  say(`${isSo ? "ok    " : "FAILED"} ${what}${isSo ? "" : `: ${found}`}`);
  if (!isSo) faults.push(what);
}

async function build(engine, folder) {
  const wanted = /^ARG BASE=(.+)$/m.exec(fs.readFileSync(path.join(root, "Dockerfile"), "utf8"))[1];
  const base = await findBase(engine, { folder, wanted });
  say(`building on ${base}`);
  await engine.run(["build", "--network=host", "--build-arg", `BASE=${base}`, "-t", IMAGE, root]);
}

async function testCommands(engine) {
  const once = (...args) => engine.run(["run", "--rm", ...HARDENING, ...args]);
  const version = await once(IMAGE, "version", "--json");
  const declared = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8")).version;
  expect("version --json names the version of package.json", JSON.parse(version).engine === declared, version);
  const uid = await once("--entrypoint=id", IMAGE, "-u");
  expect("it runs as uid 1000", uid === UID, uid);
  const rules = await once(IMAGE, "rules", "check").catch((error) => error.message);
  expect("the shipped rules load", /\b0 errors in [1-9]\d* rules/.test(rules), rules);
  const named = await once("--entrypoint=sagewatch", IMAGE, "version", "--json").catch((error) => error.message);
  expect("sagewatch is on the path", named === version, named);
  const npm = await once("--entrypoint=npm", IMAGE, "--version").catch(() => "absent");
  expect("it has no npm", npm === "absent", npm);
}

/** The bill of materials against what lies in the image: each folder of a package, each package of dpkg, Node. */
async function testBill(engine) {
  const inside = (entrypoint, ...args) =>
    engine.run(["run", "--rm", ...HARDENING, `--entrypoint=${entrypoint}`, IMAGE, ...args]);
  const bill = JSON.parse(await inside("cat", "/opt/sagewatch/sbom.cdx.json"));
  const listed = (prefix) => bill.components.filter(({ purl }) => purl.startsWith(prefix));
  const found = await inside("node", "-e", LIST_PACKAGES);
  const npm = listed("pkg:npm/").map(({ name, version }) => `${name}@${version}`);
  expect("its bill of materials has all npm packages", npm.toSorted().join("\n") === found, `${npm.length}: ${found}`);
  const debian = (await inside("dpkg-query", "-W", "-f", "${Package}=${Version}\\n")).split("\n").toSorted();
  const own = listed("pkg:deb/").map(({ name, version }) => `${name}=${version}`);
  expect("... all Debian packages", own.toSorted().join() === debian.join(), `${own.length} of ${debian.length}`);
  const node = await inside("node", "-p", "process.versions.node");
  expect("... and its Node", listed("pkg:generic/node@")[0]?.version === node, node);
}

async function testDaemon(engine, folder) {
  const spool = path.join(folder, "spool");
  fs.mkdirSync(spool);
  fs.writeFileSync(path.join(folder, "sagewatch.yml"), CONFIG);
  const mounts = [
    "-v",
    `${path.join(folder, "sagewatch.yml")}:/etc/sagewatch/sagewatch.yml:ro`,
    "-v",
    `${spool}:/spool:ro`,
  ];
  await engine.run(["run", "-d", "--name", CONTAINER, ...HARDENING, "--health-interval=2s", ...mounts, IMAGE]);
  try {
    const health = await waitForHealth(engine);
    expect("its health check passes", health === "healthy", `${health}; ${await logs(engine)}`);
    const ready = await ask(engine, "/ready");
    expect("it is ready, listening on every address", ready.includes('"ready":true'), ready);
    const metrics = await ask(engine, "/metrics");
    expect("it serves its metrics", /^sagewatch_up 1$/m.test(metrics), metrics.slice(0, 500));
    fs.writeFileSync(path.join(spool, "delivery.json"), JSON.stringify({ Records: [stopLogging()] }));
    const seen = await waitForLog(engine, "StopLogging");
    expect("a delivery file in its spool becomes an alert", seen, await logs(engine));
    await testStop(engine);
  } finally {
    await engine.run(["rm", "-f", "-v", CONTAINER]);
  }
}

async function testStop(engine) {
  const begunAt = Date.now();
  await engine.run(["stop", "-t", String(DRAIN_LIMIT_S), CONTAINER]);
  const tookS = (Date.now() - begunAt) / 1000;
  const code = await engine.run(["inspect", "-f", "{{.State.ExitCode}}", CONTAINER]);
  expect("SIGTERM ends it with exit code 0", code === "0", `${code}; ${await logs(engine)}`);
  expect(`it drains in under ${DRAIN_LIMIT_S} s`, tookS < DRAIN_LIMIT_S, `${tookS} s`);
  const written = await engine.run(["diff", CONTAINER]);
  const outside = written
    .split("\n")
    .filter((line) => line.startsWith("A ") && !/ \/(spool|etc\/sagewatch)/.test(line));
  expect("it writes nothing outside its volumes", outside.length === 0, outside.join(", "));
}

/** Kubernetes gives a volume's root to root and the pod's group, open to others: a folder in it is the state's. */
async function testVolume(engine, folder) {
  const volume = path.join(folder, "volume");
  fs.mkdirSync(volume);
  if (process.getuid() !== 0)
    return say("skipped: it starts on a volume as Kubernetes mounts it (needs root to make one)");
  fs.chownSync(volume, 0, Number(UID));
  fs.chmodSync(volume, 0o2775);
  const args = [
    "-v",
    `${path.join(folder, "sagewatch.yml")}:/etc/sagewatch/sagewatch.yml:ro`,
    "-v",
    `${volume}:/var/lib/sagewatch`,
    "--env=SAGEWATCH_STATE_DIR=/var/lib/sagewatch/state",
  ];
  await engine.run(["run", "-d", "--name", CONTAINER, ...HARDENING, "--health-interval=2s", ...args, IMAGE]);
  try {
    await waitForHealth(engine);
    const ready = await ask(engine, "/ready");
    expect("it starts on a volume as Kubernetes mounts it", ready.includes('"ready":true'), await logs(engine));
    const mode = (fs.statSync(path.join(volume, "state")).mode & 0o777).toString(8);
    expect("the state in it is closed to others", mode === "700", mode);
  } finally {
    await engine.run(["rm", "-f", "-v", CONTAINER]);
  }
}

/** What a page answers, asked from inside: the container has no network. */
const ask = (engine, page) =>
  engine
    .run([
      "exec",
      CONTAINER,
      "node",
      "-e",
      `fetch("http://127.0.0.1:9464${page}").then(async (answer) => console.log(await answer.text()))`,
    ])
    .catch((error) => error.message);

async function waitForHealth(engine) {
  let status = "starting";
  for (let tries = 0; tries < 30 && status === "starting"; tries++) {
    await sleep(500);
    status = await engine.run(["inspect", "-f", "{{.State.Health.Status}}", CONTAINER]);
  }
  return status;
}

async function waitForLog(engine, word) {
  for (let tries = 0; tries < 40; tries++) {
    if ((await logs(engine)).includes(word)) return true;
    await sleep(500);
  }
  return false;
}

const logs = (engine) => engine.run(["logs", "--tail", "20", CONTAINER]);

async function main() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "sagewatch-image-"));
  let engine;
  try {
    engine = await openEngine(folder);
    await build(engine, folder);
    await testCommands(engine);
    await testBill(engine);
    await testDaemon(engine, folder);
    await testVolume(engine, folder);
    say(faults.length === 0 ? "passed" : `${faults.length} promises are broken`);
    return faults.length === 0 ? 0 : 1;
  } catch (error) {
    say(error.message);
    return error instanceof CannotRun ? 3 : 1;
  } finally {
    await engine?.run(["rmi", "-f", IMAGE, STAND_IN]).catch(() => {});
    await engine?.close();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = await main();
