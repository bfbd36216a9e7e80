/**
 * What the HTTP Event Collector's codes mean for the alerts of a call.
 * https://help.splunk.com/en/splunk-enterprise/get-data-in/collect-http-event-data/troubleshoot-http-event-collector
 *
 * A code that blames an event refuses it. One that blames the token, the index or the channel is for a person to mend.
 * Any other leaves the alerts open, also one that is not known here: nothing is lost by a code of a later version.
 */
import type { SendResult } from "../../contracts.ts";
import { memberOf, parseAnswer } from "../http/answer.ts";
import { type Answer, toResult } from "../http/request.ts";

/** No data, invalid format, event missing, event blank, indexed fields wrong. */
const BAD_EVENT: ReadonlySet<number> = new Set([5, 6, 12, 13, 15]);
/** Server busy, queues full, acknowledgement full, both, shutting down, at capacity. */
const BUSY: ReadonlySet<number> = new Set([9, 18, 19, 20, 23, 26, 27]);
const FOR_PEOPLE: Readonly<Record<number, { readonly code: string; readonly what: string }>> = {
  1: { code: "token_disabled", what: "the token is disabled: enable it in Splunk" },
  2: { code: "not_authorised", what: "a token is missing: check `token`" },
  3: { code: "not_authorised", what: "the authorisation is invalid: check `token`" },
  4: { code: "not_authorised", what: "the token is not known: check `token`" },
  7: { code: "index_denied", what: "the token may not write to the index: allow it there, or change `index`" },
  10: { code: "channel_refused", what: "it misses the channel: something between drops X-Splunk-Request-Channel" },
  11: { code: "channel_refused", what: "it takes the channel for invalid: something between changes it" },
  14: {
    code: "ack_disabled",
    what: "indexer acknowledgement is off: switch it on for the token, or set `acknowledge: false`",
  },
};

/** What an answer means, when it is not a success. `url`: whom to name. */
export function toHecResult(answer: Answer, url: URL): SendResult {
  const receiver = { url, access: "`token`" };
  const code = "fault" in answer ? undefined : memberOf(parseAnswer(answer.body), "code");
  if ("fault" in answer || typeof code !== "number") return toResult(answer, receiver);
  if (BAD_EVENT.has(code)) return { status: "refused", code: "bad_event" };
  const told = FOR_PEOPLE[code];
  if (told !== undefined)
    return { status: "unknown", code: told.code, detail: `${url.origin} answers with code ${code}: ${told.what}` };
  const { retryAfterMs } = answer;
  const asked = retryAfterMs === undefined ? {} : { retryAfterMs };
  if (BUSY.has(code)) return { status: "unknown", code: "throttled", ...asked };
  if (answer.status === 400)
    return {
      status: "unknown",
      code: "receiver_failed",
      detail: `${url.origin} answers with the unknown code ${code}`,
    };
  return toResult(answer, receiver);
}
