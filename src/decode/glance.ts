/**
 * Glances of CloudTrail records: which fields they tell, and the event time without parsing. Pure.
 */
import type { GlanceForm } from "../model/glance.ts";
import { GLANCE_FIELDS, GLANCE_NUMBERED, GLANCE_WIDTH } from "./envelopes.ts";
import { parsePlainTime } from "./time.ts";

const TIME_AT = 2 * GLANCE_FIELDS.indexOf("eventTime");
const SOURCE_AT = 2 * GLANCE_FIELDS.indexOf("eventSource");
const [SPACE, QUOTE, ZERO, COLON, LAST_LETTER] = [0x20, 0x22, 0x30, 0x3a, 0x64] as const;
/** By its eventSource an S3 notification may be told, which is no record (cloudtrail.ts). */
const STORAGE = Buffer.from('"aws:s3"');
const RECIPIENT = Buffer.from('"recipientAccountId"');
/** It stands near the end of a record: after it come some 300 bytes of `tlsDetails` and the like. */
const LOOKED_AT_BYTES = 2_048;
const ACCOUNT_DIGITS = 12;
/** Accounts that were seen, as texts; made anew when there are too many. */
const ACCOUNTS_MAX = 1_000;
const accounts = new Map<number, string>();

/** The form. Times in any spelling but "2023-07-10T12:05:00Z" are left to the decoder. */
export const cloudtrailGlance: GlanceForm = {
  fields: GLANCE_FIELDS,
  numbered: GLANCE_NUMBERED,
  width: GLANCE_WIDTH,
  toTimeMs: (chunk, glances, row) => {
    const source = glances[row + SOURCE_AT] as number;
    if (source !== -1 && isStorage(chunk, source)) return Number.NaN;
    return parsePlainTime(chunk, glances[row + TIME_AT] as number, glances[row + TIME_AT + 1] as number);
  },
  toAccountId: (chunk, start, end) => {
    const at = findRecipient(chunk, Math.max(start, end - LOOKED_AT_BYTES), end);
    return at === -1 ? "" : readAccount(chunk, at, end);
  },
};

function isStorage(chunk: Uint8Array, at: number): boolean {
  for (let index = 0; index < STORAGE.length; index += 1) if (chunk[at + index] !== STORAGE[index]) return false;
  return true;
}

/** Where the value behind the key begins, looked for from behind: a parameter of the call that has its name stands before it. */
function findRecipient(chunk: Uint8Array, start: number, end: number): number {
  const last = RECIPIENT.length - 1;
  for (let at = end - 1; at >= start + last; at -= 1) {
    if (chunk[at] !== QUOTE || chunk[at - 1] !== LAST_LETTER) continue;
    let same = 2;
    while (same <= last && chunk[at - same] === RECIPIENT[last - same]) same += 1;
    if (same > last) return at + 1;
  }
  return -1;
}

/** `: "111122223333"` at `from`; empty for anything else. */
function readAccount(chunk: Uint8Array, from: number, end: number): string {
  let at = skipSpace(chunk, from, end);
  if (chunk[at] !== COLON) return "";
  at = skipSpace(chunk, at + 1, end);
  if (chunk[at] !== QUOTE || chunk[at + ACCOUNT_DIGITS + 1] !== QUOTE) return "";
  let number = 0;
  for (let digit = 1; digit <= ACCOUNT_DIGITS; digit += 1) {
    const value = (chunk[at + digit] as number) - ZERO;
    if (!(value >= 0 && value <= 9)) return "";
    number = number * 10 + value;
  }
  const known = accounts.get(number);
  if (known !== undefined) return known;
  if (accounts.size >= ACCOUNTS_MAX) accounts.clear();
  const text = number.toString().padStart(ACCOUNT_DIGITS, "0");
  accounts.set(number, text);
  return text;
}

function skipSpace(chunk: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && (chunk[at] as number) <= SPACE) at += 1;
  return at;
}
