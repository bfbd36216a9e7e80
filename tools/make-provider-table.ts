/**
 * Writes test/fixtures/deploy/terraform-provider.json: the arguments, blocks and attributes of those resources and data
 * sources of Terraform's provider of AWS that deploy/terraform uses.
 *
 *   node tools/run.mjs tools/make-provider-table.ts FOLDER
 *
 * FOLDER is the unpacked package @cdktf/provider-aws (MPL-2.0), whose declarations are made from the provider's own schema.
 * `terraform validate` wants the provider itself; this lets a test find misspelt and missing arguments without it. Facts
 * only: names, and whether one is needed. Types and what the provider checks beyond its schema are not in it.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readModule } from "../test/deploy/hcl.ts";

/** Names at one level. A name with "!" behind it is needed. */
type Level = { readonly arguments: readonly string[]; readonly blocks: Readonly<Record<string, Level>> };

const root = dirname(import.meta.dirname);
const [, , folder] = process.argv;
if (folder === undefined) throw new Error("give the folder of the unpacked package @cdktf/provider-aws");

const toSnake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Arguments and blocks of an interface; a type that is an interface of the same file is a block. */
function readLevel(name: string, interfaces: ReadonlyMap<string, string>): Level {
  const fields = (interfaces.get(name) ?? "").matchAll(/#(\w+) \w+#\w+\}[\s\S]*?readonly \w+(\??): ([^;]+);/g);
  const found: string[] = [];
  const blocks: Record<string, Level> = {};
  for (const [, field = "", optional, type = ""] of fields) {
    const block = /^\w+/.exec(type)?.[0] ?? "";
    const key = `${field}${optional === "?" ? "" : "!"}`;
    if (interfaces.has(block)) blocks[key] = readLevel(block, interfaces);
    else found.push(key);
  }
  return { arguments: found.toSorted(), blocks };
}

function readType(place: string): Level & { readonly exports: readonly string[]; readonly version: string } {
  const text = readFileSync(join(folder ?? "", "lib", place, "index.d.ts"), "utf8");
  const interfaces = [...text.matchAll(/export interface (\w+)[^{]*\{([\s\S]*?)\n\}/g)].map(
    ([, name = "", body = ""]) => [name, body] as const,
  );
  // A data source without arguments shares no interface of its own; the last class of a file is the resource.
  const [, name = "", body = ""] = [...text.matchAll(/export declare class (\w+) [^{]*\{([\s\S]*?)\n\}/g)].at(-1) ?? [];
  const getters = [...body.matchAll(/\bget (\w+)\(\): /g)].map(([, getter = ""]) => toSnake(getter));
  const exports = getters.filter((getter) => !getter.endsWith("_input")).toSorted();
  const version = /hashicorp\/aws\/([\d.]+)\/docs/.exec(text)?.[1] ?? "";
  return { ...readLevel(`${name}Config`, new Map(interfaces)), exports, version };
}

const blocks = ["", "member"].flatMap((part) => readModule(join(root, "deploy/terraform", part)));
const addresses = blocks.filter(({ type }) => type === "resource" || type === "data");
const types = [...new Set(addresses.map(({ type, labels }) => `${type} ${labels[0] ?? ""}`))].toSorted();
const table = types.map((type) => {
  const [kind = "", name = ""] = type.split(" ");
  const place = `${kind === "data" ? "data-" : ""}${name.replaceAll("_", "-")}`;
  return [type, readType(kind === "data" ? place : place.replace(/^aws-/, ""))] as const;
});
const { version: release } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
const lines = table.map(
  ([type, { version: _version, ...rest }]) => `  ${JSON.stringify(type)}: ${JSON.stringify(rest)}`,
);
const source = `@cdktf/provider-aws ${release}, made from the schema of hashicorp/aws ${table[0]?.[1].version ?? ""}; "!" marks what is needed`;
const path = join(root, "test/fixtures/deploy/terraform-provider.json");
mkdirSync(dirname(path), { recursive: true });
writeFileSync(path, `{\n  "source": ${JSON.stringify(source)},\n${lines.join(",\n")}\n}\n`);
