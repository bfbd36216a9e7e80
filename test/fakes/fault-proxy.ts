/**
 * An HTTP forwarder that speaks AWS, in front of an emulator or a fake, and breaks what it is told to break.
 *
 * A rule names a service, an operation, how often and a fault. It must know AWS because the SDK decides on a retry by the
 * code in the body of an error. Without a rule for it a request passes unchanged. The kinds:
 * error (an AWS error as the service spells it), delay, hang (accepted, never answered), reset (RST before an answer),
 * truncate (the body ends early, the socket closes), short (the body ends early and its length says so), stall (half the
 * body, then nothing), drip (the body in slow pieces), corrupt (one byte flipped), lose (done, the answer lost),
 * replay (the last answer of that operation again), edit (the body changed by a function).
 */
import { once } from "node:events";
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createSeeker } from "../support/secrets.ts";

export type Fault =
  | {
      readonly kind: "error";
      readonly code: string;
      readonly status?: number;
      readonly message?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | { readonly kind: "delay"; readonly ms: number }
  | { readonly kind: "drip"; readonly bytes: number; readonly everyMs: number }
  | { readonly kind: "edit"; readonly edit: (body: string) => string }
  | { readonly kind: "hang" | "reset" | "truncate" | "short" | "stall" | "corrupt" | "lose" | "replay" };

/** When a fault happens; the first rule that fits counts. `times` left out: always. */
export type FaultRule = {
  readonly service?: string;
  readonly operation?: string;
  readonly times?: number;
  /** Only requests whose path and query match. */
  readonly path?: RegExp;
  /** Only requests for which it is true. */
  readonly when?: (about: Omit<Passed, "fault">) => boolean;
  readonly fault: Fault;
};

/** A request that passed. `fault` is null where nothing was done to it. */
export type Passed = {
  readonly service: string;
  readonly operation: string;
  readonly path: string;
  /** Id of the access key that signed it; empty where none did. */
  readonly key: string;
  readonly fault: Fault["kind"] | null;
};

export type FaultProxy = {
  readonly url: string;
  readonly log: readonly Passed[];
  /** Requests that are not answered, and whose clients are not known to have gone. */
  open(): number;
  /** Takes the place of all rules; none: everything passes. */
  set(...rules: readonly FaultRule[]): void;
  /** Is told the body of each request as it has come, before any fault. */
  watch(look: (body: string) => void): void;
  /** Sends requests elsewhere: an emulator that was started anew, or those of one service to a fake. */
  target(upstream: string, service?: string): void;
  close(): Promise<void>;
};

type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer };
type Armed = { readonly rule: FaultRule; left: number };

/** Starts a proxy on 127.0.0.1 in front of `upstream`. */
export async function startFaultProxy(upstream: string): Promise<FaultProxy> {
  let target = new URL(upstream);
  const targets = new Map<string, URL>();
  let rules: Armed[] = [];
  const log: Passed[] = [];
  let open = 0;
  const last = new Map<string, Answer>();
  const agent = new Agent({ keepAlive: true });
  const seeker = createSeeker();
  const watchers: ((body: string) => void)[] = [];
  const server = createServer((incoming, response) => {
    void handle(incoming, response).catch(() => response.destroy());
  });
  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    // From the first byte on: a client may go while its request is read, and a poll must not go on for nobody.
    const gone = new AbortController();
    open += 1;
    response.once("close", () => {
      open -= 1;
      gone.abort();
    });
    const body = Buffer.concat(await incoming.toArray());
    const text = body.toString("latin1");
    for (const look of watchers) look(text);
    seeker.look(`${incoming.rawHeaders.join("\n")}\n${text}`);
    const key = /Credential=([^/]+)\//.exec(incoming.headers.authorization ?? "")?.[1] ?? "";
    const about = { ...toCalled(incoming, body), path: incoming.url ?? "/", key };
    const armed = rules.find(({ rule, left }) => left > 0 && fits(rule, about));
    if (armed !== undefined) armed.left -= 1;
    const fault = armed?.rule.fault ?? null;
    log.push({ ...about, fault: fault?.kind ?? null });
    if (fault !== null && (await spoilRequest(fault, { response, about, last }))) return;
    const to = targets.get(about.service) ?? target;
    const answer = await forward(incoming, { body, target: to, agent, signal: gone.signal });
    last.set(about.operation, answer);
    await give(answer, fault, response);
  };
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    log,
    open: () => open,
    set: (...wanted) => {
      rules = wanted.map((rule) => ({ rule, left: rule.times ?? Infinity }));
      // Nothing that was answered before the rules is given again by them, but by those of the same test.
      if (wanted.length === 0) last.clear();
    },
    watch: (look) => void watchers.push(look),
    target: (to, service) => {
      if (service === undefined) target = new URL(to);
      else targets.set(service, new URL(to));
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      agent.destroy();
      await once(server, "close");
      seeker.end();
    },
  };
}

