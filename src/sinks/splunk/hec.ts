/**
 * The sink `splunk-hec`: alerts as events of Splunk's HTTP Event Collector, with the fields of CIM's Alerts.
 *
 * Several alerts go as one call. With indexer acknowledgement, which is the default, an alert counts as accepted when it
 * is indexed; without it, when the collector took it, and what a Splunk server loses then is lost. Splunk keeps whatever
 * it gets: an alert that had to go twice stands there twice, under the same id and revision (docs/sinks.md).
 *
 * Codes. Refused: `encode_failed`, `too_large`, `bad_event`, `rejected`. Unknown, with what a person must do:
 * `token_disabled`, `not_authorised`, `index_denied`, `channel_refused`, `ack_disabled`, and those of http/request.ts.
 * Unknown: `not_acknowledged`, `bad_answer`, `throttled`, `receiver_failed`, `waiting`, `aborted` and faults of the network.
 */
import { randomUUID } from "node:crypto";
import { gzipSync } from "node:zlib";
import { z } from "zod";
import type { OutboxItem, SendResult, Sink } from "../../contracts.ts";
import { toCimEvent } from "../../encode/cim.ts";
import { toMs } from "../../encode/time.ts";
import { systemClock } from "../../lib/clock.ts";
import { safeJson } from "../../lib/safe-text.ts";
import type { Secret } from "../../model/secret.ts";
import { durationSchema, secretSchema, sizeSchema } from "../../model/settings.ts";
import { fitText } from "../fit.ts";
import { memberOf, parseAnswer } from "../http/answer.ts";
import { createBatchSend } from "../http/batch.ts";
import { createAddressGuard } from "../http/guard.ts";
import { httpProbes } from "../http/probe.ts";
import { type Answer, createHttpClient } from "../http/request.ts";
import { checkPlain, httpShape, type HttpSettings, isWebUrl, toEndpoint } from "../http/settings.ts";
import { toLane } from "../lane.ts";
import { sharedShape, type SharedSettings, type SinkDeps, type SinkType } from "../settings.ts";
import { awaitAcknowledgement } from "./acknowledge.ts";
import { toHecResult } from "./codes.ts";

export type SplunkHecSinkConfig = SharedSettings &
  HttpSettings & {
    readonly type: "splunk-hec";
    readonly url: string;
    readonly token: Secret;
    /** Left out: the token's own index. */
    readonly index?: string | undefined;
    readonly host: string;
    readonly source: string;
    readonly sourcetype: string;
    readonly acknowledge: boolean;
    /** Longest wait for the indexers, ms. */
    readonly ackTimeout: number;
    readonly gzip: boolean;
    readonly maxBytes: number;
  };

const named = (): z.ZodString => z.string().min(1).max(256);
const schema = z
  .strictObject({
    type: z.literal("splunk-hec"),
    ...sharedShape("splunk-hec"),
    ...httpShape,
    url: z
      .string()
      .refine(isWebUrl, "must be an http or https URL without a user")
      .describe("Of the collector, such as https://splunk.example:8088; /services/collector/event is added."),
    token: secretSchema().describe("Token of the HTTP Event Collector."),
    index: named().optional().describe("Index of the events. Left out: the token's own."),
    host: named().default("sagewatch").describe("`host` of the events."),
    source: named().default("sagewatch").describe("`source` of the events."),
    sourcetype: named().default("sagewatch:alert").describe("`sourcetype` of the events."),
    acknowledge: z
      .boolean()
      .default(true)
      .describe(
        "Wait until the indexers have an alert; the token must have indexer acknowledgement on. Default true: else a server that fails loses alerts. Splunk Cloud has it for Firehose only: false there.",
      ),
    ackTimeout: durationSchema({ least: 1000, most: 600_000 })
      .prefault("60s")
      .describe(
        "Longest wait for the indexers; then the same alerts go again. Default 60s: many times what they take.",
      ),
    gzip: z.boolean().default(false).describe("Compress what is sent."),
    maxBytes: sizeSchema({ least: 16 * 1024, most: 16 * 1024 * 1024 })
      .prefault("1 MiB")
      .describe("Largest call, before it is compressed. Default 1 MiB; larger alerts lose evidence and say so."),
  })
  .superRefine((config, check) => checkPlain(config, config.url, check)) satisfies z.ZodType<SplunkHecSinkConfig>;

const MAX_ITEMS = 100;

/** Connects with the first alert. */
export function createSplunkHecSink(config: SplunkHecSinkConfig, { clock = systemClock }: SinkDeps): Sink {
  const client = createHttpClient({ settings: config, guard: createAddressGuard(config), clock });
  const { maxBytes, ackTimeout: timeoutMs } = config;
  const channel = randomUUID();
  const url = toEndpoint(config.url, "/services/collector/event");
  const post = (to: URL, text: string, signal: AbortSignal): Promise<Answer> => {
    const headers = {
      authorization: `Splunk ${config.token.reveal()}`,
      "content-type": "application/json",
      "x-splunk-request-channel": channel,
      ...(config.gzip && { "content-encoding": "gzip" }),
    };
    return client.post({ url: to, headers, body: config.gzip ? gzipSync(text) : text }, signal);
  };
  const ackUrl = toEndpoint(config.url, "/services/collector/ack");
  const ask = (body: string, signal: AbortSignal): Promise<Answer> => post(ackUrl, body, signal);
  let canAsk = false;
  const request = async (entries: readonly string[], signal: AbortSignal): Promise<SendResult> => {
    // A token without acknowledgement would take the alerts, and again with every try: so it is asked before.
    if (config.acknowledge && !canAsk) {
      const asked = await ask('{"acks":[0]}', signal);
      if ("fault" in asked || asked.status !== 200) return toHecResult(asked, url);
      canAsk = true;
    }
    const answer = await post(url, entries.join("\n"), signal);
    const taken = "fault" in answer || answer.status !== 200 ? undefined : parseAnswer(answer.body);
    if (taken === undefined && "status" in answer && answer.status === 200) return toBadAnswer(url);
    if (memberOf(taken, "code") !== 0) return toHecResult(answer, url);
    if (!config.acknowledge) return { status: "accepted" };
    const ackId = memberOf(taken, "ackId");
    if (typeof ackId !== "number") {
      canAsk = false;
      return toHecResult({ status: 400, body: '{"code":14}' }, url);
    }
    return awaitAcknowledgement(ackId, { ask, url, clock, timeoutMs }, signal);
  };
  return {
    name: config.name,
    limits: { maxItems: MAX_ITEMS, maxBytes, lane: toLane, part: () => "" },
    send: createBatchSend({
      encode: (item) => fitText(item, (one) => encode(one, config), maxBytes),
      maxItems: MAX_ITEMS,
      maxBytes,
      request,
    }),
    close: async () => client.close(),
  };
}

function toBadAnswer({ origin }: URL): SendResult {
  const detail = `${origin} answers 200 without the collector's JSON: check the URL, or what stands between`;
  return { status: "unknown", code: "bad_answer", detail };
}

function encode({ alert, pointers, additions }: OutboxItem, config: SplunkHecSinkConfig): string {
  const ms = toMs(alert.lastEventTime);
  const { index, host, source, sourcetype } = config;
  const event = toCimEvent(alert, { pointers, additions });
  return safeJson(JSON.stringify({ ...(ms !== null && { time: ms / 1000 }), host, source, sourcetype, index, event }));
}

/** Registry entry of `type: splunk-hec`. */
export const splunkHecSink: SinkType<SplunkHecSinkConfig> = {
  schema,
  create: createSplunkHecSink,
  probes: (config) => httpProbes(config, config.url),
};
