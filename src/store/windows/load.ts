/**
 * Parts as members and evidence again: for a restart, and where a pack is written anew.
 *
 * Rows are streamed, those of one pack after another: one pack is unpacked at a time and a million members never stand in
 * one array. A row or pack that fails its checksum is refused and never becomes detection state.
 */
import type { DatabaseSync } from "node:sqlite";
import type { DetectorState, EvidenceDelta, MemberDelta } from "../../contracts.ts";
import { checkCrc } from "../codec.ts";
import { toStoreError } from "../database.ts";
import { unpackEvidence, unpackMembers } from "./body.ts";
import { type EvidenceFacts, type Facts, unpackFacts } from "./pack.ts";
import { toPackId } from "./parts.ts";
import { PART_MAX } from "./schema.ts";

type Row = {
  readonly id: number;
  readonly state_key: string;
  readonly slice: number;
  readonly group_key: string;
  readonly body: string;
  readonly crc: number;
};

const SELECT = `SELECT parts.id AS id, state_key, slice, group_key, body, crc FROM parts
  JOIN rule_states ON rule_states.id = parts.state`;

/** All that is held, or what some state keys have; each loop reads it anew. */
export function loadWindows(sqlite: DatabaseSync, stateKeys: ReadonlySet<string> | undefined): DetectorState {
  const factsOf = createFactsReader(sqlite);
  const lazily = <T>(toItems: (row: Row, facts: Facts) => Iterable<T>): Iterable<T> => ({
    *[Symbol.iterator]() {
      try {
        // Two loops over one statement would disturb each other: each has its own.
        if (stateKeys === undefined) {
          const all = sqlite.prepare(`${SELECT} ORDER BY parts.id`);
          yield* unpackAll(all.iterate() as Iterable<Row>, factsOf, toItems);
        }
        for (const stateKey of stateKeys ?? []) {
          const own = sqlite.prepare(`${SELECT} WHERE state_key = ? ORDER BY parts.id`);
          yield* unpackAll(own.iterate(stateKey) as Iterable<Row>, factsOf, toItems);
        }
      } catch (error) {
        throw toStoreError(error, "load the state file");
      }
    },
  });
  return {
    members: lazily(toMembers),
    evidence: lazily((row, facts) => toEvidence(row, facts, () => null)),
  };
}

/** Facts by the number of their pack. The last one stays unpacked: members and evidence are read side by side. */
function createFactsReader(sqlite: DatabaseSync): (pack: number) => Facts {
  let last: { readonly pack: number; readonly facts: Facts } | null = null;
  return (pack) => {
    if (last?.pack !== pack) {
      const found = sqlite.prepare("SELECT facts FROM packs WHERE id = ?").get(pack);
      last = { pack, facts: unpackFacts(found?.["facts"] as Uint8Array) };
    }
    return last.facts;
  };
}

/** Rows that come pack by pack. */
function* unpackAll<T>(
  rows: Iterable<Row>,
  factsOf: (pack: number) => Facts,
  toItems: (row: Row, facts: Facts) => Iterable<T>,
): Generator<T> {
  for (const row of rows) {
    check(row);
    yield* toItems(row, factsOf(toPackId(row.id)));
  }
}

/** Members and evidence of one pack; evidence with its record as `recordOf` has it. */
export function createPackReader(
  sqlite: DatabaseSync,
): (
  pack: number,
  open: { readonly facts: Facts; readonly recordOf: (facts: EvidenceFacts) => Uint8Array | null },
) => { readonly members: readonly MemberDelta[]; readonly evidence: readonly EvidenceDelta[] } {
  const select = sqlite.prepare(`${SELECT} WHERE parts.id >= ? AND parts.id < ? ORDER BY parts.id`);
  return (pack, { facts, recordOf }) => {
    const rows = select.all(pack * PART_MAX, (pack + 1) * PART_MAX) as Row[];
    rows.forEach(check);
    return {
      members: rows.flatMap((row) => toMembers(row, facts)),
      evidence: rows.flatMap((row) => toEvidence(row, facts, recordOf)),
    };
  };
}

function check({ state_key: stateKey, slice, group_key: group, body, crc }: Row): void {
  checkCrc("parts", crc, stateKey, slice, group, body);
}

/** One delta, or none where a part holds evidence only. */
function toMembers({ state_key: stateKey, slice, group_key: group, body }: Row, facts: Facts): MemberDelta[] {
  const members = unpackMembers(body, facts);
  return members.length === 0 ? [] : [{ stateKey, group, slice, members }];
}

function toEvidence(
  { state_key: stateKey, slice, group_key: group, body }: Row,
  facts: Facts,
  recordOf: (facts: EvidenceFacts) => Uint8Array | null,
): EvidenceDelta[] {
  return unpackEvidence(body, facts).map((kept): EvidenceDelta => {
    const { key, recordHash, timeMs, evidence, pointer } = kept;
    return { stateKey, group, slice, key, recordHash, timeMs, evidence, pointer, record: recordOf(kept) };
  });
}