function fits({ service, operation, path, when }: FaultRule, about: Omit<Passed, "fault">): boolean {
  return (
    (service === undefined || service === about.service) &&
    (operation === undefined || operation === about.operation) &&
    (path === undefined || path.test(about.path)) &&
    (when === undefined || when(about))
  );
}

/** Which service and operation a request calls. */
function toCalled(
  { headers, method = "", url = "/" }: IncomingMessage,
  body: Buffer,
): Pick<Passed, "service" | "operation"> {
  const service = /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//.exec(headers.authorization ?? "")?.[1] ?? "";
  const target = headers["x-amz-target"];
  if (typeof target === "string") return { service, operation: target.slice(target.lastIndexOf(".") + 1) };
  const action = /(?:^|&)Action=(\w+)/.exec(body.toString("latin1", 0, 400))?.[1];
  const { searchParams, pathname } = new URL(url, "http://proxy");
  const listing = method === "GET" && searchParams.has("list-type") ? "ListObjectsV2" : null;
  return { service, operation: action ?? searchParams.get("x-id") ?? listing ?? `${method} ${pathname}` };
}

type Spoiling = {
  readonly response: ServerResponse;
  readonly about: Omit<Passed, "fault">;
  readonly last: ReadonlyMap<string, Answer>;
};

/** Faults before anything is forwarded; true when the request ends with it. */
async function spoilRequest(fault: Fault, { response, about, last }: Spoiling): Promise<boolean> {
  if (fault.kind === "delay") await sleep(fault.ms);
  if (fault.kind === "reset") response.socket?.resetAndDestroy();
  if (fault.kind === "error") {
    const { type, body } = toErrorBody(about.service, fault);
    const headers = { "content-type": type, "x-amzn-requestid": "proxy", ...fault.headers };
    response.writeHead(fault.status ?? 400, { ...headers, "content-length": Buffer.byteLength(body) });
    response.end(body);
  }
  const before = fault.kind === "replay" ? last.get(about.operation) : undefined;
  if (before !== undefined) {
    response.writeHead(before.status, before.headers);
    response.end(before.body);
  }
  return before !== undefined || ["hang", "reset", "error"].includes(fault.kind);
}

/** An error as the service's clients read it. */
function toErrorBody(service: string, fault: Fault & { kind: "error" }): { type: string; body: string } {
  const detail = `<Code>${fault.code}</Code><Message>${fault.message ?? fault.code}</Message>`;
  if (service === "s3")
    return { type: "application/xml", body: `<?xml version="1.0" encoding="UTF-8"?><Error>${detail}</Error>` };
  if (["sns", "sts", "iam"].includes(service))
    return { type: "text/xml", body: `<ErrorResponse><Error><Type>Sender</Type>${detail}</Error></ErrorResponse>` };
  const body = JSON.stringify({ __type: fault.code, message: fault.message ?? fault.code });
  return { type: "application/x-amz-json-1.0", body };
}

async function forward(
  incoming: IncomingMessage,
  { body, target, agent, signal }: { body: Buffer; target: URL; agent: Agent; signal: AbortSignal },
): Promise<Answer> {
  const { method, url: path, headers } = incoming;
  const outgoing = request({ host: target.hostname, port: target.port, method, path, headers, agent, signal });
  outgoing.end(body);
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  const received = Buffer.concat(await answer.toArray());
  const { "transfer-encoding": _chunked, ...rest } = answer.headers;
  return {
    status: answer.statusCode ?? 502,
    headers: { ...rest, "content-length": String(received.length) },
    body: received,
  };
}

/** Gives the answer, spoiled as the fault says. */
async function give({ status, headers, body }: Answer, fault: Fault | null, response: ServerResponse): Promise<void> {
  const half = body.subarray(0, body.length >> 1);
  const whole = (bytes: Uint8Array, changed: IncomingHttpHeaders = headers): void => {
    response.writeHead(status, { ...changed, "content-length": String(bytes.length) });
    response.end(bytes);
  };
  switch (fault?.kind) {
    case "lose":
      return void response.socket?.resetAndDestroy();
    case "short":
      return whole(half);
    case "corrupt":
      return whole(flip(body));
    case "edit": {
      const { "x-amz-crc32": _sum, ...rest } = headers;
      return whole(Buffer.from(fault.edit(body.toString())), rest);
    }
    case "truncate":
    case "stall":
      response.writeHead(status, headers);
      response.write(half);
      if (fault.kind === "stall") return;
      await sleep(20);
      return void response.socket?.destroy();
    case "drip":
      response.writeHead(status, headers);
      for (let at = 0; at < body.length && !response.destroyed; at += fault.bytes) {
        response.write(body.subarray(at, at + fault.bytes));
        await sleep(fault.everyMs);
      }
      return void response.end();
    default:
      return whole(body);
  }
}

function flip(body: Buffer): Buffer {
  const flipped = Buffer.from(body);
  const at = flipped.length >> 1;
  if (flipped.length > 0) flipped[at] = (flipped[at] as number) ^ 0xff;
  return flipped;
}
