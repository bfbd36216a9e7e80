/**
 * The gaps of a state folder and when it was last written, beside a running daemon or without one. Reads only.
 */
import * as fs from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { type Gap, GAPS, parseGap } from "../../model/past/gap.ts";
import { checkCrc, packText, unpackText } from "../codec.ts";
import { connect, rows, scalar, toStoreError } from "../database.ts";
import { toPaths } from "../folder.ts";
import { checkHeader } from "../inspect.ts";

/** All gaps, those of the newest times first; none where there is no state yet. Throws store_newer, store_corrupt, store_failed. */
export function readGaps(dir: string): readonly Gap[] {
  return read(dir, readAll) ?? [];
}

/** When a position or an alert was last written, epoch ms; null where none was. Throws as readGaps. */
export function readLastCommit(dir: string): number | null {
  return read(dir, (sqlite) => {
    const newest = ["SELECT max(at_ms) FROM positions", "SELECT max(updated_ms) FROM alerts"];
    const times = newest.flatMap((sql) => scalar(sqlite, sql) ?? []).map(Number);
    return times.length === 0 ? null : Math.max(...times);
  });
}

/** Null where there is no state yet. */
function read<T>(dir: string, use: (sqlite: DatabaseSync) => T): T | null {
  const file = toPaths(dir).store;
  if (!fs.existsSync(file)) return null;
  let sqlite: DatabaseSync | null = null;
  try {
    sqlite = connect(file, "read");
    checkHeader(sqlite, file);
    return use(sqlite);
  } catch (error) {
    throw toStoreError(error, `read the state file ${file}`);
  } finally {
    sqlite?.close();
  }
}

type Row = { source: string; key: string; value: string; crc: number };

function readAll(sqlite: DatabaseSync): readonly Gap[] {
  const found = rows(
    sqlite.prepare("SELECT source, key, value, crc FROM positions WHERE source = ?"),
    packText(GAPS),
  ) as Row[];
  return found
    .flatMap(({ source, key, value, crc }) => {
      checkCrc("positions", crc, source, key, value);
      return parseGap(unpackText(key), unpackText(value)) ?? [];
    })
    .toSorted((a, b) => b.toMs - a.toMs || b.foundMs - a.foundMs);
}
