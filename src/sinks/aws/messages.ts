/**
 * Alerts as messages of SNS and SQS, which share attributes, batches, FIFO and the letters that they take.
 */
import type { OutboxItem } from "../../contracts.ts";
import { safeText } from "../../lib/safe-text.ts";
import { fitText, type Unsendable } from "../fit.ts";
import { type LineFormat, toLineEncoder } from "../lines.ts";
import type { EntryFault } from "./entries.ts";

/** Entries of a PublishBatch and of a SendMessageBatch. */
export const MAX_ITEMS = 10;
/** What attribute names, types and an entry's id count at most. */
const AROUND_BYTES = 512;

/** How an alert stands in a message: two forms for programs, one for people who read mail. */
export const MESSAGE_FORMATS = ["native", "ocsf", "text"] as const;
export type MessageFormat = LineFormat | "text";

type Attribute = { readonly DataType: "String"; readonly StringValue: string };
/** What a message of either service is made of. */
export type MessageParts = {
  readonly body: string;
  readonly attributes: Record<string, Attribute>;
  /** Of a FIFO queue or topic: the revisions of an alert stay in order, and one that is sent again counts once. */
  readonly fifo: { readonly MessageGroupId?: string; readonly MessageDeduplicationId?: string };
  readonly sizeBytes: number;
};

export type MessageOptions = {
  readonly format: MessageFormat;
  readonly version: string;
  readonly maxBytes: number;
  readonly isFifo: boolean;
};

/** The message of an alert. */
export function toMessageParts(item: OutboxItem, options: MessageOptions): MessageParts | Unsendable {
  const { format, version, maxBytes, isFifo } = options;
  const { alert, opened } = item;
  const encode = format === "text" ? encodeText : toLineEncoder(format, version);
  const body = fitText(item, (one) => plain(encode(one), format), maxBytes - AROUND_BYTES - alert.ruleId.length);
  if (typeof body !== "string") return body;
  const values = {
    id: alert.id,
    revision: String(alert.revision),
    severity: alert.severity,
    rule: alert.ruleId,
    action: opened ? "opened" : "updated",
  };
  const attributes = Object.fromEntries(
    Object.entries(values).map(([name, StringValue]) => [name, { DataType: "String", StringValue } as const]),
  );
  const fifo = isFifo ? { MessageGroupId: alert.id, MessageDeduplicationId: `${alert.id}-${alert.revision}` } : {};
  return { body, attributes, fifo, sizeBytes: Buffer.byteLength(body) + AROUND_BYTES + alert.ruleId.length };
}

/** U+FFFE and U+FFFF, the only letters left that SQS does not take, as JSON's escapes or visibly. */
function plain(text: string, format: MessageFormat): string {
  return text.replace(/[\ufffe\uffff]/g, (char) => {
    const code = char.charCodeAt(0).toString(16);
    return format === "text" ? `\\u{${code}}` : `\\u${code}`;
  });
}

/** For a person: what, why, who, where, when, and how to see the rest. */
function encodeText({ alert }: OutboxItem): string {
  const { severity, title, why, principal, accountId, accountName, region, firstEventTime, lastEventTime, id } = alert;
  const account = accountName === "" ? accountId : `${accountName} (${accountId})`;
  const rows = alert.evidence.map(
    (row) =>
      `  ${row.time} ${row.action}${row.errorCode === "" ? "" : ` (${row.errorCode})`} from ${row.sourceIPAddress} on ${row.target}`,
  );
  const lines = [
    `[${severity}] ${title}`,
    "",
    why,
    "",
    `Who: ${principal}`,
    `Where: ${account}, ${region}`,
    `When: ${firstEventTime} to ${lastEventTime}, ${alert.eventCount} events`,
    ...(rows.length === 0 ? [] : ["", ...rows]),
    "",
    `sagewatch alerts show ${id.slice(0, 12)}`,
  ];
  return safeText(lines.join("\n"));
}

type Failed = {
  readonly Id: string | undefined;
  readonly Code: string | undefined;
  readonly SenderFault: boolean | undefined;
};

/** The answer an entry out of a batch's failures; ids are the entries' places. */
export function toFaults(count: number, failed: readonly Failed[]): EntryFault[] {
  const faults: EntryFault[] = Array.from({ length: count }, () => null);
  for (const { Id, Code = "unknown_error", SenderFault = false } of failed)
    faults[Number(Id)] = { code: Code, isFinal: SenderFault && !/throttl|denied|kms/i.test(Code) };
  return faults;
}
