/**
 * What a run over the past leaves behind in its own state file, for the store of the live run: alerts with their records,
 * and records that could not be evaluated. Opened when that run is over; changes nothing.
 */
import * as fs from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import type { AlertDraft, AlertRecord } from "../../contracts.ts";
import type { Reason, Rejected } from "../../model/event.ts";
import { type AlertRow, type PointerRow, toAlert, toPointer, unpackRecord, unpackText } from "../codec.ts";
import { connect, rows, toStoreError } from "../database.ts";
import { toPaths } from "../folder.ts";
import { checkHeader } from "../inspect.ts";
import { createQuarantineViews } from "../rejects.ts";

export type Handover = {
  /** Alerts whose events meet [fromMs, toMs], at most `limit` behind the number `after`, in order of these numbers. */
  alerts(
    span: { readonly fromMs: number; readonly toMs: number },
    after: number,
    limit: number,
  ): readonly NumberedDraft[];
  /** All that was rejected, behind the number `after`, in order. */
  rejected(after: number, limit: number): readonly { readonly number: number; readonly rejected: Rejected }[];
  close(): void;
};
export type NumberedDraft = { readonly number: number; readonly draft: AlertDraft };

type DraftRow = AlertRow & {
  seq: number;
  id: string;
  order_version: number | null;
  order_time_ms: number | null;
  order_hash: string | null;
};
type RecordRow = PointerRow & { key: string; record_hash: string; record: Uint8Array | null };

/** Opens the state file in `dir`. Throws store_newer, store_corrupt, store_failed. */
export function openHandover(dir: string): Handover {
  const file = toPaths(dir).store;
  let sqlite: DatabaseSync | null = null;
  try {
    fs.accessSync(file);
    sqlite = connect(file, "read");
    checkHeader(sqlite, file);
    return createHandover(sqlite);
  } catch (error) {
    sqlite?.close();
    throw toStoreError(error, `read the state file ${file}`);
  }
}

function createHandover(sqlite: DatabaseSync): Handover {
  const alerts = sqlite.prepare(
    `SELECT seq, id, content, revision, seen_ms, crc, order_version, order_time_ms, order_hash FROM alerts
     WHERE seq > ? AND last_ms >= ? AND first_ms <= ? ORDER BY seq LIMIT ?`,
  );
  const records = sqlite.prepare(
    "SELECT alert_id, key, record_hash, time_ms, pointer, crc, record FROM alert_records WHERE alert_id = ?",
  );
  const quarantined = sqlite.prepare("SELECT id FROM quarantine WHERE id > ? ORDER BY id LIMIT ?");
  const quarantine = createQuarantineViews(sqlite);
  return {
    alerts: ({ fromMs, toMs }, after, limit) =>
      (rows(alerts, after, fromMs, toMs, limit) as DraftRow[]).map((found) => ({
        number: found.seq,
        draft: toDraft(found, rows(records, found.id) as RecordRow[]),
      })),
    rejected: (after, limit) =>
      (rows(quarantined, after, limit) as { id: number }[]).flatMap(({ id }) => {
        const kept = quarantine.quarantined(id);
        if (kept === null) return [];
        const { source, path, index, reason, detail, record = null, sizeBytes, kind } = kept;
        const pointer = { source, path, index };
        const rejected = {
          reason: reason as Reason,
          pointer,
          detail,
          bytes: record,
          sizeBytes,
          kind,
        };
        return [{ number: id, rejected }];
      }),
    close: () => sqlite.close(),
  };
}

/** Final: no later word of that run can come. */
function toDraft(found: DraftRow, records: readonly RecordRow[]): AlertDraft {
  const { revision: _number, seenTime: _seen, ...content } = toAlert(found);
  const { order_version: version, order_time_ms: timeMs, order_hash: recordHash } = found;
  const order = recordHash === null || version === null || timeMs === null ? null : { version, timeMs, recordHash };
  return { content, order, final: true, records: records.map(toRecord) };
}

function toRecord(found: RecordRow): AlertRecord {
  return {
    key: unpackText(found.key),
    recordHash: found.record_hash,
    timeMs: found.time_ms,
    pointer: toPointer(found),
    record: unpackRecord(found.record),
    from: null,
  };
}
