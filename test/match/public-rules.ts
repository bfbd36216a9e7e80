/**
 * Public rules, records and pySigma's trees from ../shared/data, for the tests and benches that evaluate them.
 *
 * Nothing of it is part of the project: callers skip by name when the folder is missing. Rules and trees are read by
 * test/sigma/corpus.ts; here the part of one folder is taken, and the records are read.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { JsonObject } from "../../src/model/event.ts";
import type { Expression } from "../../src/sigma/ast.ts";
import type { RuleFile } from "../../src/sigma/rule-set.ts";
import { fromOracle, hasCorpus, readCorpus, readOracle } from "../sigma/corpus.ts";

const RECORDS = join(import.meta.dirname, "../../../shared/data/cloudtrail");

/** False where the public data is not at hand. */
export const HAS_PUBLIC_DATA: boolean = hasCorpus && existsSync(RECORDS);

/** SigmaHQ's rule files whose path begins with `prefix` ("rules/cloud/aws/"), by path. */
export function readPublicRules(prefix: string): RuleFile[] {
  return [...readCorpus()]
    .filter(([path]) => path.startsWith(prefix))
    .map(([path, text]) => ({ path, text }))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** Lines of all CloudTrail record files, the record texts as they are. */
export function readPublicRecords(): string[] {
  return readdirSync(RECORDS)
    .filter((name) => /\.ndjson(?:\.gz)?$/.test(name))
    .toSorted()
    .flatMap((name) => {
      const bytes = readFileSync(join(RECORDS, name));
      const text = (name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
      return text.split("\n").filter((line) => line !== "");
    });
}

/** The records, parsed. */
export function parseRecords(lines: readonly string[]): JsonObject[] {
  return lines.map((line) => JSON.parse(line) as JsonObject);
}

/** pySigma's trees as expressions, by rule file; the conditions of a file are joined by `or`. */
export function readPublicTrees(prefix: string): Map<string, Expression> {
  const trees = new Map<string, Expression>();
  for (const { p: path, t: tree } of readOracle()) {
    if (tree === undefined || !path.startsWith(prefix)) continue;
    const before = trees.get(path);
    const expression = fromOracle(tree);
    trees.set(path, before === undefined ? expression : { op: "or", of: [before, expression] });
  }
  return trees;
}
