/**
 * The tables of the windows (table.ts): rule_states names state keys by small numbers, packs hold the events of a commit,
 * parts say what a commit brought to a slice of a group. In the schema of new files and in the step that brings older ones here.
 */

/** `parts.id` is pack × PART_MAX + place, so that the parts of a pack lie together and each new one is the last of its table. */
export const PART_MAX: number = 2 ** 20;

export const WINDOW_TABLES_SQL: string = `
CREATE TABLE rule_states (id INTEGER PRIMARY KEY, state_key TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE packs (
  id INTEGER PRIMARY KEY, parts INTEGER NOT NULL, crc INTEGER NOT NULL, hashes BLOB NOT NULL, facts BLOB NOT NULL,
  records BLOB) STRICT;
CREATE TABLE parts (
  id INTEGER PRIMARY KEY, state INTEGER NOT NULL, slice REAL NOT NULL, group_crc INTEGER NOT NULL,
  group_key TEXT NOT NULL, body TEXT NOT NULL, crc INTEGER NOT NULL) STRICT;
CREATE INDEX parts_by_slice ON parts (state, slice, group_crc);
CREATE TABLE sparse_packs (id INTEGER PRIMARY KEY) STRICT;`;
