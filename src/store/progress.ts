/**
 * How far each source is: positions, watermarks, and the counts that prove no record was lost silently (C1).
 *
 * The identity read = evaluated + quarantined + skipped is checked for every delta before it is written, and once more by
 * a constraint of the table over the totals. A unit that breaks it is a fault of our own: internal, and nothing is kept.
 */
import type { DatabaseSync } from "node:sqlite";
import type { CommitUnit, CountDelta, Loaded, WatermarkEntry } from "../contracts.ts";
import { SagewatchError } from "../model/errors.ts";
import type { Logsource, SkipReason } from "../model/event.ts";
import { checkCrc, packText, toCrc, unpackText } from "./codec.ts";
import { rows } from "./database.ts";

/** Writes inside the caller's transaction. */
export type ProgressTables = {
  write(unit: Pick<CommitUnit, "counts" | "positions" | "watermarks" | "finished" | "nowMs">): void;
  /** Removes positions of a source last written before `beforeMs` that `isGone` names; how many. */
  forget(source: string, isGone: (key: string) => boolean, beforeMs: number): number;
  load(): Pick<Loaded, "watermarks" | "positions">;
};

/** Prepares the statements once. */
export function createProgressTables(sqlite: DatabaseSync): ProgressTables {
  const setPosition = sqlite.prepare("INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?, ?)");
  const setWatermark = sqlite.prepare("INSERT OR REPLACE INTO watermarks VALUES (?, ?, ?, ?)");
  const forget = sqlite.prepare("DELETE FROM watermarks WHERE source = ?");
  const count = createCounter(sqlite);
  const positions = sqlite.prepare("SELECT source, key, value, crc FROM positions");
  const watermarks = sqlite.prepare("SELECT source, logsource, watermark_ms, crc FROM watermarks");
  return {
    write: (unit) => {
      for (const delta of unit.counts) count(delta);
      for (const p of unit.positions) {
        const [source, key, value] = [packText(p.source), packText(p.key), packText(p.value)];
        setPosition.run(source, key, value, toCrc(source, key, value), unit.nowMs);
      }
      for (const w of unit.watermarks) {
        const source = packText(w.source);
        setWatermark.run(source, w.logsource, w.watermarkMs, toCrc(source, w.logsource, w.watermarkMs));
      }
      for (const source of unit.finished) forget.run(packText(source));
    },
    forget: createForget(sqlite),
    load: () => ({
      positions: toPositions(rows(positions) as PositionRow[]),
      watermarks: (rows(watermarks) as WatermarkRow[]).map(toWatermark),
    }),
  };
}

function createForget(sqlite: DatabaseSync): ProgressTables["forget"] {
  const old = sqlite.prepare("SELECT key FROM positions WHERE source = ? AND at_ms < ?");
  const remove = sqlite.prepare("DELETE FROM positions WHERE source = ? AND key = ?");
  return (source, isGone, beforeMs) => {
    const name = packText(source);
    const keys = (rows(old, name, beforeMs) as { key: string }[]).filter(({ key }) => isGone(unpackText(key)));
    for (const { key } of keys) remove.run(name, key);
    return keys.length;
  };
}

/** Totals by source since the file was made. */
export function createCountsView(sqlite: DatabaseSync): () => readonly CountDelta[] {
  const totals = sqlite.prepare(
    "SELECT source, read, evaluated, quarantined, late, repeated FROM counts ORDER BY source",
  );
  const skips = sqlite.prepare("SELECT reason, records FROM skips WHERE source = ? ORDER BY reason");
  return () =>
    (rows(totals) as Omit<CountDelta, "skipped">[]).map((total) => ({
      ...total,
      source: unpackText(total.source),
      skipped: Object.fromEntries(
        (rows(skips, total.source) as { reason: SkipReason; records: number }[]).map((s) => [s.reason, s.records]),
      ),
    }));
}

type PositionRow = { source: string; key: string; value: string; crc: number };
type WatermarkRow = { source: string; logsource: Logsource; watermark_ms: number; crc: number };

function createCounter(sqlite: DatabaseSync): (delta: CountDelta) => void {
  const addCounts = sqlite.prepare(
    `INSERT INTO counts (source, read, evaluated, quarantined, skipped, late, repeated) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET read = read + excluded.read, evaluated = evaluated + excluded.evaluated,
       quarantined = quarantined + excluded.quarantined, skipped = skipped + excluded.skipped,
       late = late + excluded.late, repeated = repeated + excluded.repeated`,
  );
  const addSkip = sqlite.prepare(
    "INSERT INTO skips VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET records = records + excluded.records",
  );
  return (delta) => {
    const skipped = Object.values(delta.skipped).reduce((sum, n) => sum + n, 0);
    assertIdentity(delta, skipped);
    const source = packText(delta.source);
    addCounts.run(source, delta.read, delta.evaluated, delta.quarantined, skipped, delta.late, delta.repeated);
    for (const [reason, records] of Object.entries(delta.skipped)) addSkip.run(source, reason, records);
  };
}

function assertIdentity(delta: CountDelta, skipped: number): void {
  const { read, evaluated, quarantined, late, repeated } = delta;
  const isWhole = [read, evaluated, quarantined, skipped, late, repeated].every(
    (n) => Number.isSafeInteger(n) && n >= 0,
  );
  if (isWhole && read === evaluated + quarantined + skipped) return;
  const told = JSON.stringify({ read, evaluated, quarantined, skipped, late, repeated });
  throw new SagewatchError(
    "internal",
    `The counts of source ${delta.source} do not add up (read = evaluated + quarantined + skipped): ${told}.`,
  );
}

function toPositions(found: readonly PositionRow[]): Map<string, Map<string, string>> {
  const bySource = new Map<string, Map<string, string>>();
  for (const { source, key, value, crc } of found) {
    checkCrc("positions", crc, source, key, value);
    const name = unpackText(source);
    const keys = bySource.get(name) ?? new Map<string, string>();
    bySource.set(name, keys.set(unpackText(key), unpackText(value)));
  }
  return bySource;
}

function toWatermark({ source, logsource, watermark_ms: watermarkMs, crc }: WatermarkRow): WatermarkEntry {
  checkCrc("watermarks", crc, source, logsource, watermarkMs);
  return { source: unpackText(source), logsource, watermarkMs };
}
