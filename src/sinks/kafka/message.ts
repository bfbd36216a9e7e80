/**
 * An alert as a Kafka message: its id as the key, what a consumer routes by in headers, the alert itself as the value.
 *
 * An alert that does not fit loses its largest evidence rows with their pointers, then its event ids, and its sentence says
 * so; one that does not fit even then is refused. The timestamp is set here, so that a message sent again is the same to the last byte. Pure.
 */
import type { OutboxItem } from "../../contracts.ts";

/** A message whose partition is still to be chosen. `sizeBytes` before compression, with all that goes around it. */
export type AlertMessage = {
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Epoch ms as text: when the alert was first tried to be sent. */
  readonly timestamp: string;
  readonly sizeBytes: number;
};

/** Why an alert became no message. */
export type Unsendable = { readonly refused: "encode_failed" | "too_large" };

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
  const value = fit(item, options.encode, room);
  if (typeof value !== "string") return value;
  const timestamp = String(Math.floor(options.nowMs));
  return { key: alert.id, value, headers, timestamp, sizeBytes: byteLength(value) + around + FRAME_BYTES };
}

function fit(item: OutboxItem, encode: (item: OutboxItem) => string, room: number): string | Unsendable {
  try {
    for (const one of shorter(item)) {
      const text = encode(one);
      if (byteLength(text) <= room) return text;
    }
    return { refused: "too_large" };
  } catch {
    return { refused: "encode_failed" };
  }
}

/** The alert, then without its largest evidence row, its two largest, … none, and at last without event ids. */
function* shorter(item: OutboxItem): Generator<OutboxItem> {
  yield item;
  const { alert, pointers = [] } = item;
  const { evidence, eventIds, why } = alert;
  const bySize = evidence.toSorted((a, b) => byteLength(JSON.stringify(b)) - byteLength(JSON.stringify(a)));
  for (let cut = 1; cut <= bySize.length; cut += 1) {
    const gone = new Set(bySize.slice(0, cut));
    const kept = evidence.filter((row) => !gone.has(row));
    const said = `${why} (cut to fit: ${kept.length} of ${evidence.length} evidence rows)`;
    const places = pointers.filter((_, index) => evidence[index] === undefined || !gone.has(evidence[index]));
    yield { ...item, alert: { ...alert, evidence: kept, why: said }, pointers: kept.length === 0 ? [] : places };
  }
  const said = `${why} (cut to fit: no evidence rows, ${eventIds.length} event ids left out)`;
  yield { ...item, alert: { ...alert, evidence: [], eventIds: [], why: said }, pointers: [] };
}

function byteLength(text: string): number {
  return Buffer.byteLength(text);
}
