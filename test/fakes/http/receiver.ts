/**
 * A receiver over HTTP or TLS on loopback, for the fakes of services that sinks post to.
 *
 * It reads each request whole, unzips it where it says so, and answers what the fake decides; it can be down, slow, or
 * answer with a status of one's choice. What it got and how often it was connected to stands open.
 */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { systemClock } from "../../../src/lib/clock.ts";
import { createSeeker } from "../../support/secrets.ts";

export type Call = {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};
export type Reply = {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

export type Receiver = {
  readonly port: number;
  /** Every request, also those that were not taken. */
  readonly calls: Call[];
  readonly seen: { connects: number };
  /** `reply` stands instead of the fake's own answer. */
  readonly plan: { isDown: boolean; delayMs: number; reply: Reply | null };
  readonly close: () => Promise<void>;
};

/** `port` left out: a free one. */
export type ReceiverOptions = { readonly tls?: ServerOptions; readonly host?: string; readonly port?: number };

/** Starts one. `answer` sees calls only while it is up and no reply is set. */
export async function startReceiver(
  answer: (call: Call) => Reply,
  { tls, host = "127.0.0.1", port: wanted = 0 }: ReceiverOptions = {},
): Promise<Receiver> {
  const calls: Call[] = [];
  const seeker = createSeeker();
  const seen = { connects: 0 };
  const plan: Receiver["plan"] = { isDown: false, delayMs: 0, reply: null };
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const raw = Buffer.concat(chunks);
    const body = (request.headers["content-encoding"] === "gzip" ? gunzipSync(raw) : raw).toString();
    const call = { method: request.method ?? "", path: request.url ?? "", headers: request.headers, body };
    calls.push(call);
    seeker.look(`${request.rawHeaders.join("\n")}\n${body}`);
    await systemClock.sleep(plan.delayMs);
    const reply: Reply = plan.isDown ? { status: 503 } : (plan.reply ?? answer(call));
    response.writeHead(reply.status, reply.headers).end(reply.body ?? "{}");
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void =>
    void handle(request, response).catch(() => response.destroy());
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.on("connection", () => void (seen.connects += 1)).on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => void server.listen(wanted, host, resolve));
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    seeker.end();
  };
  return { port, calls, seen, plan, close };
}
