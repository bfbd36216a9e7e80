/** Sinks that can be gone, each with a receiver that refuses what the real one refuses. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Alert } from "../../src/model/alert.ts";
import { API_KEY, startElastic } from "../fakes/http/elastic.ts";
import { ROUTING_KEY, startPagerDuty } from "../fakes/http/pagerduty.ts";
import { type Receiver, startReceiver } from "../fakes/http/receiver.ts";
import { BOT_TOKEN, CHANNEL, startSlack } from "../fakes/http/slack.ts";
import { startSplunk, TOKEN } from "../fakes/http/splunk.ts";
import { startEmulator } from "../fakes/emulator.ts";
import { startFaultProxy } from "../fakes/fault-proxy.ts";
import { ACCOUNT, createReader, startBus, startHub, toHead } from "../sinks/aws/receivers.ts";
import { makeTopic, readTopic } from "../support/kafka/topics.ts";
import { openBroker } from "./sources.ts";
import { type Head, setProxy, type Target, type TargetOptions } from "./target.ts";

const AWS = { region: "eu-west-1" } as const;

export async function openEventBridge(): Promise<Target> {
  const name = "eventbridge";
  const bus = await startBus();
  return {
    name,
    of: "sink",
    config: { ...AWS, type: "eventbridge", name, bus: "security", endpoint: bus.proxy.url },
    set: (mode) => setProxy(bus.proxy, mode),
    proxy: bus.proxy,
    received: async () => bus.events.map(({ detail }) => toHead(detail)),
    close: () => bus.close(),
  };
}

export async function openSecurityHub(): Promise<Target> {
  const name = "security-hub";
  const hub = await startHub();
  return {
    name,
    of: "sink",
    config: { ...AWS, type: "security-hub", name, account: ACCOUNT, endpoint: hub.proxy.url },
    set: (mode) => setProxy(hub.proxy, mode),
    proxy: hub.proxy,
    received: async () =>
      hub.imported.map(({ Id = "", ProductFields }) => ({
        id: Id,
        revision: Number(ProductFields?.["sagewatch/revision"]),
      })),
    close: () => hub.close(),
  };
}

export async function openMessages(type: "sqs" | "sns"): Promise<Target> {
  const emulator = await startEmulator();
  const queue = await emulator.createQueue("alerts");
  const place = type === "sqs" ? { queue: queue.url } : { topic: await emulator.createTopic("alerts", queue, true) };
  const read = createReader(emulator, queue);
  return {
    name: type,
    of: "sink",
    config: { ...AWS, type, name: type, endpoint: emulator.endpoint, ...place },
    set: (mode) => setProxy(emulator.proxy, mode),
    proxy: emulator.proxy,
    received: async () => (await read()).map(({ body }) => toHead(body)),
    close: () => emulator.close(),
  };
}

type Posted = {
  readonly name: string;
  readonly receiver: Receiver;
  readonly secret: string;
  /** The settings of the sink beside what all have; `url` is that of the proxy. */
  readonly settings: (url: string, secret: { readonly env: string }) => object;
  readonly received: () => readonly Head[];
};

/** A sink over HTTP, behind a proxy of its own. */
async function openPosted({ name, receiver, secret, settings, received }: Posted, timeout: string): Promise<Target> {
  const proxy = await startFaultProxy(`http://127.0.0.1:${receiver.port}`);
  const env = `OUTAGE_${name.toUpperCase().replaceAll("-", "_")}`;
  return {
    name,
    of: "sink",
    config: { type: name, name, allow: ["127.0.0.1"], timeout, ...settings(proxy.url, { env }) },
    env: { [env]: secret },
    set: (mode) => setProxy(proxy, mode),
    proxy,
    received: async () => received(),
    close: async () => {
      await proxy.close();
      await receiver.close();
    },
  };
}

export async function openSplunk({ timeout }: TargetOptions): Promise<Target> {
  const receiver = await startSplunk();
  const received = (): Head[] => receiver.indexed.map(({ event }) => event as unknown as Head);
  const settings: Posted["settings"] = (url, token) => ({ url, token });
  return openPosted({ name: "splunk-hec", receiver, secret: TOKEN, settings, received }, timeout);
}

export async function openElastic({ timeout }: TargetOptions): Promise<Target> {
  const receiver = await startElastic();
  const received = (): Head[] =>
    receiver.taken.map(({ doc }) => {
      const { id, sequence } = doc["event"] as { readonly id: string; readonly sequence: number };
      return { id, revision: sequence };
    });
  const settings: Posted["settings"] = (url, apiKey) => ({ url, apiKey });
  return openPosted({ name: "elastic", receiver, secret: API_KEY, settings, received }, timeout);
}

export async function openPagerDuty({ timeout }: TargetOptions): Promise<Target> {
  const receiver = await startPagerDuty();
  const received = (): Head[] =>
    receiver.events.map(({ dedup_key: id, payload }) => ({
      id,
      revision: Number(payload.custom_details["revision"]),
    }));
  const settings: Posted["settings"] = (url, routingKey) => ({ url: `${url}/v2/enqueue`, routingKey });
  return openPosted({ name: "pagerduty", receiver, secret: ROUTING_KEY, settings, received }, timeout);
}

export async function openSlack({ timeout }: TargetOptions): Promise<Target> {
  const receiver = await startSlack();
  const received = (): Head[] =>
    receiver.messages.map(({ metadata }) => ({
      id: String(metadata?.event_payload.id),
      revision: Number(metadata?.event_payload.revision),
    }));
  const settings: Posted["settings"] = (url, token) => ({ apiUrl: `${url}/api`, token, channel: CHANNEL });
  return openPosted({ name: "slack", receiver, secret: BOT_TOKEN, settings, received }, timeout);
}

export async function openWebhook({ timeout }: TargetOptions): Promise<Target> {
  const got: Head[] = [];
  const receiver = await startReceiver(({ body }) => {
    got.push(toHead(body));
    return { status: 200 };
  });
  const settings: Posted["settings"] = (url, secret) => ({ url, secret });
  return openPosted(
    { name: "webhook", receiver, secret: "a-key-of-32-bytes-for-signatures", settings, received: () => got },
    timeout,
  );
}

/** A file whose folder is gone, with a file in its place. */
export async function openFile({ folder }: TargetOptions): Promise<Target> {
  const name = "file-away";
  const home = join(folder, "alerts");
  const away = `${home}.away`;
  mkdirSync(home);
  let isAway = false;
  return {
    name,
    of: "sink",
    config: { type: "file", name, path: join(home, "alerts.ndjson") },
    set: (mode) => {
      if ((mode !== "up") === isAway) return;
      if (isAway) rmSync(home);
      renameSync(isAway ? away : home, isAway ? home : away);
      if (!isAway) writeFileSync(home, "");
      isAway = !isAway;
    },
    received: async () =>
      readFileSync(join(isAway ? away : home, "alerts.ndjson"), { encoding: "utf8", flag: "a+" })
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Alert),
    close: async () => undefined,
  };
}

/** A topic of alerts. */
export async function openAlertTopic(): Promise<Target> {
  const name = "topic";
  const { kafka, set, close } = await openBroker();
  const topic = await makeTopic(kafka.direct, { partitions: 3 });
  return {
    name,
    of: "sink",
    config: { type: "kafka", name, brokers: kafka.plain, topic, format: "native" },
    set,
    received: async () => (await readTopic(kafka.direct, topic)).map(({ value }) => JSON.parse(value) as Alert),
    close,
  };
}
