/**
 * SDK clients as all adapters use them: one set of settings, time limits at every stage, and calls that end.
 *
 * `open` makes a client of a class that the caller imports when it needs it, so that a run without AWS loads none of it.
 * `call` wraps each call: a total deadline (a body that drips passes every other limit), one more try with new credentials
 * after ExpiredToken, and our errors in place of the SDK's. An abort ends a call at once. Nothing is logged here.
 */
import { type Clock, orAborted, startDeadline } from "../lib/clock.ts";
import { SagewatchError } from "../model/errors.ts";
import { type AwsCredentialIdentity, createCredentials, type Credentials } from "./credentials.ts";
import { type AwsCall, needsFreshCredentials, toAwsError } from "./errors.ts";
import type { AwsSettings } from "./settings.ts";

export type { AwsCall } from "./errors.ts";

/** Limits of a client's requests, ms. */
export type AwsLimits = {
  /** Until the answer begins. Of SQS more than its WaitTimeSeconds. */
  readonly answerMs: number;
  /** Without a byte, while an answer is read. */
  readonly silenceMs: number;
  /** Of a call in whole, tries and reading its body included. */
  readonly totalMs: number;
};

/** Limits of short calls: far above what AWS takes, low enough that a dead connection is noticed within a lease. */
export const CALL_LIMITS: AwsLimits = { answerMs: 10_000, silenceMs: 10_000, totalMs: 45_000 };
const CONNECT_MS = 5_000;
/** Sockets of a client: as many calls at a time. */
const SOCKETS = 64;
/** Tries of a call by the SDK, the first included: its own default. */
export const ATTEMPTS = 3;

/** What a client's constructor is given. */
export type ClientSettings = {
  readonly region: string;
  readonly endpoint?: string;
  readonly credentials: () => Promise<AwsCredentialIdentity>;
  readonly maxAttempts: number;
  readonly requestHandler: HandlerSettings;
};
/** Limits of requests as the SDK's HTTP/1.1 handler has them. */
export type HandlerSettings = {
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
  readonly throwOnRequestTimeout: true;
  readonly socketTimeout: number;
  readonly httpAgent: { readonly keepAlive: true; readonly maxSockets: number };
  readonly httpsAgent: { readonly keepAlive: true; readonly maxSockets: number };
};

/** Calls in one account and Region. */
export type Aws = {
  readonly region: string;
  /** A client with these limits. `Client` is an SDK client's class, `extra` its own settings. */
  open<Client, Extra extends object>(
    type: new (settings: ClientSettings & Extra) => Client,
    limits: AwsLimits,
    extra: Extra,
  ): Client;
  /**
   * Makes a call within `limits.totalMs`; `send` must hand its signal on to the client and to whatever reads the body.
   * Errors by code: aws_* as toAwsError; a call that was aborted throws what `send` throws.
   */
  call<T>(call: AwsCall, send: (signal: AbortSignal) => Promise<T>, by: CallBy): Promise<T>;
};
export type CallBy = { readonly limits: AwsLimits; readonly signal: AbortSignal };

export type AwsDeps = {
  readonly clock: Clock;
  /** The account that calls are for, where `role` is a name. */
  readonly accountId?: string | null;
  /** Takes the place of the SDK's chain of credentials. */
  readonly chain?: () => Promise<AwsCredentialIdentity>;
};

/** Calls as the settings say. Errors by code: config_invalid. */
export function createAws(settings: AwsSettings, deps: AwsDeps): Aws {
  const { clock, accountId = null, chain } = deps;
  const credentials = createCredentials(settings, accountId, { clock, chain });
  // So marked, the client asks for each request and keeps nothing.
  const provider = Object.assign(() => credentials(), { memoized: true });
  return {
    region: settings.region,
    open: (Client, limits, extra) => {
      const { region, endpoint } = settings;
      return new Client({
        region,
        ...(endpoint === undefined ? {} : { endpoint }),
        credentials: provider,
        maxAttempts: ATTEMPTS,
        requestHandler: toHandlerSettings(limits),
        ...extra,
      });
    },
    call: async (call, send, { limits, signal }) => {
      const ended = startDeadline(limits.totalMs, { clock, signal });
      try {
        return await withFreshCredentials(() => send(ended.signal), credentials, ended.signal);
      } catch (error) {
        if (signal.aborted) throw error;
        if (ended.isLate()) {
          const text = `${call.service} ${call.operation} on ${call.resource} took longer than ${limits.totalMs} ms; it is tried again`;
          throw new SagewatchError("aws_unreachable", text, { cause: error, retryable: true });
        }
        throw toAwsError(error, call);
      } finally {
        ended.stop();
      }
    },
  };
}

/** Settings of a handler with these limits, for a client whose own handler is another one. */
export function toHandlerSettings(limits: AwsLimits): HandlerSettings {
  const agent = { keepAlive: true, maxSockets: SOCKETS } as const;
  return {
    connectionTimeout: CONNECT_MS,
    requestTimeout: limits.answerMs,
    throwOnRequestTimeout: true,
    socketTimeout: limits.silenceMs,
    httpAgent: agent,
    httpsAgent: agent,
  };
}

/**
 * Tries once more with new credentials when these have run out or were replaced: the SDK does not. They are asked for here
 * first, since nothing tells the SDK's client to wait for them no longer.
 */
async function withFreshCredentials<T>(
  send: () => Promise<T>,
  credentials: Credentials,
  signal: AbortSignal,
): Promise<T> {
  const used = await orAborted(credentials(), signal);
  try {
    return await send();
  } catch (error) {
    if (!needsFreshCredentials(error)) throw error;
    credentials.drop(used.accessKeyId);
    await orAborted(credentials(), signal);
    return send();
  }
}
