/**
 * npm run docs: writes the generated pages of docs/. With --check it writes nothing and fails when one is stale.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { makePages, makeRulePages } from "./docs/pages.ts";

const root = path.dirname(import.meta.dirname);
const isCheck = process.argv.includes("--check");

const stale = [...makePages(), ...makeRulePages()].filter(([page, text]) => read(page) !== text);
for (const [page, text] of stale) {
  if (isCheck) {
    console.error(`${page} is stale: run \`npm run docs\``);
    continue;
  }
  mkdirSync(path.dirname(path.join(root, page)), { recursive: true });
  writeFileSync(path.join(root, page), text);
  console.error(`wrote ${page}`);
}
if (isCheck && stale.length > 0) process.exitCode = 1;

function read(page: string): string {
  try {
    return readFileSync(path.join(root, page), "utf8");
  } catch {
    return "";
  }
}
