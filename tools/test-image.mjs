// npm run test:image: builds the container image and holds it against what the documentation promises of it.
//
// It runs as uid 1000 with a read-only root, no capability, no network and 256 MiB; it answers its health check; a
// delivery file laid into its spool becomes an alert; SIGTERM ends it with 0 after a drain; it writes nothing outside
// its volumes. Takes about 90 s. Exit code: 0 passed, 1 a promise is broken, 3 no engine can be had here. All it makes
// lies in one temporary folder and in images of its own names, and is removed at the end.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findBase, STAND_IN } from "./image/base.mjs";
import { openEngine } from "./image/engine.mjs";
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

/** A CloudTrail record of somebody turning a trail off, now. */
function stopLogging() {
  const arn = "arn:aws:iam::111122223333:user/mallory";
  return {
    eventVersion: "1.11",
    userIdentity: {
      type: "IAMUser",
      principalId: "AIDAEXAMPLEMALLORY0001",
      arn,
      accountId: "111122223333",
      userName: "mallory",
    },
    eventTime: `${new Date().toISOString().slice(0, 19)}Z`,
    eventSource: "cloudtrail.amazonaws.com",
    eventName: "StopLogging",
    awsRegion: "eu-central-1",
    sourceIPAddress: "198.51.100.7",
    userAgent: "aws-cli/2.31.0",
    requestParameters: { name: "org-trail" },
    responseElements: null,
    requestID: "5c2f3d0e-0000-4000-8000-000000000001",
    eventID: "5c2f3d0e-0000-4000-8000-000000000002",
    readOnly: false,
    eventType: "AwsApiCall",
    managementEvent: true,
    recipientAccountId: "111122223333",
    eventCategory: "Management",
  };
}

async function main() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "sagewatch-image-"));
  let engine;
  try {
    engine = await openEngine(folder);
    await build(engine, folder);
    await testCommands(engine);
    await testDaemon(engine, folder);
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
