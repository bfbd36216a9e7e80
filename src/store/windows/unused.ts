/**
 * State keys whose rule is no longer in the set.
 *
 * The detector knows only the rules that it has, so nobody prunes what the others left. It is kept for a day, so that a rule
 * set that is rolled back finds its windows again, then removed in small portions, commit by commit.
 */
import type { DatabaseSync } from "node:sqlite";
import { rows } from "../database.ts";
import type { WindowTables } from "./table.ts";

/** A removed rule's state is kept so long. Wall time. */
const KEPT_MS = 24 * 3_600_000;

/** Writes inside the caller's transaction. */
export type UnusedTable = {
  /** Notes which of the state keys that have parts are not among `inUse` from now on; how many these are. */
  adopt(inUse: ReadonlySet<string>, nowMs: number): number;
  /** Removes parts that nobody needed for a day, at most `max`. */
  prune(nowMs: number, max: number): void;
};

export function createUnusedTable(sqlite: DatabaseSync, windows: Pick<WindowTables, "forget">): UnusedTable {
  const forgetEmpty = sqlite.prepare(
    "DELETE FROM rule_states WHERE NOT EXISTS (SELECT 1 FROM parts WHERE parts.state = rule_states.id)",
  );
  const held = sqlite.prepare("SELECT state_key AS key FROM rule_states ORDER BY state_key");
  const note = sqlite.prepare("INSERT INTO unused_rules VALUES (?, ?) ON CONFLICT DO NOTHING");
  const forget = sqlite.prepare("DELETE FROM unused_rules WHERE state_key = ?");
  const noted = sqlite.prepare("SELECT state_key AS key FROM unused_rules");
  const due = sqlite.prepare("SELECT state_key AS key FROM unused_rules WHERE since_ms <= ? LIMIT 1");
  const keysOf = (statement: typeof noted): string[] => (rows(statement) as { key: string }[]).map(({ key }) => key);
  return {
    adopt: (inUse, nowMs) => {
      forgetEmpty.run();
      const unused = new Set(keysOf(held).filter((key) => !inUse.has(key)));
      for (const key of keysOf(noted)) if (!unused.has(key)) forget.run(key);
      for (const key of unused) note.run(key, nowMs);
      return unused.size;
    },
    prune: (nowMs, max) => {
      const key = due.get(nowMs - KEPT_MS)?.["key"] as string | undefined;
      if (key === undefined) return;
      if (windows.forget(key, max) < max) forget.run(key);
    },
  };
}
