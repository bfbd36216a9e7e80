/** The file of a `file` sink as it grows: each alert once it is there, and when that was. */
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import type { Alert } from "../../src/model/alert.ts";

/** What came of one event of the input. */
export type Seen = { readonly alertIds: Set<string>; readonly atMs: number };

export type AlertFile = {
  /** Reads what is new; gives the new alerts. */
  look(): readonly Alert[];
  /** By id of an event: the alerts with it, and when the first was seen (epoch ms). */
  readonly byEvent: ReadonlyMap<string, Seen>;
  /** Lines in all, and lines whose id and revision came before. */
  readonly counts: { lines: number; repeats: number };
};

/** Follows `path`, which may not be there yet and never shrinks. */
export function followAlerts(path: string): AlertFile {
  const byEvent = new Map<string, Seen>();
  const counts = { lines: 0, repeats: 0 };
  const known = new Set<string>();
  let at = 0;
  const look = (): Alert[] => {
    if (!existsSync(path)) return [];
    const file = openSync(path, "r");
    const found: Alert[] = [];
    // Only whole lines are taken: a torn last one is cut off by the daemon's next start.
    for (let end = 1; end > 0; at += end) {
      const piece = Buffer.alloc(1 << 20);
      const text = piece.subarray(0, readSync(file, piece, 0, piece.length, at));
      end = text.lastIndexOf(10) + 1;
      const lines = text.toString("utf8", 0, end).split("\n").slice(0, -1);
      found.push(...lines.map((line) => JSON.parse(line) as Alert));
    }
    closeSync(file);
    for (const alert of found) keep(alert);
    return found;
  };
  const keep = ({ id, revision, eventIds }: Alert): void => {
    const head = `${id} ${revision}`;
    counts.lines += 1;
    if (known.has(head)) counts.repeats += 1;
    known.add(head);
    for (const event of eventIds) {
      const seen = byEvent.get(event) ?? { alertIds: new Set<string>(), atMs: Date.now() };
      seen.alertIds.add(id);
      byEvent.set(event, seen);
    }
  };
  return { look, byEvent, counts };
}
