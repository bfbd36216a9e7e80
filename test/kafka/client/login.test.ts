/**
 * Log-ins by token, as MSK has them, at a small server that speaks so much of Kafka: what it takes and refuses goes by the
 * access key in the token, so that keys can be replaced while a client runs. No broker at hand takes such tokens.
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { createConnection } from "../../../src/kafka/connection.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";

useEnvironmentCredentials();
const ended: (() => void)[] = [];
afterEach(() => {
  for (const end of ended.splice(0)) end();
});

const [SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE] = [17, 18, 36];

type LoginServer = {
  readonly address: string;
  /** Keys of the tokens that came, in order. */
  readonly keys: readonly string[];
  /** The key that is taken from now on; any other ends its connection without a word, as MSK does. */
  take(key: string): void;
  /** Ends what is open. */
  cut(): void;
};

/** `sessionMs`: so long a log-in holds; 0: for ever. */
async function startLogins(key: string, sessionMs = 0): Promise<LoginServer> {
  let taken = key;
  const keys: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
    let waiting = Buffer.alloc(0);
    socket.on("data", (bytes: Buffer) => {
      waiting = Buffer.concat([waiting, bytes]);
      while (waiting.length >= 4 && waiting.length >= 4 + waiting.readInt32BE(0)) {
        const frame = waiting.subarray(4, 4 + waiting.readInt32BE(0));
        waiting = waiting.subarray(4 + frame.length);
        const answer = answerOf(frame, { isTaken: (one) => keys.push(one) > 0 && one === taken, sessionMs });
        if (answer === null) socket.destroy();
        else socket.write(answer);
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  ended.push(() => {
    cut();
    server.close();
  });
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { address, keys, cut, take: (next) => void (taken = next) };
}

type Judge = { readonly isTaken: (key: string) => boolean; readonly sessionMs: number };

/** https://kafka.apache.org/protocol: null where the connection ends. */
function answerOf(frame: Buffer, { isTaken, sessionMs }: Judge): Buffer | null {
  const [apiKey, version] = [frame.readInt16BE(0), frame.readInt16BE(2)];
  const int16 = (value: number): Buffer => Buffer.from(Int16Array.of(value).buffer).swap16();
  const int32 = (value: number): Buffer => Buffer.from(Int32Array.of(value).buffer).swap32();
  const answer = (...parts: readonly Buffer[]): Buffer => {
    const body = Buffer.concat([frame.subarray(4, 8), ...parts]);
    return Buffer.concat([int32(body.length), body]);
  };
  if (apiKey === API_VERSIONS) {
    const apis = [[3, 0, 6], [SASL_HANDSHAKE, 0, 1], [API_VERSIONS, 0, 2], [SASL_AUTHENTICATE, 0, 1]]; // prettier-ignore
    const throttle = version === 0 ? [] : [int32(0)];
    return answer(int16(0), int32(apis.length), ...apis.flat().map(int16), ...throttle);
  }
  if (apiKey === SASL_HANDSHAKE) return answer(int16(0), int32(1), int16(11), Buffer.from("OAUTHBEARER"));
  if (apiKey !== SASL_AUTHENTICATE) return null;
  const [, token = ""] = /auth=Bearer ([\w-]+)/.exec(frame.toString("latin1")) ?? [];
  const [, key = ""] = /X-Amz-Credential=(\w+)%2F/.exec(Buffer.from(token, "base64url").toString()) ?? [];
  if (!isTaken(key)) return null;
  const session = Buffer.alloc(8);
  session.writeBigInt64BE(BigInt(sessionMs));
  return answer(int16(0), int16(-1), int32(0), session);
}

/** A client, and whether one of `tries` log-ins succeeds. */
function openClient(address: string): { logIn(tries: number): Promise<boolean> } {
  const sasl = { mechanism: "aws-msk-iam", region: "eu-west-1" } as const;
  const settings = { brokers: [address], clientId: "sagewatch", requestTimeout: 5_000, sasl };
  const { kafka, destroy } = createConnection(settings, systemClock);
  ended.push(destroy);
  return {
    logIn: async (tries) => {
      for (let at = 0; at < tries; at += 1) {
        const admin = kafka.admin({ retry: { retries: 0 } });
        const isIn = await admin.connect().then(
          () => true,
          () => false,
        );
        await admin.disconnect();
        if (isIn) return true;
      }
      return false;
    },
  };
}

const setKey = (key: string): void => void Object.assign(process.env, { AWS_ACCESS_KEY_ID: key });

test("after the key was replaced, the log-in that is refused is the last with the old one", async () => {
  setKey("AKIDOLD");
  const server = await startLogins("AKIDOLD");
  const client = openClient(server.address);
  expect(await client.logIn(1)).toBe(true);
  setKey("AKIDNEW");
  server.take("AKIDNEW");
  server.cut();
  expect(await client.logIn(2)).toBe(true);
  expect(server.keys).toEqual(["AKIDOLD", "AKIDOLD", "AKIDNEW"]);
});

test("a key that nobody takes is read anew for each log-in, and one that is taken is kept", async () => {
  setKey("AKIDWRONG");
  const server = await startLogins("AKIDRIGHT");
  const client = openClient(server.address);
  expect(await client.logIn(2)).toBe(false);
  setKey("AKIDRIGHT");
  expect(await client.logIn(2)).toBe(true);
  setKey("AKIDOTHER");
  expect(await client.logIn(1)).toBe(true);
  expect(new Set(server.keys.slice(-2))).toEqual(new Set(["AKIDRIGHT"]));
});
