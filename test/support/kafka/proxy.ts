/**
 * A TCP proxy between a client and a broker, which can go silent, slow down or cut.
 *
 * Its port is known before the broker starts, so that the broker can advertise it: all of a client's connections then pass
 * here. Bytes are never changed or reordered.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export type Proxy = {
  readonly port: number;
  /** Where to pass bytes on to. Connections that came before are refused. */
  target(port: number): void;
  /** From now on nothing passes over the open connections, which stay open; new ones work. */
  silence(): void;
  /** Delays every piece of bytes on its way back to the client, ms. */
  delay(ms: number): void;
  /** Closes all open connections. */
  cut(): void;
  /**
   * Passes half of the next piece of a request that has `bytes` or more, and cuts; new connections are refused from then
   * on. Resolves when that has happened.
   */
  tear(bytes: number): Promise<void>;
  /** True: new connections are closed at once. */
  refuse(isRefusing: boolean): void;
  close(): Promise<void>;
};

type Link = { readonly client: Socket; readonly server: Socket; isSilent: boolean };

export async function startProxy(): Promise<Proxy> {
  const links = new Set<Link>();
  let [targetPort, delayMs] = [0, 0];
  let isRefusing = false;
  let tear: { readonly bytes: number; readonly done: () => void } | null = null;
  const server = createServer((client) => {
    client.on("error", () => undefined);
    if (isRefusing) return void client.destroy();
    const link: Link = { client, server: connect(targetPort, "127.0.0.1"), isSilent: false };
    links.add(link);
    let turn = Promise.resolve();
    client.on("data", (bytes) => {
      if (tear === null || bytes.length < tear.bytes) return void (link.isSilent || link.server.write(bytes));
      isRefusing = true;
      const { done } = tear;
      tear = null;
      link.server.write(bytes.subarray(0, bytes.length / 2), () => {
        client.destroy();
        done();
      });
    });
    link.server.on("data", (bytes) => {
      turn = turn.then(async () => {
        if (delayMs > 0) await sleep(delayMs);
        if (!link.isSilent && !client.destroyed) client.write(bytes);
      });
    });
    link.server.on("error", () => undefined);
    client.on("close", () => {
      links.delete(link);
      link.server.destroy();
    });
    link.server.on("close", () => void (link.isSilent || turn.then(() => client.destroy())));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = (): void => links.forEach(({ client }) => client.destroy());
  return {
    port: (server.address() as AddressInfo).port,
    target: (port) => void (targetPort = port),
    silence: () => links.forEach((link) => (link.isSilent = true)),
    delay: (ms) => void (delayMs = ms),
    cut,
    tear: (bytes) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      tear = { bytes, done: resolve };
      return promise;
    },
    refuse: (value) => void (isRefusing = value),
    close: async () => {
      const closed = once(server, "close");
      server.close();
      cut();
      await closed;
    },
  };
}
