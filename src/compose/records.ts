/**
 * Kept records back to events, for what is said of an alert beside its content.
 */
import { decoders } from "../decode/registry.ts";
import type { Event } from "../model/event.ts";

/** The events of the records, those that decode. */
export function toEvents(records: readonly (Uint8Array | null)[]): readonly Event[] {
  return records.flatMap((record) => {
    if (record === null) return [];
    for (const decoder of [decoders.cloudtrail, decoders.guardduty]) {
      const event = decoder.decode(record, { nowMs: null, duplicateKeys: false });
      if (!("reason" in event)) return [event];
    }
    return [];
  });
}
