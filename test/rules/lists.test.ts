/**
 * Lists of |expand: files with every fault told at its place, and configured lists in the place of shipped ones.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadLists, readLists, SHIPPED_LISTS } from "../../src/rules/lists.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sagewatch-lists-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const list = (name: string, type: string, values: string): string =>
  `name: ${name}\ntype: ${type}\ndescription: For a test.\nvalues: ${values}\n`;

describe("a good file", () => {
  test.each([
    ["string", "[a, b]", ["a", "b"]],
    ["wildcard", '["*.pt", "a?"]', ["*.pt", "a?"]],
    ["cidr", "[10.0.0.0/8, 2001:db8::/32]", ["10.0.0.0/8", "2001:db8::/32"]],
    ["regex", "['^a+$']", ["^a+$"]],
    ["account", "[012345678901, '111122223333']", ["012345678901", "111122223333"]],
    ["string", "[]", []],
  ])("of type %s with %s", (type, values, items) => {
    write("mine.yml", list("mine", type, values));
    const { lists, problems } = readLists([folder]);
    expect(problems).toEqual([]);
    expect(lists.get("mine")).toEqual({ type, items });
  });
});

describe("a fault is told with its place, and the list is left out", () => {
  test.each<[string, string, string, number]>([
    ["a type that does not exist", list("mine", "strng", "[a]"), "did you mean `string`", 2],
    [
      "a network that is none",
      list("mine", "cidr", "\n  - 10.0.0.0/8\n  - 10.0.0.0/33"),
      "`10.0.0.0/33` is no IP address",
      6,
    ],
    ["an expression that cannot run in linear time", list("mine", "regex", "['(?=a)b']"), "`(?=a)b` is no regular", 4],
    ["a number that is no account", list("mine", "account", "[1234]"), "`1234` is no account id", 4],
    ["an empty entry", list("mine", "string", "['']"), "is empty", 4],
    ["values that are no list", list("mine", "string", "a"), "must be a list", 4],
    ["a map among the values", list("mine", "string", "[{a: b}]"), "must be a text or a list of texts", 4],
    ["a name unlike the file's", list("other", "string", "[a]"), "stands in a file of another name", 1],
    ["a key that means nothing", `${list("mine", "string", "[a]")}vlues: [b]\n`, "unknown key `vlues`", 5],
    ["no description", "name: mine\ntype: string\nvalues: [a]\n", "`description` is missing", 1],
    ["a list instead of a map", "- a\n", "a list file holds one map", 1],
    ["broken YAML", "name: [\n", "", 2],
    ["nothing", "", "a list file holds one map", 1],
  ])("%s", (...[, text, message, line]) => {
    const path = write("mine.yml", text);
    const { lists, problems } = readLists([folder]);
    expect(lists.size).toBe(0);
    expect(problems[0]).toMatchObject({ file: path, line, severity: "error" });
    expect(problems[0]?.message).toContain(message);
    expect(problems[0]?.remedy).not.toBe("");
  });

  test("two files of one name: the second is refused", () => {
    write("mine.yml", list("mine", "string", "[a]"));
    write("mine.yaml", list("mine", "string", "[b]"));
    const { lists, problems } = readLists([folder]);
    expect(lists.get("mine")?.items).toEqual(["b"]);
    expect(problems.map(({ code, file }) => [code, file])).toEqual([["duplicate_id", join(folder, "mine.yml")]]);
  });
});

test("what is no list file is passed over, and so is a folder that does not exist", () => {
  write("README.md", "no list");
  write(".hidden.yml", "no: list");
  expect(readLists([folder, join(folder, "nowhere")])).toEqual({ lists: new Map(), problems: [] });
  mkdirSync(join(folder, "folder.yml"));
  expect(() => readLists([folder])).toThrow(/lists: `.*folder\.yml` cannot be read/);
});

test("a configured list takes the place of the shipped one as a whole, of another type too", () => {
  const shipped = readLists([SHIPPED_LISTS]);
  expect(shipped.problems).toEqual([]);
  expect(shipped.lists.get("gpu_launchers")?.items).toEqual([]);
  const lists = loadLists({
    gpu_launchers: { type: "string", values: ["arn:aws:iam::111122223333:role/trainer"] },
    my_own: { type: "account", values: [] },
  });
  expect(lists.get("gpu_launchers")).toEqual({ type: "string", items: ["arn:aws:iam::111122223333:role/trainer"] });
  expect(lists.get("my_own")).toEqual({ type: "account", items: [] });
  expect(lists.get("private_networks")).toEqual(shipped.lists.get("private_networks"));
});
