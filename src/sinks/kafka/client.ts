/**
 * One producer of kafkajs with connections of its own, used in the one way in which it neither loses nor doubles.
 *
 * Found by fault tests (docs/kafka.md): after any failed send kafkajs gives its sequence numbers to whatever comes next,
 * and within one send's retries a broker that has answered is not asked again. So a caller has one `produce` under way at
 * a time, for one partition, and after a failure gives the very same messages for that partition until they are answered.
 * A connection that does not answer is cut: kafkajs itself would go on using it for minutes. Loaded with the first alert
 * only, for kafkajs takes 30 ms and 10 MB.
 */
import { readFileSync } from "node:fs";
import { connect, isIP, type Socket } from "node:net";
import * as tls from "node:tls";
import { promisify } from "node:util";
import { zstdCompress, zstdDecompress } from "node:zlib";
import kafkajs, { type ISocketFactory, type KafkaConfig, type Message, type Producer, type SASLOptions } from "kafkajs";
import type { Clock } from "../../lib/clock.ts";
import { patchKafkajs } from "./patch.ts";
import type { KafkaSinkConfig } from "./settings.ts";

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs;

/** A producer and its connections. */
export type KafkaClient = {
  /** Connects and learns how many partitions there are. To be called until it succeeds; throws what kafkajs throws. */
  connect(): Promise<void>;
  /** Resolves when all in-sync replicas have the messages. Throws what kafkajs throws, or an Error with a `type`. */
  produce(partition: number, messages: readonly Message[]): Promise<void>;
  /** Cuts all connections for good: nothing is sent from here on, not even what is under way. */
  destroy(): void;
};

export type ClientOptions = {
  readonly config: KafkaSinkConfig;
  readonly clock: Clock;
  /** Told at connecting and with every send: how many partitions the topic has. */
  readonly onPartitions: (count: number) => void;
};

const CONNECT_MS = 3_000;
/** Between two tries inside kafkajs; few of them, for the worker tries again itself, with the same messages. */
const RETRY = { initialRetryTime: 100, maxRetryTime: 1_000, factor: 0.2, multiplier: 2, retries: 2 } as const;
/** How old the description of the topic may get: so long after partitions were added they are used. */
const METADATA_MS = 60_000;
/** Brokers may end a session that was not renewed; kafkajs would begin 10 s early, before a short session has begun. */
const REAUTHENTICATE_MS = 1_000;
/** A produce that is not answered after so many request time-outs hangs where kafkajs has no time-out of its own. */
const HUNG_TIMEOUTS = 6;
const KEEP_ALIVE_MS = 30_000;

patchKafkajs();
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: (encoder: { buffer: Buffer }) => promisify(zstdCompress)(encoder.buffer),
  decompress: (buffer: Buffer) => promisify(zstdDecompress)(buffer),
});

/** Makes a client; connects to nothing yet. */
export function createClient({ config, clock, onPartitions }: ClientOptions): KafkaClient {
  const sockets = createSockets();
  const kafka = new Kafka(toKafkaConfig(config, sockets.factory));
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    metadataMaxAge: METADATA_MS,
    retry: RETRY,
    createPartitioner:
      () =>
      ({ partitionMetadata, message }) => {
        onPartitions(partitionMetadata.length);
        return message.partition ?? 0;
      },
  });
  producer.on(producer.events.REQUEST_TIMEOUT, ({ payload }) => sockets.cut(payload.broker));
  let isCounted = false;
  return {
    connect: async () => {
      if (!isCounted) onPartitions(await countPartitions(kafka, config.topic, (broker) => sockets.cut(broker)));
      isCounted = true;
      await producer.connect();
    },
    produce: async (partition, messages) => {
      const done = new AbortController();
      void clock.sleep(config.requestTimeout * HUNG_TIMEOUTS, done.signal).then(() => {
        if (!done.signal.aborted) sockets.cut();
      });
      try {
        await send(producer, config, { partition, messages });
      } finally {
        done.abort();
      }
    },
    destroy: () => sockets.destroy(),
  };
}

