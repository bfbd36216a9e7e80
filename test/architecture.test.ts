/**
 * Holds the code against the architecture: the import table, the words that stand in one place only, cycles and sizes.
 *
 * Each check is first tried on a small bad sample and on a good one beside it, so that a check that can no longer fail
 * is itself a failure; then on the tree.
 */
import { globSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { describe, expect, test } from "vitest";
import * as checks from "./architecture/checks.ts";
import { LIMITS } from "./architecture/house.ts";
import { readSource, type SourceFile } from "./architecture/source.ts";

const root = join(import.meta.dirname, "..");

function readTree(pattern: string): SourceFile[] {
  return globSync(pattern, { cwd: root })
    .map((path) => path.split(sep).join("/"))
    .filter((path) => !path.endsWith(".d.ts"))
    .map((path) => readSource(path, readFileSync(join(root, path), "utf8")));
}

const product = readTree("src/**/*.ts");
const others = [...readTree("test/**/*.ts"), ...readTree("{bench,tools}/**/*.{ts,mjs}")];

type Sample = readonly [path: string, text: string];
type Case = {
  readonly name: string;
  readonly check: checks.Check;
  readonly bad: readonly (readonly Sample[])[];
  readonly good: readonly (readonly Sample[])[];
  /** What the check is run on; the product where absent. */
  readonly tree?: readonly SourceFile[];
};

const one = (path: string, text: string): readonly Sample[] => [[path, text]];
const lines = (count: number): string => "1;\n".repeat(count);
const body = (count: number): string => `{\n${lines(count - 2)}}`;

const cases: readonly Case[] = [
  {
    name: "every file lies in a known part",
    check: checks.checkParts,
    bad: [one("src/helpers/x.ts", ""), one("src/index.ts", "")],
    good: [one("src/lib/x.ts", ""), one("src/contracts.ts", "")],
  },
  {
    name: "parts import only what the table lets them",
    check: checks.checkTable,
    bad: [
      one("src/lib/x.ts", 'import { a } from "../model/a.ts";'),
      one("src/sigma/x.ts", 'import type { A } from "../decode/a.ts";'),
      one("src/sigma/x.ts", 'import { type A } from "../contracts.ts";'),
      one("src/detect/x.ts", 'export * from "../store/a.ts";'),
      one("src/detect/x.ts", 'export { a } from "../pipeline/a.ts";'),
      one("src/sinks/x.ts", 'const a = await import("../sources/a.ts");'),
      one("src/pipeline/x.ts", 'type A = import("../sinks/a.ts").A;'),
      one("src/sources/x.ts", 'import { a } from "../decode/cloudtrail.ts";'),
      one("src/config/x.ts", 'import { a } from "../sinks/stdout.ts";'),
      one("src/config/x.ts", 'import { compose } from "../compose.ts";'),
      one("src/compose.ts", 'import { a } from "./commands/a.ts";'),
      one("src/commands/x.ts", 'import { a } from "../main.ts";'),
      one("src/lib/x.ts", 'import { a } from "../../test/a.ts";'),
    ],
    good: [
      one("src/sigma/x.ts", 'import type { A } from "../model/a.ts"; import { b } from "./b.ts";'),
      one("src/sources/x.ts", 'import { a } from "../decode/envelopes.ts";'),
      one("src/config/x.ts", 'import { a } from "../sinks/registry.ts";'),
      one("src/sinks/x.ts", 'import { a } from "../encode/ocsf.ts";'),
      one("src/commands/x.ts", 'import { compose } from "../compose.ts";'),
    ],
  },
  {
    name: "packages stand only where they belong",
    check: checks.checkPackages,
    bad: [
      one("src/pipeline/x.ts", 'import { SQSClient } from "@aws-sdk/client-sqs";'),
      one("src/store/x.ts", 'const s3 = await import("@aws-sdk/client-s3");'),
      one("src/lib/x.ts", 'import type { ZodType } from "zod";'),
      one("src/ops/x.ts", 'import a from "pino/file";'),
    ],
    good: [
      one("src/sources/x.ts", 'import { SQSClient } from "@aws-sdk/client-sqs";'),
      one("src/sigma/x.ts", 'import { parseDocument } from "yaml";'),
      one("src/lib/x.ts", 'import { join } from "node:path";'),
    ],
  },
  {
    name: "Node's modules stand only where they belong",
    check: checks.checkBuiltins,
    bad: [
      one("src/lib/x.ts", 'import { join } from "path";'),
      one("src/decode/x.ts", 'import { readFileSync } from "node:fs";'),
      one("src/detect/x.ts", 'const net = import("node:net");'),
      one("src/pipeline/x.ts", 'import { readFile } from "node:fs/promises";'),
      one("src/simulate/x.ts", 'import { readFile } from "node:fs/promises";'),
      one("src/sinks/x.ts", 'import { DatabaseSync } from "node:sqlite";'),
      one("src/lib/retry.ts", 'import { setTimeout as sleep } from "node:timers/promises";'),
    ],
    good: [
      one("src/decode/x.ts", 'import { createHash } from "node:crypto";'),
      one("src/rules/x.ts", 'import { readFile } from "node:fs/promises";'),
      one("src/simulate/writer.ts", 'import { readFile } from "node:fs/promises";'),
      one("src/store/x.ts", 'import { DatabaseSync } from "node:sqlite";'),
    ],
  },
  {
    name: "reserved words stand only where they belong",
    check: checks.checkWords,
    bad: [
      one("src/ops/x.ts", "const t = Date.now();"),
      one("src/ops/x.ts", 'const t = Date["now"]();'),
      one("src/ops/x.ts", "const t = globalThis.Date.now();"),
      one("src/ops/x.ts", "const { now } = Date;"),
      one("src/ops/x.ts", "const t = new Date();"),
      one("src/ops/x.ts", "const t = performance.now();"),
      one("src/ops/x.ts", "setTimeout(f, 1);"),
      one("src/ops/x.ts", "const later = setInterval;"),
      one("src/ops/x.ts", "globalThis.setTimeout(f, 1);"),
      one("src/ops/x.ts", "const r = Math.random;"),
      one("src/ops/x.ts", "const a = process.env.A;"),
      one("src/ops/x.ts", "const { env } = process;"),
      one("src/commands/x.ts", "process.exit(1);"),
      one("src/lib/clock.ts", "console.error(1);"),
      one("src/ops/x.ts", "log(console);"),
      one("src/ops/x.ts", "export default 1;"),
      one("src/ops/x.ts", "const a = 1; export { a as default };"),
      one("src/ops/x.ts", "const a = await import(name);"),
      one("src/ops/x.ts", 'const a = require("node:fs");'),
      one("src/ops/x.ts", 'const a = process.getBuiltinModule("node:fs");'),
    ],
    good: [
      one("src/lib/clock.ts", "const t = Date.now(); setTimeout(f, 1); const r = Math.random();"),
      one("src/config/load.ts", "const a = process.env.A;"),
      one("src/main.ts", "process.exit(1);"),
      one(
        "src/sinks/registry.ts",
        'const sinks = { console: f }; sinks.console(); // console.log\nconst a = "Date.now";',
      ),
      one("src/sinks/x.ts", "socket.setTimeout(1); const t = new Date(1);"),
    ],
  },
  {
    name: "the pure middle never waits",
    check: checks.checkWaiting,
    bad: [
      one("src/detect/x.ts", "const f = async () => 1;"),
      one("src/sigma/x.ts", "export const a = await b;"),
      one("src/match/x.ts", "export async function f() {}"),
      one("src/decode/x.ts", "for await (const a of b) c(a); export {};"),
      one("src/encode/x.ts", "const a = new Promise(f);"),
    ],
    good: [
      one("src/pipeline/x.ts", "const f = async () => { await g(); };"),
      one("src/detect/x.ts", "const awaited = 1;"),
    ],
  },
  {
    name: "classes extend nothing but Error",
    check: checks.checkExtends,
    bad: [one("src/lib/x.ts", "class A extends Map {}"), one("src/lib/x.ts", "const A = class extends mix(B) {};")],
    good: [one("src/model/x.ts", "class A extends Error {} interface B extends C {} class D {}")],
  },
  {
    name: "records are parsed in match/ and decode/ only",
    check: checks.checkJson,
    bad: [one("src/sources/x.ts", "const a = JSON.parse(b);"), one("src/detect/x.ts", "const { parse } = JSON;")],
    good: [one("src/decode/x.ts", "const a = JSON.parse(b);"), one("src/sinks/x.ts", "const a = JSON.stringify(b);")],
  },
  {
    name: "no cycles",
    check: checks.checkCycles,
    bad: [
      [
        ["src/lib/a.ts", 'import { b } from "./b.ts";'],
        ["src/lib/b.ts", 'export * from "./c.ts";'],
        ["src/lib/c.ts", 'import type { A } from "./a.ts";'],
      ],
      one("src/lib/a.ts", 'import { a } from "./a.ts";'),
    ],
    good: [
      [
        ["src/lib/a.ts", 'import { b } from "./b.ts"; import { c } from "./c.ts";'],
        ["src/lib/b.ts", 'import { c } from "./c.ts";'],
        ["src/lib/c.ts", ""],
      ],
    ],
  },
  {
    name: "files stay short",
    check: checks.checkFileLengths,
    bad: [
      one("src/lib/x.ts", lines(LIMITS.fileLines + 1)),
      one("src/main.ts", lines(61)),
      one("src/compose.ts", lines(251)),
    ],
    good: [one("src/lib/x.ts", lines(LIMITS.fileLines)), one("src/main.ts", lines(60))],
    tree: [...product, ...others],
  },
  {
    name: "folders stay small",
    check: checks.checkFolders,
    bad: [Array.from({ length: LIMITS.folderFiles + 1 }, (_, index): Sample => [`src/lib/f${index}.ts`, ""])],
    good: [Array.from({ length: LIMITS.folderFiles }, (_, index): Sample => [`src/lib/f${index}.ts`, ""])],
    tree: [...product, ...others],
  },
  {
    name: "functions stay short",
    check: checks.checkFunctions,
    bad: [
      one("src/lib/x.ts", `function f() ${body(61)}`),
      one("src/lib/x.ts", `const f = () => ${body(61)};`),
      one("src/lib/x.ts", `function createX() {\nconst f = () => ${body(61)};\n}`),
      one("src/lib/x.ts", `function createX() ${body(61)}`),
      one("src/lib/x.ts", `function createX() {\n${`f(() => ${body(50)});\n`.repeat(4)}}`),
      one("src/lib/x.ts", `function wrap() {\n${`f(() => ${body(50)});\n`.repeat(2)}}`),
    ],
    good: [
      one("src/lib/x.ts", `function f() ${body(60)}`),
      one("src/lib/x.ts", `function createX() {\n${`f(() => ${body(50)});\n`.repeat(3)}}`),
    ],
    // Not test/: a describe() or an exam is a list of tests, as long as there are cases.
    tree: [...product, ...others.filter(({ path }) => !path.startsWith("test/"))],
  },
];

describe.each(cases)("$name", ({ check, bad, good, tree }) => {
  const read = (samples: readonly Sample[]): SourceFile[] => samples.map(([path, text]) => readSource(path, text));

  test("a bad sample is found", () => {
    for (const samples of bad) expect(check(read(samples)), JSON.stringify(samples).slice(0, 200)).not.toEqual([]);
  });

  test("a good sample passes", () => {
    for (const samples of good) expect(check(read(samples))).toEqual([]);
  });

  test("the tree passes", () => {
    expect(check(tree ?? product)).toEqual([]);
  });
});

test("the product's files are found, so that the checks above have something to look at", () => {
  expect(product.map(({ path }) => path)).toContain("src/contracts.ts");
});
