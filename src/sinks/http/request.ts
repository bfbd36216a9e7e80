/**
 * One POST and what came of it, for every sink over HTTP.
 *
 * Promises: connections are kept and made to allowed addresses only (guard.ts), certificates are checked, redirects are
 * not followed, no proxy is used, an answer is read up to 1 MiB, each call ends within its deadlines. Never throws and
 * never repeats a call. What it tells of a fault is a code and, where waiting will not help, what a person must do:
 * scheme, host and port stand in it, never path, headers or body, which may hold secrets.
 */
import { readFile } from "node:fs/promises";
import { Agent as PlainAgent, request as plainRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import type { SendResult } from "../../contracts.ts";
import type { Clock } from "../../lib/clock.ts";
import { toMessage } from "../../model/errors.ts";
import { type AddressGuard, hostOf } from "./guard.ts";
import type { HttpSettings } from "./settings.ts";

/** Bytes of an answer that are read; more is a fault. */
const ANSWER_MAX = 1024 * 1024;

/** The receiver's answer, or the code of why there is none, with the machine's own words for it. */
export type Answer =
  | { readonly status: number; readonly body: string; readonly retryAfterMs?: number }
  | { readonly fault: string; readonly why?: string };

/** What is sent. */
export type Post = {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
};

/** Posts to receivers. */
export type HttpClient = { post(post: Post, signal: AbortSignal): Promise<Answer>; close(): void };

/** Whom a message names, and which settings to look at when the receiver does not know who calls. */
export type Receiver = { readonly url: URL; readonly access: string };

/** What a status says of the place and not of the alert: every alert would meet it, until a person mends it. */
const MENDED_BY_PEOPLE: Readonly<Record<number, { readonly code: string; readonly say: (access: string) => string }>> =
  {
    401: { code: "not_authorised", say: (access) => `it does not know who calls: check ${access}` },
    403: { code: "not_permitted", say: (access) => `who calls may not do this: grant it there, or check ${access}` },
    404: { code: "not_found", say: () => "nothing is there: check the path of the URL" },
    405: { code: "not_found", say: () => "nothing there takes POST: check the path of the URL" },
    407: { code: "not_authorised", say: () => "a proxy stands between, which is not supported" },
    410: { code: "not_found", say: () => "what was there is gone: check the path of the URL" },
  };

/**
 * What a status means for all that the call carried: 408, 429, 5xx and redirects leave it open, and so does what a person
 * must mend (an expired token must not make dead letters); other 4xx refuse it.
 */
export function toResult(answer: Answer, receiver: Receiver): SendResult {
  const { origin } = receiver.url;
  if ("fault" in answer) return toFaultResult(answer, origin);
  const { status, retryAfterMs } = answer;
  if (status >= 200 && status < 300) return { status: "accepted" };
  const asked = retryAfterMs === undefined ? {} : { retryAfterMs };
  const mended = MENDED_BY_PEOPLE[status];
  if (mended !== undefined) {
    const detail = `${origin} answers ${status}: ${mended.say(receiver.access)}`;
    return { status: "unknown", code: mended.code, detail, ...asked };
  }
  if (status === 408) return { status: "unknown", code: "timed_out", ...asked };
  if (status === 429) return { status: "unknown", code: "throttled", ...asked };
  if (status === 400) return { status: "refused", code: "bad_request" };
  if (status === 413) return { status: "refused", code: "too_large" };
  if (status > 400 && status < 500) return { status: "refused", code: "rejected" };
  if (status >= 500) return { status: "unknown", code: "receiver_failed", ...asked };
  const detail = `${origin} answers ${status}, and redirects are not followed: set the URL that it leads to`;
  return { status: "unknown", code: "redirected", detail };
}

function toFaultResult({ fault, why }: Extract<Answer, { fault: string }>, origin: string): SendResult {
  const said = (why ?? "").slice(0, 200);
  const details: Readonly<Record<string, string>> = {
    address_denied: `${origin} is an inner address: list it in \`allow\`, if the receiver really stands inside`,
    plain_denied: `${origin} would get alerts without TLS: use https, or list its address in \`allow\`, or set \`insecure: true\``,
    tls_failed: `no TLS with ${origin}: ${said}; check \`caFile\`, \`certFile\` and \`key\``,
    header_invalid: "a header has characters that no header can have: check the token, key or headers of the settings",
    file_unreadable: `${said}; check \`caFile\` and \`certFile\``,
  };
  const detail = details[fault];
  return { status: "unknown", code: fault, ...(detail !== undefined && { detail }) };
}

type Parts = { readonly settings: HttpSettings; readonly guard: AddressGuard; readonly clock: Clock };

/** Reads files and connects with the first call. */
export function createHttpClient({ settings, guard, clock }: Parts): HttpClient {
  let agents: { readonly plain: PlainAgent; readonly tls: TlsAgent } | null = null;
  const open = async (): Promise<NonNullable<typeof agents>> => {
    const read = async (path: string | undefined): Promise<Buffer | undefined> =>
      (path && (await readFile(path))) || undefined;
    const [ca, cert] = [await read(settings.caFile), await read(settings.certFile)];
    const own = { ...(ca && { ca }), ...(cert && { cert }), ...(settings.key && { key: settings.key.reveal() }) };
    agents ??= {
      plain: new PlainAgent({ keepAlive: true, lookup: guard.lookup(false) }),
      tls: new TlsAgent({ keepAlive: true, lookup: guard.lookup(true), ...own, rejectUnauthorized: true }),
    };
    return agents;
  };
  const post = async ({ url, headers, body }: Post, signal: AbortSignal): Promise<Answer> => {
    const isTls = url.protocol === "https:";
    const { host, isAddress } = hostOf(url);
    if (signal.aborted) return { fault: "aborted" };
    // An address in the URL itself is never looked up, so it is judged here.
    const denial = isAddress ? guard.judge(host, isTls) : null;
    if (denial !== null) return { fault: denial };
    try {
      const { plain, tls } = agents ?? (await open());
      const sent = { ...headers, "content-length": String(Buffer.byteLength(body)) };
      const call = isTls
        ? tlsRequest(url, { method: "POST", agent: tls, headers: sent })
        : plainRequest(url, { method: "POST", agent: plain, headers: sent });
      return await settle(call, { body, signal, settings, clock });
    } catch (error) {
      return { fault: toFault(error), why: toMessage(error) };
    }
  };
  return { post, close: () => [agents?.plain, agents?.tls].forEach((agent) => agent?.destroy()) };
}

type Call = {
  readonly body: string | Uint8Array;
  readonly signal: AbortSignal;
  readonly settings: HttpSettings;
  readonly clock: Clock;
};

async function settle(call: ClientRequest, { body, signal, settings, clock }: Call): Promise<Answer> {
  const [done, connected] = [new AbortController(), new AbortController()];
  // Once the answer has begun, its reader gets the connection's fault and not ours.
  let stopped: NodeJS.ErrnoException | null = null;
  const stop = (code: string): void => {
    stopped ??= Object.assign(new Error(code), { code });
    call.destroy(stopped);
  };
  const abort = (): void => stop("aborted");
  signal.addEventListener("abort", abort, { once: true });
  void clock.sleep(settings.timeout, done.signal).then(() => done.signal.aborted || stop("timed_out"));
  void clock
    .sleep(settings.connectTimeout, connected.signal)
    .then(() => connected.signal.aborted || stop("connect_timed_out"));
  try {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    call.on("error", reject).on("response", resolve);
    call.on("socket", (socket) => {
      const event = "encrypted" in socket ? "secureConnect" : "connect";
      if (socket.connecting) socket.once(event, () => connected.abort());
      else connected.abort();
    });
    call.end(body);
    const answer = await promise;
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > ANSWER_MAX) stop("answer_too_large");
      else chunks.push(chunk);
    }
    const retryAfterMs = toRetryAfterMs(answer.headers["retry-after"], clock.nowMs());
    return {
      status: answer.statusCode ?? 0,
      body: Buffer.concat(chunks).toString("utf8"),
      ...(retryAfterMs !== null && { retryAfterMs }),
    };
  } catch (error) {
    throw stopped ?? error;
  } finally {
    signal.removeEventListener("abort", abort);
    done.abort();
    connected.abort();
  }
}

/** Seconds, or a date of HTTP: https://www.rfc-editor.org/rfc/rfc9110#name-retry-after. Null for anything else. */
function toRetryAfterMs(text: string | undefined, nowMs: number): number | null {
  if (text === undefined) return null;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs);
}

/** Codes of faults that are made here or by the guard. */
const OWN = new Set([
  "aborted",
  "timed_out",
  "connect_timed_out",
  "answer_too_large",
  "address_denied",
  "plain_denied",
  "name_unknown",
]);

function toFault(error: unknown): string {
  const { code = "" } = error as NodeJS.ErrnoException;
  if (OWN.has(code)) return code;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "name_unknown";
  if (code === "ENOENT" || code === "EACCES") return "file_unreadable";
  if (code === "ERR_INVALID_CHAR") return "header_invalid";
  return /CERT|TLS|SSL|SIGNATURE/.test(code) ? "tls_failed" : "unreachable";
}
