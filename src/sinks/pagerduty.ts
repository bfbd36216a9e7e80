/**
 * The sink `pagerduty`: alerts as events of PagerDuty's Events API v2, which wakes who is on call.
 * https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
 *
 * The alert's id is the `dedup_key`: its revisions, and one that goes twice, are one incident while that is open. What a
 * person reads on a phone has hidden characters made visible and is cut with "…"; `custom_details` is the native form.
 *
 * Codes. Refused: `encode_failed`, `too_large`, `bad_request`, `rejected`. Unknown, with what a person must do:
 * `not_authorised` (the routing key) and those of http/request.ts. Unknown: `throttled`, `receiver_failed`, `waiting`,
 * `aborted` and faults of the network.
 */
import { z } from "zod";
import type { OutboxItem, SendResult, Sink } from "../contracts.ts";
import { toNative } from "../encode/native.ts";
import { knownTechnique } from "../encode/technique.ts";
import { systemClock } from "../lib/clock.ts";
import { cutLine, safeJson } from "../lib/safe-text.ts";
import { SEVERITIES, type Severity } from "../model/alert.ts";
import type { Secret } from "../model/secret.ts";
import { secretSchema } from "../model/settings.ts";
import { fitText } from "./fit.ts";
import { memberOf, parseAnswer } from "./http/answer.ts";
import { createBatchSend } from "./http/batch.ts";
import { createAddressGuard } from "./http/guard.ts";
import { httpProbes } from "./http/probe.ts";
import { type Answer, createHttpClient, toResult } from "./http/request.ts";
import { checkPlain, httpShape, type HttpSettings, isWebUrl } from "./http/settings.ts";
import { toLane } from "./lane.ts";
import { sharedShape, type SharedSettings, type SinkDeps, type SinkType } from "./settings.ts";

export type PagerDutySinkConfig = SharedSettings &
  HttpSettings & {
    readonly type: "pagerduty";
    readonly url: string;
    readonly routingKey: Secret;
  };

const schema = z
  .strictObject({
    type: z.literal("pagerduty"),
    ...sharedShape("pagerduty"),
    ...httpShape,
    minSeverity: z
      .enum(SEVERITIES)
      .default("high")
      .describe("Least severity that this sink gets. Default high: it wakes people."),
    url: z
      .string()
      .refine(isWebUrl, "must be an http or https URL without a user")
      .default("https://events.pagerduty.com/v2/enqueue")
      .describe("Of the Events API; accounts in Europe have https://events.eu.pagerduty.com/v2/enqueue."),
    routingKey: secretSchema().describe("Integration key of the service (Events API v2)."),
  })
  .superRefine((config, check) => checkPlain(config, config.url, check)) satisfies z.ZodType<PagerDutySinkConfig>;

/** PagerDuty knows four. */
const LEVELS: Readonly<Record<Severity, "critical" | "error" | "warning" | "info">> = {
  critical: "critical",
  high: "error",
  medium: "warning",
  low: "info",
  informational: "info",
};
/** Of the API: bytes of an event, characters of a summary. */
const EVENT_BYTES = 512 * 1024;
const SUMMARY_MAX = 1024;

/** Connects with the first alert. */
export function createPagerDutySink(config: PagerDutySinkConfig, { clock = systemClock }: SinkDeps): Sink {
  const client = createHttpClient({ settings: config, guard: createAddressGuard(config), clock });
  const url = new URL(config.url);
  return {
    name: config.name,
    limits: { maxItems: 20, maxBytes: EVENT_BYTES, lane: toLane, part: () => "" },
    send: createBatchSend({
      encode: (item) => fitText(item, (one) => encode(one, config.routingKey), EVENT_BYTES),
      maxItems: 1,
      maxBytes: EVENT_BYTES,
      request: async ([body = ""], signal) => {
        const answer = await client.post({ url, headers: { "content-type": "application/json" }, body }, signal);
        return toPagerDutyResult(answer, url);
      },
    }),
    close: async () => client.close(),
  };
}

/** A wrong routing key comes as 400 like a wrong event; only the errors tell them apart. */
function toPagerDutyResult(answer: Answer, url: URL): SendResult {
  const receiver = { url, access: "`routingKey`" };
  if ("fault" in answer || answer.status !== 400) return toResult(answer, receiver);
  const errors = memberOf(parseAnswer(answer.body), "errors");
  const isKey = Array.isArray(errors) && errors.some((error) => /routing_key|integration key/i.test(String(error)));
  return toResult(isKey ? { ...answer, status: 401 } : answer, receiver);
}

function encode({ alert, pointers, additions }: OutboxItem, routingKey: Secret): string {
  const { severity, id, title, lastEventTime, accountId, accountName, region, ruleName, attack, atlas } = alert;
  const links = [...attack, ...atlas].flatMap((technique) => {
    const known = knownTechnique(technique);
    return known === null ? [] : [{ href: known.page, text: `${technique} ${known.name}` }];
  });
  const event = {
    routing_key: routingKey.reveal(),
    event_action: "trigger",
    dedup_key: id,
    client: "Sagewatch",
    payload: {
      summary: cutLine(`[${severity}] ${title}`, SUMMARY_MAX),
      source: cutLine(accountName || accountId || "unknown", 256),
      severity: LEVELS[severity],
      timestamp: lastEventTime,
      component: cutLine(region || "unknown", 256),
      group: cutLine(accountId || "unknown", 256),
      class: cutLine(ruleName, 256),
      custom_details: toNative(alert, { pointers, additions }),
    },
    ...(links.length > 0 && { links }),
  };
  return safeJson(JSON.stringify(event));
}

/** Registry entry of `type: pagerduty`. */
export const pagerDutySink: SinkType<PagerDutySinkConfig> = {
  schema,
  create: createPagerDutySink,
  probes: (config) => httpProbes(config, config.url),
};
