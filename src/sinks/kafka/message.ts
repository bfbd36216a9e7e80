/**
 * An alert as a Kafka message: its id as the key, what a consumer routes by in headers, the alert itself as the value.
 *
 * An alert that does not fit is cut (fit.ts). The timestamp is set here, so that a message sent again is the same to the last byte. Pure.
 */
import type { OutboxItem } from "../../contracts.ts";
import { fitText, type Unsendable } from "../fit.ts";

/** A message whose partition is still to be chosen. `sizeBytes` before compression, with all that goes around it. */
export type AlertMessage = {
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Epoch ms as text: when the alert was first tried to be sent. */
  readonly timestamp: string;
  readonly sizeBytes: number;
};

export type MessageOptions = {
  readonly encode: (item: OutboxItem) => string;
  readonly maxBytes: number;
  readonly nowMs: number;
};

/** Bytes of a record around key, value and headers: lengths, attributes, the batch's head (61) and room for the request's. */
const FRAME_BYTES = 200;

/** Turns an alert into a message of at most `maxBytes`. */
export function toMessage(item: OutboxItem, options: MessageOptions): AlertMessage | Unsendable {
  const { alert, opened } = item;
  const headers = {
    id: alert.id,
    revision: String(alert.revision),
    severity: alert.severity,
    rule: alert.ruleId,
    action: opened ? "opened" : "updated",
  };
  const around = Object.entries(headers).reduce((sum, pair) => sum + byteLength(pair.join("")), byteLength(alert.id));
  const room = options.maxBytes - around - FRAME_BYTES;
  const value = fitText(item, options.encode, room);
  if (typeof value !== "string") return value;
  const timestamp = String(Math.floor(options.nowMs));
  return { key: alert.id, value, headers, timestamp, sizeBytes: byteLength(value) + around + FRAME_BYTES };
}

function byteLength(text: string): number {
  return Buffer.byteLength(text);
}
