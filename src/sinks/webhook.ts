/**
 * The sink `webhook`: each alert as a POST of JSON, signed, to a URL of one's own.
 *
 * `Idempotency-Key` is the alert's id and revision, so that a receiver knows a repetition; `X-Sagewatch-Signature` is
 * `t=SECONDS,v1=HEX`, the HMAC-SHA256 of `SECONDS.BODY`. Alerts of a lane go one after another; after one without a clear
 * answer those behind it wait, and of an array that comes again only what is still open is sent. Too large: sent once more
 * with less evidence, then refused.
 *
 * Codes. Refused: `encode_failed`, `too_large`, `bad_request`, `rejected`. Unknown, with what a person must do:
 * `not_authorised`, `not_permitted`, `not_found`, `redirected`, `tls_failed`, `file_unreadable`, `address_denied`,
 * `plain_denied`. Unknown: `throttled`, `timed_out`, `connect_timed_out`, `unreachable`, `name_unknown`,
 * `answer_too_large`, `receiver_failed`, `waiting` (one before it is open), `aborted`.
 */
import { createHmac } from "node:crypto";
import { z } from "zod";
import type { OutboxItem, SendResult, Sink } from "../contracts.ts";
import { systemClock } from "../lib/clock.ts";
import { safeJson } from "../lib/safe-text.ts";
import type { Secret } from "../model/secret.ts";
import { secretSchema, sizeSchema } from "../model/settings.ts";
import { fitText, withoutEvidence } from "./fit.ts";
import { createOrderedSend } from "./http/again.ts";
import { createAddressGuard } from "./http/guard.ts";
import { httpProbes } from "./http/probe.ts";
import { createHttpClient, toResult } from "./http/request.ts";
import { checkPlain, httpShape, type HttpSettings, isWebUrl } from "./http/settings.ts";
import { fillTemplate, findTemplateFaults } from "./http/template.ts";
import { toLane } from "./lane.ts";
import { LINE_FORMATS, type LineFormat, toLineEncoder } from "./lines.ts";
import { sharedShape, type SharedSettings, type SinkDeps, type SinkType } from "./settings.ts";

export type WebhookSinkConfig = SharedSettings &
  HttpSettings & {
    readonly type: "webhook";
    readonly url: string;
    readonly format: LineFormat;
    /** JSON in which `{{alert.FIELD}}` is filled in, instead of `format`. */
    readonly template?: unknown;
    /** Key of the signature. Left out: not signed. */
    readonly secret?: Secret | undefined;
    readonly headers: Readonly<Record<string, string | Secret>>;
    readonly maxBytes: number;
  };

const shape = z.strictObject({
  type: z.literal("webhook"),
  ...sharedShape("webhook"),
  ...httpShape,
  url: z.string().refine(isWebUrl, "must be an http or https URL without a user").describe("Where alerts are posted."),
  format: z.enum(LINE_FORMATS).default("native").describe("Form of an alert."),
  template: z
    .unknown()
    .optional()
    .describe("JSON in which {{alert.FIELD}} stands for fields of the alert (native names), instead of `format`."),
  secret: secretSchema().optional().describe("Key of the signature (HMAC-SHA256). Left out: not signed."),
  headers: z
    .record(
      z
        .string()
        .regex(/^(?!(content-(length|type)|host|idempotency-key)$)[A-Za-z0-9-]{1,64}$/i, "must be a free header name"),
      z.union([z.string().regex(/^[\x20-\x7e]*$/, "must be printable ASCII"), secretSchema()]),
    )
    .default({})
    .describe("Further headers; a value may be a secret."),
  maxBytes: sizeSchema({ least: 16 * 1024, most: 16 * 1024 * 1024 })
    .prefault("1 MiB")
    .describe("Largest body. Default 1 MiB, which most receivers take; larger alerts lose evidence and say so."),
});

const schema = shape.superRefine((config, check) => {
  checkPlain(config, config.url, check);
  for (const { path, message } of findTemplateFaults(config.template))
    check.addIssue({ code: "custom", path: ["template", ...path], message });
}) satisfies z.ZodType<WebhookSinkConfig>;

/** Connects with the first alert. */
export function createWebhookSink(config: WebhookSinkConfig, { version, clock = systemClock }: SinkDeps): Sink {
  const client = createHttpClient({ settings: config, guard: createAddressGuard(config), clock });
  const url = new URL(config.url);
  const form = toLineEncoder(config.format, version);
  const { template } = config;
  const encode = (item: OutboxItem): string =>
    template === undefined ? form(item) : safeJson(JSON.stringify(fillTemplate(template, item.alert)));
  const toHeaders = (item: OutboxItem, body: string): Record<string, string> => {
    const own = Object.entries(config.headers).map(([name, value]) => [
      name,
      typeof value === "string" ? value : value.reveal(),
    ]);
    const seconds = Math.floor(clock.nowMs() / 1000);
    return {
      ...(Object.fromEntries(own) as Record<string, string>),
      "content-type": "application/json",
      "idempotency-key": `${item.alert.id}-${item.alert.revision}`,
      ...(config.secret && { "x-sagewatch-signature": sign(config.secret, seconds, body) }),
    };
  };
  const sendOne = async (item: OutboxItem, signal: AbortSignal, isCut = false): Promise<SendResult> => {
    const body = fitText(item, encode, config.maxBytes);
    if (typeof body !== "string") return { status: "refused", code: body.refused };
    const answer = await client.post({ url, headers: toHeaders(item, body), body }, signal);
    const result = toResult(answer, { url, access: "`headers` and `secret`" });
    const isTooLarge = !isCut && result.status === "refused" && result.code === "too_large";
    return isTooLarge ? sendOne(withoutEvidence(item), signal, true) : result;
  };
  return {
    name: config.name,
    limits: { maxItems: 100, maxBytes: config.maxBytes, lane: toLane, part: () => "" },
    send: createOrderedSend((item, signal) => sendOne(item, signal)),
    close: async () => client.close(),
  };
}

function sign(secret: Secret, seconds: number, body: string): string {
  return `t=${seconds},v1=${createHmac("sha256", secret.reveal()).update(`${seconds}.${body}`).digest("hex")}`;
}

/** Registry entry of `type: webhook`. */
export const webhookSink: SinkType<WebhookSinkConfig> = {
  schema,
  create: createWebhookSink,
  probes: (config) => httpProbes(config, config.url),
};
