/**
 * Rule files on disk: what is walked, what is refused, all or nothing.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadRules, RULE_FILE_MAX_BYTES } from "../../src/rules/load.ts";
import { detectionDocument } from "../sigma/build.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "sagewatch-rules-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, content: string | Uint8Array): string {
  const whole = join(root, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, content);
  return whole;
}

test("walks folders in order, reads yml and yaml, passes over lists, cases and hidden names", () => {
  write("b/two.yaml", detectionDocument("two"));
  write("a/one.yml", detectionDocument("one"));
  write("a/one.cases.json", "{}");
  write("a/.hidden.yml", "not: a rule");
  write(".git/x.yml", "not: a rule");
  write("lists/allowed.yml", "- not a rule");
  write("readme.md", "# not a rule");
  const { ruleSet, problems, texts } = loadRules([root], { mode: "lenient" });
  expect(problems).toStrictEqual([]);
  expect(ruleSet?.detections.map(({ place }) => relative(root, place.file))).toStrictEqual(["a/one.yml", "b/two.yaml"]);
  expect(texts.size).toBe(2);
});

test("a file that two paths or a link lead to is read once, and links in a circle end", () => {
  const file = write("a/one.yml", detectionDocument("one"));
  symlinkSync(file, join(root, "a/two.yml"));
  symlinkSync(root, join(root, "a/up"));
  const { ruleSet, problems } = loadRules([root, file, join(root, "a")], { mode: "strict" });
  expect(problems).toStrictEqual([]);
  expect(ruleSet?.detections).toHaveLength(1);
});

test("one error anywhere and there is no set, but every problem is told", () => {
  write("a.yml", detectionDocument("one"));
  write("b.yml", detectionDocument("two").replace("eventName", "eventName|contians"));
  write("c.yml", detectionDocument("three").replace("condition: sel", "condition: slt"));
  const loaded = loadRules([root], { mode: "strict" });
  expect(loaded.ruleSet).toBeNull();
  expect(loaded.rules).toBe(1);
  expect(loaded.problems.map(({ code }) => code)).toStrictEqual(["modifier_unknown", "condition_unknown"]);
});

test("the largest file is read, a larger one and one that is no UTF-8 are refused by name", () => {
  const comment = (size: number): string => `${detectionDocument("one")}#`.padEnd(size, "x");
  write("fits.yml", comment(RULE_FILE_MAX_BYTES));
  write("large.yml", comment(RULE_FILE_MAX_BYTES + 1));
  write("latin1.yml", Buffer.from("title: caf\u00e9\n", "latin1"));
  const { problems, ruleSet } = loadRules([root], { mode: "lenient" });
  expect(ruleSet).toBeNull();
  expect(problems.map(({ code, file }) => `${code} ${relative(root, file)}`)).toStrictEqual([
    "file_too_large large.yml",
    "file_not_utf8 latin1.yml",
  ]);
});

test("a byte order mark is no part of the text", () => {
  write("bom.yml", `\ufeff${detectionDocument("one")}`);
  expect(loadRules([root], { mode: "strict" }).ruleSet?.detections).toHaveLength(1);
});

test("a path that does not exist is named", () => {
  const path = join(root, "nowhere");
  expect(() => loadRules([path], { mode: "strict" })).toThrow(
    expect.objectContaining({ code: "not_found", message: expect.stringContaining(path) as unknown }) as Error,
  );
});
