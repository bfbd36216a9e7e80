/**
 * startKafka: a real Apache Kafka on free ports for one test file, of one node or more.
 *
 * A node takes about a second and 150 MB. What a test changes it changes by the node's own methods; `stop` ends all and
 * removes the data. Each test uses topics of its own.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { archivePath, findJava } from "./place.ts";
import type { Pki } from "./pki.ts";
import { type Broker, type Launch, prepareBroker } from "./process.ts";
import { createPki, type NodePlan, type Ports } from "./properties.ts";

export type KafkaOptions = {
  /** Default 1. The first is also the controller. */
  readonly nodes?: 1 | 2 | 3;
  /** With certificates and the listeners that use them. Default false. */
  readonly tls?: boolean;
  /** Port of a proxy that is advertised instead of PLAINTEXT's own. */
  readonly advertised?: number;
  /** Further settings. */
  readonly more?: Readonly<Record<string, string | number>>;
};

/** A running cluster. Addresses are host:port. */
export type Kafka = {
  readonly plain: readonly string[];
  /** For the test's own clients: never behind a proxy. */
  readonly direct: readonly string[];
  readonly sasl: readonly string[];
  readonly ssl: readonly string[];
  readonly saslSsl: readonly string[];
  readonly pki: Pki | null;
  readonly nodes: readonly Broker[];
  stop(): Promise<void>;
};

const TRIES = 3;

/** Starts a cluster. A port that another process took meanwhile is no failure: it is tried again on others. */
export async function startKafka(options: KafkaOptions = {}): Promise<Kafka> {
  const found = findJava();
  if ("missing" in found) throw new Error(found.missing);
  await ensureArchive(found);
  for (let tries = 1; ; tries += 1) {
    try {
      return await startOn(found, options);
    } catch (error) {
      if (tries === TRIES || !String(error).includes("Address already in use")) throw error;
    }
  }
}

/** A topic name that no other test uses. */
export function newTopic(): string {
  return `alerts-${randomBytes(5).toString("hex")}`;
}

async function startOn(launch: Launch, options: KafkaOptions): Promise<Kafka> {
  const count = options.nodes ?? 1;
  const root = mkdtempSync(join(tmpdir(), "sagewatch-kafka-"));
  const pki = options.tls === true ? createPki() : null;
  const ports = await freePorts(count * 5 + 1);
  const controllerPort = ports.pop() ?? 0;
  const plans = Array.from({ length: count }, (_, i): NodePlan => {
    const own = toPorts(ports.slice(i * 5, i * 5 + 5));
    const advertised = options.advertised ?? own.plain;
    const place = { id: i + 1, dir: join(root, `node-${i + 1}`), nodes: count };
    return { ...place, ports: own, controllerPort, advertised, pki, more: options.more ?? {} };
  });
  const nodes: Broker[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.remove()));
    rmSync(root, { recursive: true, force: true });
  };
  try {
    for (const plan of plans) nodes.push(prepareBroker(plan, launch));
    await Promise.all(nodes.map((node) => node.start()));
  } catch (error) {
    await stop();
    throw error;
  }
  const at = (listener: keyof Ports): string[] => plans.map(({ ports: own }) => `127.0.0.1:${own[listener]}`);
  const addresses = { direct: at("direct"), sasl: at("sasl"), ssl: at("ssl"), saslSsl: at("saslSsl") };
  return { plain: at("plain"), ...addresses, pki, nodes, stop };
}

/** The classes of a started broker, written out once: a start then takes half as long. */
async function ensureArchive(launch: Launch): Promise<void> {
  const archive = archivePath(launch.version);
  if (existsSync(archive)) return;
  const making = `${archive}.${process.pid}.jsa`;
  const kafka = await startOn({ ...launch, flags: [`-XX:ArchiveClassesAtExit=${making}`] }, {});
  await kafka.nodes[0]?.stop();
  await kafka.stop();
  if (existsSync(making)) renameSync(making, archive);
}

function toPorts(ports: readonly number[]): Ports {
  const [plain = 0, direct = 0, sasl = 0, ssl = 0, saslSsl = 0] = ports;
  return { plain, direct, sasl, ssl, saslSsl };
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
