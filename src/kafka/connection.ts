/**
 * Connections to Kafka brokers by kafkajs, made in the one way in which they recover: what sink and source share.
 *
 * A connection that does not answer is cut: kafkajs itself would go on using it for minutes. Every connection of one client
 * is known here, so that all can be cut for good, after which nothing is sent or received. Loaded with the first use only,
 * for kafkajs takes 30 ms and 10 MB.
 */
import { readFileSync } from "node:fs";
import { connect, isIP, type Socket } from "node:net";
import * as tls from "node:tls";
import kafkajs, {
  type AuthenticationProviderArgs,
  type Authenticator,
  type ISocketFactory,
  type Kafka,
  type KafkaConfig,
  type Mechanism,
  type SASLOptions,
} from "kafkajs";
import oauthBearer from "kafkajs/src/broker/saslAuthenticator/oauthBearer.js";
import type { Clock } from "../lib/clock.ts";
import { registerCodecs } from "./codecs.ts";
import { patchKafkajs } from "./patch.ts";
import type { KafkaSettings, KafkaTls } from "./settings.ts";
import { createTokens, type Tokens } from "./token.ts";

/** A client, and its connections. */
export type KafkaConnection = {
  readonly kafka: Kafka;
  /** Cuts the connections to a broker (host:port), or all; new ones may be made. */
  readonly cut: (broker?: string) => void;
  /** Cuts all connections for good. */
  readonly destroy: () => void;
};

const CONNECT_MS = 3_000;
/** Between two tries inside kafkajs; few of them, for whoever uses it tries again itself. */
export const RETRY = { initialRetryTime: 100, maxRetryTime: 1_000, factor: 0.2, multiplier: 2, retries: 2 } as const;
/** How old the description of a topic may get, ms: so long after partitions were added they are used. */
export const METADATA_MS = 60_000;
/** Brokers may end a session that was not renewed; kafkajs would begin 10 s early, before a short session has begun. */
const REAUTHENTICATE_MS = 1_000;
const KEEP_ALIVE_MS = 30_000;

patchKafkajs();
registerCodecs();

/** Makes a client; connects to nothing yet. Throws what the reading of TLS files throws. */
export function createConnection(settings: KafkaSettings, clock: Clock): KafkaConnection {
  const sockets = createSockets();
  const kafka = new kafkajs.Kafka(toKafkaConfig(settings, sockets.factory, clock));
  return { kafka, cut: sockets.cut, destroy: sockets.destroy };
}

function toKafkaConfig(settings: KafkaSettings, socketFactory: ISocketFactory, clock: Clock): KafkaConfig {
  const { brokers, clientId, requestTimeout, tls, sasl } = settings;
  return {
    brokers: [...brokers],
    clientId,
    connectionTimeout: CONNECT_MS,
    authenticationTimeout: 5_000,
    requestTimeout,
    enforceRequestTimeout: true,
    reauthenticationThreshold: REAUTHENTICATE_MS,
    retry: RETRY,
    logLevel: kafkajs.logLevel.NOTHING,
    socketFactory,
    ...(tls === undefined ? {} : { ssl: toTls(tls) }),
    ...(sasl === undefined ? {} : { sasl: toSasl(sasl, clock) }),
  };
}

function toTls({ ca, cert, key }: KafkaTls): tls.ConnectionOptions {
  return {
    minVersion: "TLSv1.2",
    ...(ca === undefined ? {} : { ca: readFileSync(ca) }),
    ...(cert === undefined ? {} : { cert: readFileSync(cert) }),
    ...(key === undefined ? {} : { key: key.reveal() }),
  };
}

function toSasl(sasl: NonNullable<KafkaSettings["sasl"]>, clock: Clock): SASLOptions | Mechanism {
  const { mechanism, username = "", password } = sasl;
  if (mechanism !== "aws-msk-iam") {
    const plain: SASLOptions = { mechanism, username, password: password?.reveal() ?? "" };
    return plain;
  }
  const tokens = createTokens({ ...sasl, region: sasl.region ?? "" }, { clock });
  return { mechanism: "oauthbearer", authenticationProvider: (by) => createTokenLogin(tokens, by) };
}

/** A log-in by a token. The next one after a refusal is by credentials that are fetched anew: these may have been replaced. */
function createTokenLogin(tokens: Tokens, by: AuthenticationProviderArgs): Authenticator {
  let used: string | null = null;
  const oauthBearerProvider = async (): Promise<{ value: string }> => {
    const { value, accessKeyId } = await tokens();
    used = accessKeyId;
    return { value };
  };
  const login = oauthBearer({ oauthBearerProvider })(by);
  return {
    authenticate: async () => {
      try {
        await login.authenticate();
      } catch (error) {
        // MSK closes the connection without a word, so that a refusal cannot be told from an outage.
        if (used !== null) tokens.drop(used);
        throw error;
      }
    },
  };
}

/** Every connection of one client, so that those to a silent broker can be cut. */
function createSockets(): {
  readonly factory: ISocketFactory;
  readonly cut: (broker?: string) => void;
  readonly destroy: () => void;
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
      if (isOver) throw new Error("the connections are closed");
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
