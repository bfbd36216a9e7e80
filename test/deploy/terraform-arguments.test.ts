/**
 * Each resource of deploy/terraform has the arguments and blocks that the provider of AWS knows, all that are needed among
 * them, and what others read of it is there; by the names of test/fixtures/deploy/terraform-provider.json.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Block, readModule, referencesOf } from "./hcl.ts";

/** Names at one level; "!" behind one marks that it is needed. */
type Level = { readonly arguments: readonly string[]; readonly blocks: Readonly<Record<string, Level>> };

const root = join(import.meta.dirname, "../..");
const table = JSON.parse(readFileSync(join(root, "test/fixtures/deploy/terraform-provider.json"), "utf8")) as Readonly<
  Record<string, Level & { readonly exports: readonly string[] }>
>;

/** Of Terraform itself: https://developer.hashicorp.com/terraform/language/resources/syntax */
const META = new Set(["count", "depends_on", "for_each", "provider", "lifecycle"]);

/** What is wrong with a block, where `at` is its place. */
function faultsOf({ attributes, blocks }: Block, level: Level, at: string): readonly string[] {
  const known = new Map(Object.entries(level.blocks).map(([name, inner]) => [name.replace("!", ""), inner]));
  const inner = blocks.map((block): readonly [string, Block] =>
    block.type === "dynamic" ? [block.labels[0] ?? "", contentOf(block)] : [block.type, block],
  );
  const plain = new Set(level.arguments.map((name) => name.replace("!", "")));
  const given = new Set([...Object.keys(attributes), ...inner.map(([name]) => name)]);
  const needed = [...level.arguments, ...Object.keys(level.blocks)].filter((name) => name.endsWith("!"));
  return [
    ...Object.keys(attributes).flatMap((name) =>
      plain.has(name) || META.has(name) ? [] : [`${at}: no argument ${name}`],
    ),
    ...needed.flatMap((name) => (given.has(name.slice(0, -1)) ? [] : [`${at}: lacks ${name.slice(0, -1)}`])),
    ...inner.flatMap(([name, block]) => {
      if (META.has(name)) return [];
      const next = known.get(name);
      return next === undefined ? [`${at}: no block ${name}`] : faultsOf(block, next, `${at}.${name}`);
    }),
  ];
}

function contentOf({ blocks }: Block): Block {
  const content = blocks.find(({ type }) => type === "content");
  if (content === undefined) throw new Error("a dynamic block has no content");
  return content;
}

describe.each(["deploy/terraform", "deploy/terraform/member"])("%s", (folder) => {
  const blocks = readModule(join(root, folder));

  test("has the arguments that the provider knows, and all that it needs", () => {
    const made = blocks.filter(({ type }) => type === "resource" || type === "data");
    expect(made.length).toBeGreaterThan(8);
    const faults = made.flatMap((block) => {
      const { type, labels } = block;
      const level = table[`${type} ${labels[0] ?? ""}`];
      return level === undefined ? [`no ${type} ${labels[0] ?? ""}`] : faultsOf(block, level, labels.join("."));
    });
    expect(faults).toEqual([]);
  });

  test("reads attributes that there are", () => {
    const read = referencesOf(blocks);
    expect(read.length).toBeGreaterThan(8);
    const lost = read.filter(({ kind, type, attribute }) => !(table[`${kind} ${type}`]?.exports.includes(attribute) ?? false)); // prettier-ignore
    expect(lost).toEqual([]);
  });
});
