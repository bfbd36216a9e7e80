/**
 * Lists that rules name by `|expand`: those that come with the rules, and those of the configuration in their place.
 *
 * A list file is NAME.yml with `name`, `type`, `description` and `values`. Rules that are shipped name lists with defaults
 * that work everywhere; an organisation puts its own values in the configuration under the same name, and these take the
 * place of the shipped ones as a whole. A broken file is told with its place, like a broken rule. Synchronous, read once.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { didYouMean } from "../lib/nearest.ts";
import { SagewatchError, toMessage } from "../model/errors.ts";
import type { Problem } from "../sigma/ast.ts";
import type { ListTable, ListType, TypedList } from "../sigma/compile.ts";
import { refuseUnknown, required, textList, textOf, wrongType } from "../sigma/document/fields.ts";
import { expandTest } from "../sigma/plan/lists.ts";
import { createFindings, type Findings } from "../sigma/problems.ts";
import { parseYaml, shownAs, valueOf, type YamlMap, type YamlNode } from "../sigma/yaml.ts";

/** A list as the configuration has it. */
export type ConfiguredList = { readonly type: ListType; readonly values: readonly string[] };

/** Lists by name, and what is wrong in their files. A list with an error is not in the table. */
export type ReadLists = { readonly lists: ListTable; readonly problems: readonly Problem[] };

/** Folder of the lists that come with Sagewatch: beside src/ in a checkout and beside dist/ in the package. */
export const SHIPPED_LISTS: string = fileURLToPath(new URL("../../detections/lists", import.meta.url));

const KEYS = ["name", "type", "description", "values"] as const;
const TYPES: readonly ListType[] = ["string", "wildcard", "cidr", "regex", "account"];
/** Names as the configuration allows them, so that each shipped list can be replaced there. */
const NAME = /^\w[\w.-]*$/;
/** Largest list file in bytes: the 20,000 entries that one value may expand to, with room for long ARNs. */
const FILE_MAX_BYTES = 4 * 1024 * 1024;

/**
 * The lists in use: the shipped ones, with those of the configuration in their place.
 * Throws rules_rejected, all problems in its message, when a shipped list is broken, and input_unreadable.
 */
export function loadLists(configured: Readonly<Record<string, ConfiguredList>>): ListTable {
  const { lists, problems } = readLists([SHIPPED_LISTS]);
  if (problems.length > 0) {
    const lines = problems.map(
      ({ file, line, column, message, remedy }) => `${file}:${line}:${column}: ${message}; ${remedy}`,
    );
    throw new SagewatchError(
      "rules_rejected",
      [`${problems.length} errors in the lists of the rules`, ...lines].join("\n"),
    );
  }
  return withConfigured(lists, configured);
}

/** `lists` with the configured ones in the place of those of the same name. */
export function withConfigured(lists: ListTable, configured: Readonly<Record<string, ConfiguredList>>): ListTable {
  const own = Object.entries(configured).map(([name, { type, values }]) => [name, { type, items: values }] as const);
  return new Map([...lists, ...own]);
}

/** `lists` with more values in those that are named; a list that does not exist stays so. */
export function withOwn(lists: ListTable, own: Readonly<Record<string, readonly string[]>>): ListTable {
  const more = Object.entries(own).flatMap(([name, values]) => {
    const list = lists.get(name);
    return list === undefined ? [] : [[name, { ...list, items: [...new Set([...list.items, ...values])] }] as const];
  });
  return new Map([...lists, ...more]);
}

/** Lists as a configuration would have them. */
export function toConfigured(lists: ListTable): Readonly<Record<string, ConfiguredList>> {
  return Object.fromEntries([...lists].map(([name, { type, items }]) => [name, { type, values: items }]));
}

/** Reads every *.yml below the folders, in order of name; a folder that does not exist has none. Throws input_unreadable. */
export function readLists(folders: readonly string[]): ReadLists {
  const lists = new Map<string, TypedList>();
  const problems: Problem[] = [];
  const places = new Map<string, string>();
  for (const path of folders.flatMap(findListFiles)) {
    const text = readListFile(path);
    const findings = createFindings({ path, text: text ?? "" }, "strict", problems);
    if (text === null) {
      const remedy = "put the values into the configuration, or split the list";
      findings.error("file_too_large", 0, {
        message: `the list is larger than ${FILE_MAX_BYTES / 1024 / 1024} MiB`,
        remedy,
      });
      continue;
    }
    const found = parseList(path, text, findings);
    if (found === null) continue;
    const { name, list } = found;
    if (lists.has(name)) {
      findings.error("duplicate_id", 0, {
        message: `the list \`${name}\` stands in ${places.get(name)} too`,
        value: name,
        remedy: "keep one",
      });
      continue;
    }
    lists.set(name, list);
    places.set(name, path);
  }
  return { lists, problems };
}

