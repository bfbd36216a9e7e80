/**
 * Alerts to lines of JSON, one by one, for the sinks that write lines.
 *
 * Promised: one result an item, in order; an alert that cannot be encoded is refused with `encode_failed` and keeps no
 * other from being sent.
 */
import type { OutboxItem, SendResult } from "../contracts.ts";
import { encodeNative } from "../encode/native.ts";
import { encodeOcsf } from "../encode/ocsf.ts";

/** Forms of one alert on one line. docs/alert.md describes both. */
export const LINE_FORMATS = ["native", "ocsf"] as const;
export type LineFormat = (typeof LINE_FORMATS)[number];

/** Texts without a last line break, of the items that could be encoded, and what to answer when they were written or not. */
export type Encoded = {
  readonly lines: readonly string[];
  /** One result an item: `written` for each that has a line, the refusal for each other. */
  answer(written: SendResult): SendResult[];
};

/** Each item through `encode`, which gives a line (or a few) or throws. */
export function encodeItems(items: readonly OutboxItem[], encode: (item: OutboxItem) => string): Encoded {
  const lines = items.map((item) => {
    try {
      return encode(item);
    } catch {
      return null;
    }
  });
  return {
    lines: lines.filter((line) => line !== null),
    answer: (written) => lines.map((line) => (line === null ? { status: "refused", code: "encode_failed" } : written)),
  };
}

/** The encoder of a format. `version` is that of Sagewatch. */
export function toLineEncoder(format: LineFormat, version: string): (item: OutboxItem) => string {
  return format === "native"
    ? ({ alert, pointers, additions }) => encodeNative(alert, { pointers, additions })
    : (item) => encodeOcsf(item, version);
}
