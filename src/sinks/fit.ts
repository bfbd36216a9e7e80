/**
 * Makes an alert fit into what a receiver takes at most: by leaving out evidence, never in silence.
 *
 * It loses its largest evidence rows with their pointers first, then its event ids, then its additions; its sentence and
 * its list of missing additions say so. One that does not fit even then is refused. Pure: the same alert is always cut in the same way.
 */
import type { OutboxItem } from "../contracts.ts";

/** Why an alert became no message. */
export type Unsendable = { readonly refused: "encode_failed" | "too_large" };

/** The text of the longest form of the alert that has at most `room` bytes of UTF-8. */
export function fitText(item: OutboxItem, encode: (item: OutboxItem) => string, room: number): string | Unsendable {
  try {
    for (const one of shorter(item)) {
      const text = encode(one);
      if (Buffer.byteLength(text) <= room) return text;
    }
    return { refused: "too_large" };
  } catch {
    return { refused: "encode_failed" };
  }
}

/** The alert without any evidence, which it says: for a receiver that takes less than the settings tell. */
export function withoutEvidence(item: OutboxItem): OutboxItem {
  const { alert, opened } = item;
  const why = `${alert.why} (cut to fit: 0 of ${alert.evidence.length} evidence rows)`;
  return { alert: { ...alert, evidence: [], why }, opened };
}

/** The alert, then without its largest evidence row, its two largest, … none; without event ids; without additions. */
function* shorter(item: OutboxItem): Generator<OutboxItem> {
  yield item;
  const { alert, pointers = [] } = item;
  const { evidence, eventIds, why } = alert;
  const sizes = evidence.map((row) => Buffer.byteLength(JSON.stringify(row)));
  const bySize = sizes.map((_, index) => index).toSorted((a, b) => (sizes[b] ?? 0) - (sizes[a] ?? 0));
  for (let cut = 1; cut <= bySize.length; cut += 1) {
    const gone = new Set(bySize.slice(0, cut));
    const kept = evidence.filter((_, index) => !gone.has(index));
    const said = `${why} (cut to fit: ${kept.length} of ${evidence.length} evidence rows)`;
    const places = pointers.filter((_, index) => !gone.has(index));
    yield { ...item, alert: { ...alert, evidence: kept, why: said }, pointers: kept.length === 0 ? [] : places };
  }
  const said = `${why} (cut to fit: no evidence rows, ${eventIds.length} event ids left out)`;
  const bare = { ...item, alert: { ...alert, evidence: [], eventIds: [], why: said }, pointers: [] };
  yield bare;
  if (item.additions === undefined) return;
  const errors = [...item.additions.errors, { name: "all", code: "too_large" } as const];
  yield { ...bare, additions: { ...item.additions, enrichment: {}, errors } };
}
