/**
 * The table of parts: what each commit brought to a slice of a group. Numbers into the commit's pack stand in its body.
 *
 * A part's id says which pack it belongs to, so that the parts of a pack lie together and new ones always at the end. The
 * one index finds them by rule, slice and a checksum of the group: small numbers, since it is what a commit's writes spread
 * over. State keys are looked up anew in each transaction: what a rolled back one had named must not be remembered.
 */
import { crc32 } from "node:zlib";
import type { DatabaseSync } from "node:sqlite";
import { toCrc } from "../codec.ts";
import { PART_MAX } from "./schema.ts";

/** Where the parts of a group stand. */
export type Place = { readonly stateKey: string; readonly slice: number; readonly group: string };

/** Works inside the caller's transaction. What removes gives the ids of what went. */
export type PartTable = {
  /** What adds the parts of one pack: the number of a state key is looked up once. */
  adder(): (id: number, place: Place, body: string) => void;
  at(place: Place): readonly { readonly id: number; readonly body: string }[];
  rewrite(id: number, place: Place, body: string): void;
  remove(id: number): number[];
  removePack(pack: number): void;
  prune(stateKey: string, slice: number): number[];
  evict(place: Place): number[];
  /** At most `max` of a state key; with the last one the key goes, too. */
  forget(stateKey: string, max: number): number[];
  /** Parts of a pack, counted up to `max`. */
  count(pack: number, max: number): number;
};

/** The pack of a part. */
export function toPackId(id: number): number {
  return Math.floor(id / PART_MAX);
}

/** Prepares the statements once. */
export function createPartTable(sqlite: DatabaseSync): PartTable {
  const add = sqlite.prepare("INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?, ?)");
  const stateOf = createStates(sqlite);
  const at = sqlite.prepare(
    "SELECT id, body FROM parts WHERE state = ? AND slice = ? AND group_crc = ? AND group_key = ? ORDER BY id",
  );
  const rewrite = sqlite.prepare("UPDATE parts SET body = ?, crc = ? WHERE id = ?");
  const remove = sqlite.prepare("DELETE FROM parts WHERE id = ?");
  const removePack = sqlite.prepare("DELETE FROM parts WHERE id >= ? AND id < ?");
  const prune = sqlite.prepare("DELETE FROM parts WHERE state = ? AND slice < ? RETURNING id");
  const evict = sqlite.prepare(
    "DELETE FROM parts WHERE state = ? AND slice = ? AND group_crc = ? AND group_key = ? RETURNING id",
  );
  const some = sqlite.prepare(
    "DELETE FROM parts WHERE id IN (SELECT id FROM parts WHERE state = ? LIMIT ?) RETURNING id",
  );
  const forgetState = sqlite.prepare("DELETE FROM rule_states WHERE id = ?");
  const count = sqlite.prepare("SELECT count(*) AS parts FROM (SELECT 1 FROM parts WHERE id >= ? AND id < ? LIMIT ?)");
  return {
    adder: () => {
      const states = new Map<string, number>();
      return (id, place, body) => {
        const { stateKey, slice, group } = place;
        const state = states.get(stateKey) ?? stateOf.name(stateKey);
        states.set(stateKey, state);
        add.run(id, state, slice, crc32(group), group, body, toPartCrc(place, body));
      };
    },
    at: ({ stateKey, slice, group }) => {
      const state = stateOf.find(stateKey);
      return state === null ? [] : (at.all(state, slice, crc32(group), group) as { id: number; body: string }[]);
    },
    rewrite: (id, place, body) => void rewrite.run(body, toPartCrc(place, body), id),
    remove: (id) => {
      remove.run(id);
      return [id];
    },
    removePack: (pack) => void removePack.run(pack * PART_MAX, (pack + 1) * PART_MAX),
    prune: (stateKey, slice) => {
      const state = stateOf.find(stateKey);
      return state === null ? [] : toIds(prune.all(state, slice));
    },
    evict: ({ stateKey, slice, group }) => {
      const state = stateOf.find(stateKey);
      return state === null ? [] : toIds(evict.all(state, slice, crc32(group), group));
    },
    forget: (stateKey, max) => {
      const state = stateOf.find(stateKey);
      if (state === null) return [];
      const gone = toIds(some.all(state, max));
      if (gone.length < max) forgetState.run(state);
      return gone;
    },
    count: (pack, max) => count.get(pack * PART_MAX, (pack + 1) * PART_MAX, max)?.["parts"] as number,
  };
}

/** Checksum of a part and of where it stands. */
export function toPartCrc({ stateKey, slice, group }: Place, body: string): number {
  return toCrc(stateKey, slice, group, body);
}

function toIds(found: readonly unknown[]): number[] {
  return (found as readonly { id: number }[]).map(({ id }) => id);
}

/** Numbers of state keys. */
function createStates(sqlite: DatabaseSync): { find(stateKey: string): number | null; name(stateKey: string): number } {
  const find = sqlite.prepare("SELECT id FROM rule_states WHERE state_key = ?");
  const add = sqlite.prepare("INSERT INTO rule_states (state_key) VALUES (?) RETURNING id");
  const toId = (found: unknown): number | null => (found as { id: number } | undefined)?.id ?? null;
  return {
    find: (stateKey) => toId(find.get(stateKey)),
    name: (stateKey) => toId(find.get(stateKey)) ?? (toId(add.get(stateKey)) as number),
  };
}
