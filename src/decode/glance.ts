/**
 * Glances of CloudTrail records: which fields they tell, and the event time without parsing. Pure.
 */
import type { GlanceForm } from "../model/glance.ts";
import { GLANCE_FIELDS } from "./envelopes.ts";
import { parsePlainTime } from "./time.ts";

const TIME_AT = 2 * GLANCE_FIELDS.indexOf("eventTime");
const SOURCE_AT = 2 * GLANCE_FIELDS.indexOf("eventSource");
/** By its eventSource an S3 notification may be told, which is no record (cloudtrail.ts). */
const STORAGE = Buffer.from('"aws:s3"');

/** The form. Times in any spelling but "2023-07-10T12:05:00Z" are left to the decoder. */
export const cloudtrailGlance: GlanceForm = {
  fields: GLANCE_FIELDS,
  toTimeMs: (chunk, glances, row) => {
    const source = glances[row + SOURCE_AT] as number;
    if (source !== -1 && isStorage(chunk, source)) return Number.NaN;
    return parsePlainTime(chunk, glances[row + TIME_AT] as number, glances[row + TIME_AT + 1] as number);
  },
};

function isStorage(chunk: Uint8Array, at: number): boolean {
  for (let index = 0; index < STORAGE.length; index += 1) if (chunk[at + index] !== STORAGE[index]) return false;
  return true;
}
