/**
 * What Slack's answers mean. `chat.postMessage` answers 200 also where it did nothing: `ok` and `error` tell.
 * https://docs.slack.dev/reference/methods/chat.postMessage#errors
 *
 * An error that blames the message refuses it. One that a later try may not meet leaves it open, and so do all others,
 * known or not: token, scope and channel are for a person to mend, who is told Slack's own word.
 */
import type { SendResult } from "../../contracts.ts";
import { memberOf, parseAnswer } from "../http/answer.ts";
import { type Answer, toResult } from "../http/request.ts";

const BAD_MESSAGE: ReadonlySet<string> = new Set([
  "msg_too_long",
  "msg_blocks_too_long",
  "no_text",
  "invalid_blocks",
  "invalid_blocks_format",
  "invalid_attachments",
  "too_many_attachments",
  "invalid_metadata_format",
  "invalid_metadata_schema",
  "metadata_too_large",
  "invalid_json",
  "invalid_charset",
]);
const PASSING: Readonly<Record<string, string>> = {
  ratelimited: "throttled",
  rate_limited: "throttled",
  message_limit_exceeded: "throttled",
  fatal_error: "receiver_failed",
  internal_error: "receiver_failed",
  service_unavailable: "receiver_failed",
  request_timeout: "timed_out",
};
const MEND: Readonly<Record<string, string>> = {
  not_in_channel: "invite the app to the channel",
  channel_not_found: "check `channel`, and invite the app to it",
  is_archived: "the channel is archived: choose another `channel`",
  missing_scope: "give the app the scope chat:write",
};

/** Of `chat.postMessage`. */
export function toApiResult(answer: Answer, url: URL): SendResult {
  const receiver = { url, access: "`token`" };
  if ("fault" in answer || answer.status !== 200) return toResult(answer, receiver);
  const parsed = parseAnswer(answer.body);
  if (memberOf(parsed, "ok") === true) return { status: "accepted" };
  const error = memberOf(parsed, "error");
  const word = typeof error === "string" && /^[a-z_]{1,60}$/.test(error) ? error : null;
  if (word === null) return toBadAnswer(url);
  if (BAD_MESSAGE.has(word)) return { status: "refused", code: word };
  const { retryAfterMs } = answer;
  const passing = PASSING[word];
  if (passing !== undefined)
    return { status: "unknown", code: passing, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  const mend = MEND[word] ?? "check `token` and `channel`";
  return { status: "unknown", code: word, detail: `${url.origin} answers ${word}: ${mend}` };
}

/** Of an incoming webhook, which says "ok". */
export function toWebhookResult(answer: Answer, url: URL): SendResult {
  if (!("fault" in answer) && answer.status === 200 && answer.body.trim() !== "ok") return toBadAnswer(url);
  return toResult(answer, { url, access: "`webhookUrl`" });
}

function toBadAnswer({ origin }: URL): SendResult {
  const detail = `${origin} answers 200 without Slack's words: check the URL, or what stands between`;
  return { status: "unknown", code: "bad_answer", detail };
}
