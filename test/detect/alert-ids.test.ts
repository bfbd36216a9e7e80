/** Ids that never change: twenty of them, of both kinds, as receivers already hold them. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { toBucketAlertId, toEventAlertId, toGroupKey, toRuleSem } from "../../src/model/alert.ts";

type Golden = { id: string; rule: string; stateKey: string; timespanS: number; bucketS: number } & (
  | { kind: string; key: string }
  | { group: string[]; bucket: number }
);
const golden = JSON.parse(readFileSync(new URL("../golden/alert-ids.json", import.meta.url), "utf8")) as Golden[];

test("there are twenty golden ids, ten of single events and ten of windows", () => {
  expect(golden.filter((entry) => "key" in entry)).toHaveLength(10);
  expect(golden.filter((entry) => "group" in entry)).toHaveLength(10);
  expect(new Set(golden.map((entry) => entry.id)).size).toBe(20);
});

test.each(golden)("$id is still the id of $rule", (entry) => {
  const rule = { id: entry.rule, ruleSem: toRuleSem(entry.stateKey, entry.timespanS, entry.bucketS) };
  const id =
    "key" in entry
      ? toEventAlertId(rule, entry.kind, entry.key)
      : toBucketAlertId(rule, toGroupKey(entry.group), entry.bucket);
  expect(id).toBe(entry.id);
});

test("a group key is ASCII and keeps case, so no value can forge the separator or another group", () => {
  expect(toGroupKey(["Ünï␟", 'a"b', "A"])).toBe('["\\u00dcn\\u00ef\\u241f","a\\"b","A"]');
  expect(toGroupKey(["a", "b"])).not.toBe(toGroupKey(["a,b"]));
});
