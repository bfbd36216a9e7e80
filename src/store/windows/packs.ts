/**
 * The table of packs: the events of each commit, with their records (pack.ts), and which packs may go.
 *
 * A pack goes with its last part. One of which few parts are left is written anew without the rest, a few of them with
 * each commit: a rule that looks back for a day does not hold on to what the others have forgotten, and the file stays
 * within a small multiple of what is in use. What was unpacked is kept until the end of the commit only.
 */
import type { DatabaseSync } from "node:sqlite";
import {
  type EvidenceFacts,
  cutRecord,
  type Facts,
  mayHold,
  type PackColumns,
  unpackFacts,
  unpackRecords,
} from "./pack.ts";
import { type PartTable, toPackId } from "./parts.ts";

/** Works inside the caller's transaction. */
export type PackTable = {
  /** The number of the next pack. */
  next(): number;
  add(id: number, pack: PackColumns, parts: number): void;
  mayHold(id: number, recordHash: string): boolean;
  facts(id: number): Facts;
  record(id: number, facts: EvidenceFacts): Uint8Array | null;
  /** Looks after the packs of parts that went. */
  settle(gone: readonly number[]): void;
  /** Packs that are worth to be written anew, the oldest first. */
  sparse(): readonly number[];
  remove(id: number): void;
  /** Forgets what was unpacked. */
  rest(): void;
};

/** A pack with fewer of its parts left than one in so many is written anew. */
const SPARSE = 4;
/** Packs that one commit may write anew, so that it stays short. */
const REPACKED_MAX = 16;

/** Prepares the statements once. */
export function createPackTable(sqlite: DatabaseSync, parts: PartTable): PackTable {
  const last = sqlite.prepare("SELECT coalesce(max(id), 0) AS id FROM packs");
  const add = sqlite.prepare("INSERT INTO packs VALUES (?, ?, ?, ?, ?, ?)");
  const columnsOf = Object.fromEntries(
    ["parts", "hashes, crc", "facts", "records"].map((name) => [
      name,
      sqlite.prepare(`SELECT ${name} FROM packs WHERE id = ?`),
    ]),
  );
  const read = (columns: string, id: number): Readonly<Record<string, unknown>> => columnsOf[columns]?.get(id) ?? {};
  const remove = sqlite.prepare("DELETE FROM packs WHERE id = ?");
  const noteSparse = sqlite.prepare("INSERT INTO sparse_packs VALUES (?) ON CONFLICT DO NOTHING");
  const sparse = sqlite.prepare("SELECT id FROM sparse_packs ORDER BY id LIMIT ?");
  const forgetSparse = sqlite.prepare("DELETE FROM sparse_packs WHERE id = ?");
  const facts = new Map<number, Facts>();
  const records = new Map<number, Uint8Array | null>();
  const removePack = (id: number): void => {
    remove.run(id);
    forgetSparse.run(id);
    facts.delete(id);
    records.delete(id);
  };
  return {
    next: () => (last.get() as { id: number }).id + 1,
    add: (id, pack, count) => void add.run(id, count, pack.crc, pack.hashes, pack.facts, pack.records),
    mayHold: (id, recordHash) => mayHold(read("hashes, crc", id) as PackColumns, recordHash),
    facts: (id) => toKept(facts, id, () => unpackFacts(read("facts", id)["facts"] as Uint8Array)),
    record: (id, wanted) => {
      const all = toKept(records, id, () => {
        const packed = read("records", id)["records"] as Uint8Array | null;
        return packed === null ? null : unpackRecords(packed);
      });
      return cutRecord(all, wanted);
    },
    settle: (gone) => {
      for (const id of new Set(gone.map(toPackId))) {
        const fewest = Math.ceil((read("parts", id)["parts"] as number) / SPARSE);
        const left = parts.count(id, fewest);
        if (left === 0) removePack(id);
        else if (left < fewest) noteSparse.run(id);
      }
    },
    sparse: () => (sparse.all(REPACKED_MAX) as { id: number }[]).map(({ id }) => id),
    remove: removePack,
    rest: () => {
      facts.clear();
      records.clear();
    },
  };
}

function toKept<T>(kept: Map<number, T>, id: number, make: () => T): T {
  let found = kept.get(id);
  if (found === undefined) {
    found = make();
    kept.set(id, found);
  }
  return found;
}