async function send(
  producer: Producer,
  config: KafkaSinkConfig,
  { partition, messages }: { partition: number; messages: readonly Message[] },
): Promise<void> {
  const results = await producer.send({
    topic: config.topic,
    acks: -1,
    timeout: config.requestTimeout,
    compression: COMPRESSION[config.compression],
    messages: messages.map((message) => ({ ...message, partition })),
  });
  const [first] = results;
  if (results.length === 1 && first?.partition === partition && first.errorCode === 0) return;
  // kafkajs answers nothing for a partition that is not in its description of the topic.
  throw Object.assign(new Error(`no answer for partition ${partition}`), { type: "LEADER_NOT_AVAILABLE" });
}

const COMPRESSION = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  zstd: CompressionTypes.ZSTD,
} as const;

async function countPartitions(
  kafka: InstanceType<typeof Kafka>,
  topic: string,
  cut: (broker: string) => void,
): Promise<number> {
  const admin = kafka.admin({ retry: RETRY });
  admin.on(admin.events.REQUEST_TIMEOUT, ({ payload }) => cut(payload.broker));
  try {
    await admin.connect();
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics[0]?.partitions.length ?? 0;
  } finally {
    void admin.disconnect().catch(() => undefined);
  }
}

function toKafkaConfig(config: KafkaSinkConfig, socketFactory: ISocketFactory): KafkaConfig {
  const { brokers, clientId, requestTimeout, tls, sasl } = config;
  return {
    brokers: [...brokers],
    clientId,
    connectionTimeout: CONNECT_MS,
    authenticationTimeout: 5_000,
    requestTimeout,
    enforceRequestTimeout: true,
    reauthenticationThreshold: REAUTHENTICATE_MS,
    retry: RETRY,
    logLevel: logLevel.NOTHING,
    socketFactory,
    ...(tls === undefined ? {} : { ssl: toTls(tls) }),
    ...(sasl === undefined ? {} : { sasl: toSasl(sasl) }),
  };
}

function toTls({ ca, cert, key }: NonNullable<KafkaSinkConfig["tls"]>): tls.ConnectionOptions {
  return {
    minVersion: "TLSv1.2",
    ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
    ...(cert === undefined ? {} : { cert: readFileSync(cert) }),
    ...(key === undefined ? {} : { key: key.reveal() }),
  };
}

function toSasl({ mechanism, username, password }: NonNullable<KafkaSinkConfig["sasl"]>): SASLOptions {
  return { mechanism, username, password: password.reveal() };
}

/** Every connection of one client, so that those to a silent broker can be cut. */
function createSockets(): {
  readonly factory: ISocketFactory;
  /** Cuts the connections to a broker (host:port), or all. */
  cut(broker?: string): void;
  destroy(): void;
} {
  const open = new Map<Socket, { readonly broker: string; isReady: boolean }>();
  let isOver = false;
  const cut = (broker?: string): void => {
    for (const [socket, state] of open) {
      if (broker !== undefined && state.broker !== broker) continue;
      // kafkajs hears of a lost log-in only by the end of its connection, and of a lost connecting only by an error.
      if (state.isReady) socket.emit("end");
      socket.destroy(state.isReady ? undefined : new Error("the connection was given up"));
    }
  };
  return {
    cut,
    destroy: () => {
      isOver = true;
      cut();
    },
    factory: ({ host, port, ssl, onConnect }) => {
      if (isOver) throw new Error("the sink is closed");
      const state = { broker: `${host}:${port}`, isReady: false };
      const ready = (): void => {
        state.isReady = true;
        onConnect();
      };
      const name = isIP(host) === 0 ? { servername: host } : {};
      const socket = ssl ? tls.connect({ host, port, ...name, ...ssl }, ready) : connect({ host, port }, ready);
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      socket.setNoDelay(true);
      open.set(socket, state);
      socket.once("close", () => open.delete(socket));
      return socket;
    },
  };
}
