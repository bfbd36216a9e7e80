/**
 * The evidence line: what an analyst reads first of an event, in at most 300 bytes.
 *
 * Why bounded: it is kept with every match, and its texts are chosen by whoever called the API. Pure.
 */
import type { Evidence } from "../model/event.ts";

/** Bytes of UTF-8 of an evidence line in whole (model/event.ts). */
const EVIDENCE_BYTES = 300;
/** Bytes that each text keeps when the whole is too long; the user agent is the first to give way. */
const SHARES = { action: 80, ip: 46, error: 48, target: 80 } as const;
const ELLIPSIS = "…";
const ELLIPSIS_BYTES = 3;

/** Evidence within its bound; texts that do not fit end in "…". */
export function toEvidence(full: Evidence): Evidence {
  const chars = full.action.length + full.ip.length + full.agent.length + full.error.length + full.target.length;
  // A UTF-16 unit takes at most three bytes.
  if (chars * 3 <= EVIDENCE_BYTES) return full;
  if (chars <= EVIDENCE_BYTES && bytesOf(full) <= EVIDENCE_BYTES) return full;
  const action = cutText(full.action, SHARES.action);
  const ip = cutText(full.ip, SHARES.ip);
  const error = cutText(full.error, SHARES.error);
  const target = cutText(full.target, SHARES.target);
  const left = EVIDENCE_BYTES - bytesOf({ action, ip, error, target, agent: "" });
  return { action, ip, agent: cutText(full.agent, left), error, target };
}

function bytesOf({ action, ip, agent, error, target }: Evidence): number {
  return [action, ip, agent, error, target].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

/** The text, or as many of its characters as fit `maxBytes` of UTF-8 together with "…". Never cuts a character in two. */
export function cutText(text: string, maxBytes: number): string {
  // Not all of it is looked at: it may be 100 KB, and a UTF-16 unit takes at least one byte.
  const head = text.slice(0, maxBytes + 1);
  const headBytes = Buffer.byteLength(head);
  if (head.length === text.length && headBytes <= maxBytes) return text;
  if (headBytes === head.length) return head.slice(0, maxBytes - ELLIPSIS_BYTES) + ELLIPSIS;
  let size = ELLIPSIS_BYTES;
  let kept = "";
  for (const char of head) {
    size += Buffer.byteLength(char);
    if (size > maxBytes) break;
    kept += char;
  }
  return kept + ELLIPSIS;
}
