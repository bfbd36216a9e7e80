import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { TACTICS, TECHNIQUES } from "../../src/encode/attack-table.ts";
import { techniqueName } from "../../src/encode/technique.ts";
import { renderAttackTable } from "../../tools/make-attack-table.ts";

const root = join(import.meta.dirname, "../..");
const tables = join(root, "../shared/data/attack");

test.each([
  ["T1078.004", "Valid Accounts: Cloud Accounts"],
  ["T1685.002", "Disable or Modify Tools: Disable or Modify Cloud Log"],
  ["AML.T0034", "Cost Harvesting"],
  ["T9999", ""],
  ["__proto__", ""],
])("%s is named %j", (id, name) => {
  expect(techniqueName(id)).toBe(name);
});

test("every tactic of a technique has a name", () => {
  const unnamed = Object.values(TECHNIQUES).flatMap(([, ...tactics]) => tactics.filter((id) => !TACTICS[id]));
  expect(unnamed).toEqual([]);
});

test.skipIf(!existsSync(tables))("the table is what the generator makes of ../shared/data/attack", () => {
  expect(renderAttackTable(tables)).toBe(readFileSync(join(root, "src/encode/attack-table.ts"), "utf8"));
});
