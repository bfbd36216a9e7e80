// npm run test:compose: brings deploy/compose up and follows a delivery file through it to a Kafka consumer.
//
// The files are used as they stand. Where no image of Kafka can be fetched the broker of the tests takes its place at
// kafka:9092, by an override that gives Sagewatch the host's network; all else is what compose.yml says: user, read-only
// root, limits, mounts, volume, health check, stop. It needs port 9464 of the host. Takes about 2 minutes. Exit code: 0
// passed, 1 a promise is broken, 3 no engine, compose or broker can be had here. All it makes is removed at the end.
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startKafka } from "../test/support/kafka/broker.ts";
import { whyNoKafka } from "../test/support/kafka/find.ts";
import { readByConsole, withAdmin } from "../test/support/kafka/topics.ts";
import { findBase, STAND_IN } from "./image/base.mjs";
import { openCompose } from "./image/compose.mjs";
import { openEngine } from "./image/engine.mjs";
import { stopLogging } from "./image/record.mjs";
import { CannotRun, say } from "./image/shell.mjs";

const root = path.dirname(import.meta.dirname);
const TOPIC = "sagewatch-alerts";
const STOP_LIMIT_S = 30;
const KAFKA_PORT = 9092;

const OVERRIDE = `services:
  sagewatch:
    network_mode: host
    extra_hosts: ["kafka:127.0.0.1"]
`;

const faults = [];

function expect(what, isSo, found) {
  say(`${isSo ? "ok    " : "FAILED"} ${what}${isSo ? "" : `: ${found}`}`);
  if (!isSo) faults.push(what);
}

/** Passes what comes to kafka:9092 on to the broker of the tests. */
async function forward(to) {
  const server = net.createServer((client) => {
    const upstream = net.connect(to, "127.0.0.1");
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream])
      socket.on("error", () => [client, upstream].forEach((one) => one.destroy()));
  });
  await new Promise((resolve, reject) => server.once("error", reject).listen(KAFKA_PORT, "127.0.0.1", resolve));
  return server;
}

async function build(engine, folder) {
  const wanted = /^ARG BASE=(.+)$/m.exec(fs.readFileSync(path.join(root, "Dockerfile"), "utf8"))[1];
  const base = await findBase(engine, { folder, wanted });
  say(`building on ${base}`);
  await engine.run(["build", "--network=host", "--build-arg", `BASE=${base}`, "-t", "sagewatch", root]);
}

async function testService(up) {
  const { engine, compose, kafka, spool } = up;
  await compose(["up", "-d", "--no-build", "--no-deps", "sagewatch"]);
  const id = await compose(["ps", "-q", "sagewatch"]);
  const held = JSON.parse(await engine.run(["inspect", id]))[0];
  testHeld(held);
  const health = await waitForHealth(engine, id);
  expect("its health check passes", health === "healthy", `${health}; ${await logs(engine, id)}`);
  fs.writeFileSync(path.join(spool, "one.json"), JSON.stringify({ Records: [stopLogging("1")] }));
  expect("a delivery file in the spool is in the topic", await arrives(kafka, 1), await logs(engine, id));
  await testStop(up, id);
  fs.writeFileSync(path.join(spool, "two.json"), JSON.stringify({ Records: [stopLogging("2")] }));
  await compose(["up", "-d", "--no-build", "--no-deps", "sagewatch"]);
  const both = await arrives(kafka, 2);
  await sleep(3000);
  const ids = (await readByConsole(kafka.direct, TOPIC)).map(({ headers }) => headers["id"]);
  const isOnce = both && ids.length === 2 && new Set(ids).size === 2;
  expect("started again on its volume it sends what is new, and nothing twice", isOnce, ids.join(", "));
}

function testHeld({ Config, HostConfig, Mounts }) {
  expect("it runs as uid 1000", Config.User === "1000:1000", Config.User);
  expect("its root is read-only", HostConfig.ReadonlyRootfs === true, HostConfig.ReadonlyRootfs);
  expect("it has no capability", HostConfig.CapDrop?.join() === "ALL", HostConfig.CapDrop);
  const options = HostConfig.SecurityOpt ?? [];
  expect("it gains no privilege", options.join() === "no-new-privileges:true", options.join());
  const caps = `${HostConfig.Memory / 1024 ** 3} GiB, ${HostConfig.PidsLimit} processes`;
  expect("memory and processes are limited", caps === "1 GiB, 64 processes", caps);
  const mounts = Mounts.map(({ Type, Destination, RW }) => `${Type} ${Destination} ${RW ? "rw" : "ro"}`).toSorted();
  const wanted = ["bind /etc/sagewatch/sagewatch.yml ro", "bind /spool ro", "volume /var/lib/sagewatch rw"];
  expect("it may write its volume alone", mounts.join() === wanted.join(), mounts.join());
}

async function testStop({ engine, compose }, id) {
  const begunAt = Date.now();
  await compose(["stop", "sagewatch"]);
  const tookS = (Date.now() - begunAt) / 1000;
  const code = await engine.run(["inspect", "-f", "{{.State.ExitCode}}", id]);
  expect("compose stop ends it with exit code 0", code === "0", `${code}; ${await logs(engine, id)}`);
  expect(`it drains in under ${STOP_LIMIT_S} s`, tookS < STOP_LIMIT_S, `${tookS} s`);
}

async function waitForHealth(engine, id) {
  let status = "starting";
  for (let tries = 0; tries < 80 && status === "starting"; tries++) {
    await sleep(500);
    status = await engine.run(["inspect", "-f", "{{.State.Health.Status}}", id]);
  }
  return status;
}

async function arrives(kafka, count) {
  for (let tries = 0; tries < 20; tries++) {
    const found = await readByConsole(kafka.direct, TOPIC);
    if (found.length >= count) return true;
    await sleep(1000);
  }
  return false;
}

const logs = (engine, id) => engine.run(["logs", "--tail", "20", id]);

async function openBroker() {
  const why = await whyNoKafka("own");
  if (why !== null) throw new CannotRun(`no broker: ${why}`);
  const kafka = await startKafka();
  const topics = [{ topic: TOPIC, numPartitions: 12, replicationFactor: 1 }];
  await withAdmin(kafka.direct, (admin) => admin.createTopics({ topics, waitForLeaders: true }));
  return kafka;
}

async function main() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "sagewatch-compose-"));
  const spool = path.join(folder, "spool");
  fs.mkdirSync(spool);
  const closing = [() => fs.rmSync(folder, { recursive: true, force: true })];
  try {
    const kafka = await openBroker();
    closing.push(() => kafka.stop());
    const server = await forward(Number(kafka.plain[0].split(":")[1]));
    closing.push(() => server.close());
    const engine = await openEngine(folder);
    closing.push(() => engine.close());
    fs.writeFileSync(path.join(folder, "override.yml"), OVERRIDE);
    const files = [path.join(root, "deploy/compose/compose.yml"), path.join(folder, "override.yml")];
    const compose = await openCompose(engine, { folder, files, env: { SPOOL: spool } });
    await build(engine, folder);
    closing.push(() => engine.run(["rmi", "-f", "sagewatch", STAND_IN]).catch(() => {}));
    closing.push(() => compose(["down", "-v"]).catch((error) => say(error.message)));
    await testService({ engine, compose, kafka, spool });
    say(faults.length === 0 ? "passed" : `${faults.length} promises are broken`);
    return faults.length === 0 ? 0 : 1;
  } catch (error) {
    say(error.message);
    return error instanceof CannotRun ? 3 : 1;
  } finally {
    for (const close of closing.toReversed()) await close();
  }
}

process.exitCode = await main();
