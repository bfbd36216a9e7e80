/**
 * The sink `slack`: alerts as messages in a channel, by a bot token (`chat.postMessage`) or an incoming webhook.
 *
 * One message after another, since Slack takes about one a second in a channel. Slack knows no repetition: a message
 * whose answer was lost stands there twice. With `updates: none` later revisions are accepted without a message.
 *
 * Codes. Refused: `encode_failed`, `too_large`, `bad_request`, `rejected` and Slack's word for a message that it cannot
 * take. Unknown, with what a person must do: Slack's word for a token, scope or channel, `bad_answer`,
 * `webhook_url_invalid` and those of http/request.ts. Unknown: `throttled`, `timed_out`, `receiver_failed`, `waiting`,
 * `aborted` and faults of the network.
 */
import { z } from "zod";
import type { OutboxItem, SendResult, Sink } from "../../contracts.ts";
import { systemClock } from "../../lib/clock.ts";
import { safeJson } from "../../lib/safe-text.ts";
import type { Secret } from "../../model/secret.ts";
import { secretSchema } from "../../model/settings.ts";
import { fitText } from "../fit.ts";
import { createOrderedSend } from "../http/again.ts";
import { createAddressGuard } from "../http/guard.ts";
import { httpProbes } from "../http/probe.ts";
import { createHttpClient } from "../http/request.ts";
import { checkPlain, httpShape, type HttpSettings, isWebUrl, toEndpoint } from "../http/settings.ts";
import { sharedShape, type SharedSettings, type SinkDeps, type SinkType } from "../settings.ts";
import { toApiResult, toWebhookResult } from "./answers.ts";
import { toSlackMessage } from "./message.ts";

export type SlackSinkConfig = SharedSettings &
  HttpSettings & {
    readonly type: "slack";
    readonly apiUrl: string;
    readonly token?: Secret | undefined;
    readonly channel?: string | undefined;
    readonly webhookUrl?: Secret | undefined;
    readonly updates: "none" | "post";
  };

const schema = z
  .strictObject({
    type: z.literal("slack"),
    ...sharedShape("slack"),
    ...httpShape,
    apiUrl: z
      .string()
      .refine(isWebUrl, "must be an http or https URL without a user")
      .default("https://slack.com/api")
      .describe("Of Slack's Web API, for `token`."),
    token: secretSchema().optional().describe("Bot token with the scope chat:write."),
    channel: z.string().min(1).max(80).optional().describe("Id of the channel, for `token`."),
    webhookUrl: secretSchema().optional().describe("URL of an incoming webhook, instead of `token` and `channel`."),
    updates: z
      .enum(["none", "post"])
      .default("none")
      .describe("What later revisions of an alert do. Default none: a channel hears of an alert once."),
  })
  .superRefine((config, check) => {
    checkPlain(config, config.apiUrl, check);
    const fault = (path: string, message: string): void =>
      check.addIssue({ code: "custom", path: [path], message, input: undefined });
    if ((config.token === undefined) === (config.webhookUrl === undefined))
      fault("token", "one of `token` and `webhookUrl` is needed");
    if (config.token !== undefined && config.channel === undefined) fault("channel", "is needed with `token`");
    if (config.webhookUrl !== undefined && config.channel !== undefined)
      fault("channel", "a webhook has its own channel: leave this out");
  }) satisfies z.ZodType<SlackSinkConfig>;

/** Of a message; what is written here is a tenth of it. */
const MESSAGE_BYTES = 64 * 1024;

/** Connects with the first alert. */
export function createSlackSink(config: SlackSinkConfig, { clock = systemClock }: SinkDeps): Sink {
  const client = createHttpClient({ settings: config, guard: createAddressGuard(config), clock });
  const { token, channel, webhookUrl } = config;
  const encode = (item: OutboxItem): string => safeJson(JSON.stringify(toBody(item, channel)));
  const headers = { "content-type": "application/json; charset=utf-8" };
  const sendOne = async (item: OutboxItem, signal: AbortSignal): Promise<SendResult> => {
    if (config.updates === "none" && !item.opened) return { status: "accepted" };
    const body = fitText(item, encode, MESSAGE_BYTES);
    if (typeof body !== "string") return { status: "refused", code: body.refused };
    if (token !== undefined) {
      const url = toEndpoint(config.apiUrl, "/chat.postMessage");
      const authorization = `Bearer ${token.reveal()}`;
      return toApiResult(await client.post({ url, headers: { ...headers, authorization }, body }, signal), url);
    }
    const url = URL.parse(webhookUrl?.reveal() ?? "");
    if (url === null || !/^https?:$/.test(url.protocol)) {
      const detail = "the secret `webhookUrl` holds no http or https URL: put the webhook's URL there";
      return { status: "unknown", code: "webhook_url_invalid", detail };
    }
    return toWebhookResult(await client.post({ url, headers, body }, signal), url);
  };
  return {
    name: config.name,
    limits: { maxItems: 20, maxBytes: 1024 * 1024, lane: () => 0, part: () => "" },
    send: createOrderedSend(sendOne),
    close: async () => client.close(),
  };
}

/** With `metadata` for programs that read the channel, which webhooks do not take. */
function toBody(item: OutboxItem, channel: string | undefined): Readonly<Record<string, unknown>> {
  const { id, revision, ruleId, severity, accountId, eventCount } = item.alert;
  const message = toSlackMessage(item);
  if (channel === undefined) return message;
  const payload = { id, revision, rule_id: ruleId, severity, account_id: accountId, event_count: eventCount };
  return { channel, ...message, metadata: { event_type: "sagewatch_alert", event_payload: payload } };
}

/** Registry entry of `type: slack`. */
export const slackSink: SinkType<SlackSinkConfig> = {
  schema,
  create: createSlackSink,
  probes: (config) => httpProbes(config, config.webhookUrl === undefined ? config.apiUrl : "https://hooks.slack.com/"),
};
