/**
 * Health, readiness and metrics over HTTP: three pages to read, and nothing else.
 *
 * Whatever is not in the table is refused (404, or 405 where only the method is wrong), in JSON. It takes no body worth
 * the name, sends no CORS header, asks nobody who they are and so tells no secret, no record and no alert. Slow and idle
 * clients are cut off: a page for probes must not become a way to hold sockets. It lives from before the state is opened
 * until after it is closed, so that a daemon that is starting, full or draining can say so.
 */
import { fastify, type FastifyInstance, type FastifyReply, LogController } from "fastify";
import { SagewatchError, toMessage } from "../../model/errors.ts";
import type { HealthWatch } from "./health.ts";

export type HttpOptions = {
  readonly host: string;
  readonly port: number;
  readonly watch: Pick<HealthWatch, "health" | "readiness">;
  readonly metrics: () => Promise<string>;
};
/** `port`: the one that was taken. */
export type Http = { readonly port: number; close(): Promise<void> };

/** No page reads a body. */
const BODY_BYTES = 1024;
/** Bytes of a request's head: probes and scrapers send a few hundred. */
const HEAD_BYTES = 8 * 1024;
/** How long a request may take to arrive, its head first; and a handler to answer, ms. Scrapers give up after 10 s. */
const HEAD_MS = 5_000;
const REQUEST_MS = 10_000;
const ANSWER_MS = 10_000;
/** An idle connection is kept so long, ms: longer than a scrape interval is of no use to anybody on the loopback. */
const KEEP_ALIVE_MS = 5_000;
/** How often sockets that are overdue are looked for, ms. */
const CHECK_MS = 1_000;
const CONNECTIONS_MAX = 64;
/** Requests of one connection, so that none is held for ever. */
const REQUESTS_MAX = 1_000;
/** What Prometheus reads. https://prometheus.io/docs/instrumenting/exposition_formats/ */
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";
const PATHS = ["/health", "/ready", "/metrics"] as const;

/** Listens. Errors: http_failed. */
export async function startHttp(options: HttpOptions): Promise<Http> {
  const app = createApp(options);
  try {
    await app.listen({ host: options.host, port: options.port });
  } catch (error) {
    await app.close();
    throw toHttpError(error, options);
  }
  const address = app.server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : options.port,
    close: () => app.close(),
  };
}

function createApp({ watch, metrics }: HttpOptions): FastifyInstance {
  const app = fastify({
    logger: false,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES,
    requestTimeout: REQUEST_MS,
    handlerTimeout: ANSWER_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxRequestsPerSocket: REQUESTS_MAX,
    forceCloseConnections: true,
    return503OnClosing: false,
    routerOptions: { maxParamLength: 100 },
    http: { headersTimeout: HEAD_MS, connectionsCheckingInterval: CHECK_MS, maxHeaderSize: HEAD_BYTES },
    frameworkErrors: (_error, _request, reply) => void refuse(reply, 400, "bad_request"),
  });
  app.server.maxConnections = CONNECTIONS_MAX;
  app.addHook("onRequest", (_request, reply, done) => {
    reply.headers({ "x-content-type-options": "nosniff", "cache-control": "no-store" });
    done();
  });
  app.get("/health", async (_request, reply) => {
    const health = watch.health();
    return reply.code(health.status === "ok" ? 200 : 503).send(health);
  });
  app.get("/ready", async (_request, reply) => {
    const readiness = watch.readiness();
    return reply.code(readiness.ready ? 200 : 503).send(readiness);
  });
  app.get("/metrics", async (_request, reply) => reply.type(METRICS_TYPE).send(await metrics()));
  app.setNotFoundHandler(async (request, reply) => {
    const path = request.url.split("?")[0] ?? "";
    if (!(PATHS as readonly string[]).includes(path)) return refuse(reply, 404, "not_found");
    return refuse(reply.header("allow", "GET, HEAD"), 405, "method_not_allowed");
  });
  app.setErrorHandler(async (error, _request, reply) => {
    const status = (error as { statusCode?: unknown }).statusCode;
    const code = typeof status === "number" && status >= 400 && status < 500 ? status : 500;
    return refuse(reply, code, code === 500 ? "internal" : "bad_request");
  });
  return app;
}

/** The message of an error may quote anything: a code is all that is told. */
function refuse(reply: FastifyReply, status: number, code: string): FastifyReply {
  return reply.code(status).send({ code });
}

function toHttpError(error: unknown, { host, port }: HttpOptions): SagewatchError {
  const taken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
  const why = taken ? "somebody listens there already" : toMessage(error);
  return new SagewatchError(
    "http_failed",
    `health and metrics cannot be served at ${host}:${port}: ${why}; set http.host and http.port, or http.enabled: false`,
    { cause: error },
  );
}