function findListFiles(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const names = attempt(folder, () => readdirSync(folder)).toSorted();
  return names.filter((name) => !name.startsWith(".") && /\.ya?ml$/i.test(name)).map((name) => join(folder, name));
}

function readListFile(path: string): string | null {
  return attempt(path, () => (statSync(path).size > FILE_MAX_BYTES ? null : readFileSync(path, "utf8")));
}

function attempt<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw new SagewatchError("input_unreadable", `lists: \`${path}\` cannot be read: ${toMessage(thrown)}`, {
      cause: thrown,
    });
  }
}

/** One file's list; null when it has an error, which is reported. */
function parseList(path: string, text: string, findings: Findings): { name: string; list: TypedList } | null {
  const [map, more] = parseYaml(text, findings);
  if (findings.errors() > 0) return null;
  if (map?.kind !== "map" || more !== undefined) {
    const message = "a list file holds one map with name, type, description and values";
    findings.error("document_kind", map?.at ?? 0, { message, remedy: "write one map in the file" });
    return null;
  }
  refuseUnknown(map, "list", { known: KEYS, findings });
  const name = parseName(map, basename(path).replace(/\.ya?ml$/i, ""), findings);
  const type = parseType(map, findings);
  const description = required(map, "description", findings);
  if (description !== null && textOf(description) === null)
    wrongType(description, "`description` must be a text", findings);
  const items = parseValues(map, findings);
  if (type !== null && items !== null) checkItems(map, { type, items }, findings);
  return name === null || type === null || items === null || findings.errors() > 0
    ? null
    : { name, list: { type, items } };
}

function parseName(map: YamlMap, fileName: string, findings: Findings): string | null {
  const node = required(map, "name", findings);
  const name = node === null ? null : textOf(node);
  if (node === null) return null;
  if (name === null || !NAME.test(name)) {
    wrongType(node, "`name` must be of letters, digits, `_`, `.` and `-`", findings);
  } else if (name !== fileName) {
    findings.error("value_unknown", node.at, {
      message: `the list \`${name}\` stands in a file of another name`,
      value: name,
      remedy: `name the file ${name}.yml`,
    });
  }
  return name;
}

function parseType(map: YamlMap, findings: Findings): ListType | null {
  const node = required(map, "type", findings);
  if (node === null) return null;
  const type = TYPES.find((known) => known === textOf(node));
  if (type !== undefined) return type;
  const value = shownAs(node);
  findings.error("value_unknown", node.at, {
    message: `type \`${value}\` does not exist${didYouMean(value, TYPES)}`,
    value,
    remedy: `use one of ${TYPES.join(", ")}`,
  });
  return null;
}

function parseValues(map: YamlMap, findings: Findings): readonly string[] | null {
  const node = required(map, "values", findings);
  if (node === null) return null;
  if (node.kind === "list") return textList(node, "values", findings);
  wrongType(node, "`values` must be a list; write [] for an empty one", findings);
  return null;
}

/** Entries that do not suit the type of their list, each at its place. */
function checkItems(map: YamlMap, list: TypedList, findings: Findings): void {
  const node = valueOf(map, "values");
  const nodes: readonly YamlNode[] = node?.kind === "list" ? node.items : [];
  for (const [index, item] of list.items.entries()) {
    const wrong = faultOf(list.type, item);
    if (wrong === null) continue;
    findings.error("expand_list_entry", nodes[index]?.at ?? map.at, {
      message: `\`${item}\` ${wrong}`,
      value: item,
      remedy: "mend or remove the entry",
    });
  }
}

/** What is wrong with one entry, or null. Networks and expressions are judged by what expands them. */
function faultOf(type: ListType, item: string): string | null {
  if (item === "") return "is empty";
  if (type === "account") return /^\d{12}$/.test(item) ? null : "is no account id of 12 digits";
  const test = { type: "text", pattern: [{ list: "entry" }], cased: false } as const;
  const expansion = expandTest({ field: "", test }, new Map([["entry", { type, items: [item] }]]));
  return "code" in expansion ? expansion.message.replace(/^.*?list entry /, "") : null;
}
