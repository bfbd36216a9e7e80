/**
 * An alert as a message of Slack: a line, and below it a coloured part with why, who, where, when and the first events.
 * https://docs.slack.dev/reference/block-kit
 *
 * Strangers choose parts of almost every text here. So each stands as `plain_text`, in which Slack reads no markup, link
 * or emoji, with `&`, `<` and `>` escaped, so that `<!channel>` and `<https://…|log in>` are seen as they were written,
 * and hidden characters made visible. The line above, the only text that Slack parses, is told not to be. Pure.
 */
import type { OutboxItem } from "../../contracts.ts";
import { cutLine } from "../../lib/safe-text.ts";
import type { Severity } from "../../model/alert.ts";

type Plain = { readonly type: "plain_text"; readonly text: string; readonly emoji: false };
type Block =
  | { readonly type: "section"; readonly text: Plain }
  | { readonly type: "section"; readonly fields: readonly Plain[] }
  | { readonly type: "context"; readonly elements: readonly Plain[] };

/** The members of a message that both ways to post share. */
export type SlackMessage = {
  readonly text: string;
  readonly attachments: readonly [
    { readonly color: string; readonly fallback: string; readonly blocks: readonly Block[] },
  ];
  readonly parse: "none";
  readonly mrkdwn: false;
  readonly link_names: false;
  readonly unfurl_links: false;
  readonly unfurl_media: false;
};

const COLORS: Readonly<Record<Severity, string>> = {
  critical: "#8b0000",
  high: "#d92b2b",
  medium: "#e08a00",
  low: "#3478c6",
  informational: "#8a8f98",
};
/**
 * Longest texts before they are escaped, which may make five characters of one. Slack takes 3,000 in a text, 2,000 in a
 * field, and three events lead to the rest.
 */
const LONGEST = { line: 300, why: 580, field: 380, event: 190, events: 3 } as const;

/** The message. */
export function toSlackMessage({ alert, opened }: OutboxItem): SlackMessage {
  const { severity, title, why, principal, accountId, accountName, region, ruleName, id, revision, evidence } = alert;
  const account = accountName === "" ? accountId : `${accountName} (${accountId})`;
  const line =
    escape(cutLine(`[${severity}] ${title}`, LONGEST.line)) + (opened ? "" : ` (update, revision ${revision})`);
  const events = evidence.slice(0, LONGEST.events).map((row) => {
    const error = row.errorCode === "" ? "" : ` (${row.errorCode})`;
    return escape(
      cutLine(`${row.time} ${row.action}${error} from ${row.sourceIPAddress} on ${row.target}`, LONGEST.event),
    );
  });
  const more = alert.eventCount > events.length ? [`${alert.eventCount} events in all`] : [];
  const fields = [
    ["Who", principal],
    ["Where", `${account}, ${region}`],
    ["When", `${alert.firstEventTime} to ${alert.lastEventTime}`],
    ["Rule", ruleName],
    ["Techniques", [...alert.attack, ...alert.atlas].join(" ")],
  ].filter(([, value]) => value !== "");
  const blocks: Block[] = [
    { type: "section", text: plain(escape(cutLine(why, LONGEST.why)) || "-") },
    {
      type: "section",
      fields: fields.map(([name, value]) => plain(escape(cutLine(`${name}: ${value}`, LONGEST.field)))),
    },
    ...(events.length + more.length === 0
      ? []
      : [{ type: "section", text: plain([...events, ...more].join("\n")) } as const]),
    { type: "context", elements: [plain(`sagewatch alerts show ${escape(id.slice(0, 12))}`)] },
  ];
  return {
    text: line,
    attachments: [{ color: COLORS[severity], fallback: line, blocks }],
    parse: "none",
    mrkdwn: false,
    link_names: false,
    unfurl_links: false,
    unfurl_media: false,
  };
}

function plain(text: string): Plain {
  return { type: "plain_text", text, emoji: false };
}

/** The three characters that Slack gives a meaning: https://docs.slack.dev/messaging/formatting-message-text#escaping */
function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
