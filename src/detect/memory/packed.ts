/**
 * The packed groups: bytes in the arena, found by key through the table, by number through the columns.
 *
 * A group is either here or on the heap, never both; groups.ts moves it to and fro.
 */
import type { Group } from "../group.ts";
import { createArena, HEAD_BYTES, PIECE_MAX } from "./arena.ts";
import { createReader, createWriter, hasKey, releaseCodes } from "./bytes.ts";
import { type Columns, createTable, ON_HEAP } from "./columns.ts";
import { createDictionary } from "./dictionary.ts";
import { createHash } from "./hash.ts";
import { packGroup, unpackGroup } from "./pack.ts";

/** A packed group pays for its part of the arena's holes. */
const HOLES = 17 / 16;

export type Packed = {
  /** Packs a group of a rule under its number; the bytes that it takes, or null for one that is too large. */
  put(group: Group, rule: number): number | null;
  /** Takes a group out again. `stateKey` is its rule's. */
  take(id: number, stateKey: string): Group;
  /** Forgets a group. */
  drop(id: number): void;
  /** The number of a rule's group, −1 when it is not here. */
  find(rule: number, key: string): number;
  /** Bytes of the texts that groups share. */
  sharedBytes(): number;
};

export function createPacked(columns: Columns, seed: readonly [number, number]): Packed {
  const table = createTable(columns);
  const arena = createArena((id, at) => void (columns.at[id] = at));
  const dictionary = createDictionary();
  const [writer, reader] = [createWriter(dictionary), createReader(dictionary)];
  const hash = createHash(seed);
  return {
    put: (group, rule) => {
      writer.begin(HEAD_BYTES, group.id);
      packGroup(group, writer);
      const { bytes, length } = writer.end();
      if (length > PIECE_MAX) {
        releaseCodes(bytes, length, dictionary);
        return null;
      }
      columns.hash[group.id] = hash(group.key, rule);
      columns.at[group.id] = arena.add(group.id, bytes, length);
      table.add(group.id);
      return arena.sizeOf(length) * HOLES;
    },
    take: (id, stateKey) => {
      const at = columns.at[id] as number;
      const { bytes, start, end } = arena.find(at);
      reader.begin(bytes, start + HEAD_BYTES, end);
      const group = unpackGroup(reader, stateKey);
      group.id = id;
      releaseCodes(bytes, end, dictionary);
      arena.free(at);
      table.remove(id);
      columns.at[id] = ON_HEAP;
      return group;
    },
    drop: (id) => {
      const at = columns.at[id] as number;
      const { bytes, end } = arena.find(at);
      releaseCodes(bytes, end, dictionary);
      arena.free(at);
      table.remove(id);
    },
    find: (rule, key) =>
      table.find(hash(key, rule), (id) => {
        if (columns.rule[id] !== rule) return false;
        const { bytes, start } = arena.find(columns.at[id] as number);
        return hasKey(bytes, start + HEAD_BYTES, key);
      }),
    sharedBytes: () => dictionary.bytes(),
  };
}
