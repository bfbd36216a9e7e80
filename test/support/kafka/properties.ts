/**
 * The settings of a test broker: small, in KRaft mode, on ports of 127.0.0.1.
 *
 * Listeners: PLAINTEXT and DIRECT (both open; a proxy may stand before PLAINTEXT, never before DIRECT, which the tests'
 * own clients and the brokers among themselves use), SASL_PLAINTEXT, and with certificates SSL (client certificate
 * needed) and SASL_SSL. Users: alice (PLAIN), bob (SCRAM-SHA-512), carol (SCRAM-SHA-256), each with NAME-pw.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { makePki, type Pki } from "./pki.ts";

/** A node's place in its cluster. */
export type NodePlan = {
  readonly id: number;
  readonly dir: string;
  readonly ports: Ports;
  readonly controllerPort: number;
  /** Port that is advertised for PLAINTEXT. */
  readonly advertised: number;
  readonly nodes: number;
  readonly pki: Pki | null;
  readonly more: Readonly<Record<string, string | number>>;
};
export type Ports = {
  readonly plain: number;
  readonly direct: number;
  readonly sasl: number;
  readonly ssl: number;
  readonly saslSsl: number;
};

/** A random id may begin with "-", which the formatting tool takes for an option. */
export const CLUSTER_ID = "SagewatchTestClusterAA";

/** Users of SCRAM, as the formatting tool takes them. */
export const SCRAM_USERS: readonly string[] = [
  "SCRAM-SHA-512=[name=bob,password=bob-pw,iterations=4096]",
  "SCRAM-SHA-256=[name=carol,password=carol-pw,iterations=4096]",
];

/** Certificates of this run. */
export function createPki(): Pki {
  return makePki();
}

/** Writes server.properties into the node's folder and returns its path. */
export function writeProperties(plan: NodePlan): string {
  const { ports, pki, dir, id } = plan;
  const isController = id === 1;
  const open = [
    ["PLAINTEXT", ports.plain],
    ["DIRECT", ports.direct],
    ["SASL_PLAINTEXT", ports.sasl],
    ...(pki === null ? [] : [["SSL", ports.ssl] as const, ["SASL_SSL", ports.saslSsl] as const]),
  ] as const;
  const url = ([name, port]: readonly [string, number]): string => `${name}://127.0.0.1:${port}`;
  const advertised = open.map(([name, port]) => url([name, name === "PLAINTEXT" ? plan.advertised : port]));
  const properties = {
    "process.roles": isController ? "broker,controller" : "broker",
    "node.id": id,
    "controller.quorum.voters": `1@127.0.0.1:${plan.controllerPort}`,
    listeners: [...open.map(url), ...(isController ? [url(["CONTROLLER", plan.controllerPort])] : [])].join(","),
    "advertised.listeners": advertised.join(","),
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "DIRECT",
    "listener.security.protocol.map":
      "PLAINTEXT:PLAINTEXT,DIRECT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
    "log.dirs": join(dir, "data"),
    ...SMALL,
    ...internalTopics(plan.nodes),
    ...sasl(pki === null ? ["sasl_plaintext"] : ["sasl_plaintext", "sasl_ssl"]),
    ...(pki === null ? {} : tls(dir, pki)),
    ...plan.more,
  };
  const path = join(dir, "server.properties");
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(path, lines.join(""));
  return path;
}

const SMALL = {
  "auto.create.topics.enable": "false",
  "num.partitions": 1,
  "group.initial.rebalance.delay.ms": 0,
  "log.cleaner.dedupe.buffer.size": 4_194_304,
  "log.segment.bytes": 67_108_864,
  "num.network.threads": 2,
  "num.io.threads": 4,
  "background.threads": 2,
  "num.recovery.threads.per.data.dir": 1,
  // With the default of 9 s a broker that was killed could not come back for 12 s.
  "broker.session.timeout.ms": 1500,
  "broker.heartbeat.interval.ms": 300,
  "replica.lag.time.max.ms": 2000,
} as const;

function internalTopics(nodes: number): Record<string, number> {
  const names = ["offsets.topic", "transaction.state.log", "share.coordinator.state.topic"];
  return {
    ...Object.fromEntries(names.map((name) => [`${name}.num.partitions`, 1])),
    ...Object.fromEntries(names.map((name) => [`${name}.replication.factor`, nodes])),
    "transaction.state.log.min.isr": 1,
    "share.coordinator.state.topic.min.isr": 1,
  };
}

function sasl(listeners: readonly string[]): Record<string, string> {
  const modules = "org.apache.kafka.common.security";
  const own = listeners.map((listener) => ({
    [`listener.name.${listener}.plain.sasl.jaas.config`]: `${modules}.plain.PlainLoginModule required user_alice="alice-pw";`,
    [`listener.name.${listener}.scram-sha-512.sasl.jaas.config`]: `${modules}.scram.ScramLoginModule required;`,
    [`listener.name.${listener}.scram-sha-256.sasl.jaas.config`]: `${modules}.scram.ScramLoginModule required;`,
  }));
  return Object.assign({ "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512" }, ...own) as Record<
    string,
    string
  >;
}

function tls(dir: string, pki: Pki): Record<string, string> {
  const [keystore, truststore] = [join(dir, "server.pem"), join(dir, "ca.pem")];
  writeFileSync(keystore, pki.server.key + pki.server.cert);
  writeFileSync(truststore, pki.ca.cert);
  return {
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": keystore,
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": truststore,
    "listener.name.ssl.ssl.client.auth": "required",
  };
}
