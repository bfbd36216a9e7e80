/**
 * npm run fuzz -- [--minutes N] [--target NAME]… [--seed N] [--input FILE]
 *
 * Shares the time (default 5 minutes) among the targets, one after another, and prints one JSON line each. The input of a
 * crash goes to .cache/fuzz/, what was wrong to stderr, and the exit code is 1. `--input` tries one file on one target:
 * a crash is mended when that passes; then the file goes into the target's corpus. The seed is drawn unless given.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { sha256Hex } from "../../src/lib/canonical.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { readFlags, refuseFlags } from "../support/flags.ts";
import { type Crash, tryInput } from "./engine.ts";
import type { Target } from "./target.ts";
import { TARGETS } from "./targets.ts";
import { watch } from "./watch.ts";

/** So long without a new input is a hang: far above every limit, also on a busy machine. */
const HANG_MS = 20_000;
const root = join(import.meta.dirname, "../..");

const HELP = `usage: npm run fuzz -- [--minutes N] [--target NAME] [--seed N] [--input FILE]
Shares N minutes (5) among the targets (${TARGETS.map(({ name }) => name).join(", ")}; --target may be repeated), or tries the one input of a file. Exit code 1: something crashed or hung, its input lies in .cache/fuzz/.`;
const values = readFlags(HELP, {
  minutes: { type: "string", default: "5" },
  target: { type: "string", multiple: true, default: TARGETS.map(({ name }) => name) },
  seed: { type: "string" },
  input: { type: "string" },
});
const minutes = Number(values.minutes);
const seed = values.seed === undefined ? Math.floor(systemClock.random() * 2 ** 31) : Number(values.seed);
const unknown = values.target.find((name) => !TARGETS.some((target) => target.name === name));
if (unknown !== undefined) refuseFlags(`There is no target ${unknown}.`, HELP);
if (!(minutes > 0) || !Number.isInteger(seed)) refuseFlags("A number is wrong.", HELP);

for (const target of TARGETS.filter(({ name }) => values.target.includes(name))) {
  if (values.input === undefined) await run(target);
  else tell(target, await tryInput(target, readFileSync(values.input)));
}

async function run(target: Target): Promise<void> {
  const module = new URL(`./targets/${target.name}.ts`, import.meta.url).href;
  const budgetMs = (minutes * 60_000) / values.target.length;
  const begunMs = performance.now();
  const { crash, ...result } = await watch({ module, seed, budgetMs, hangMs: HANG_MS });
  const seconds = Math.round((performance.now() - begunMs) / 1000);
  const line = {
    fuzz: target.name,
    seed,
    seconds,
    execs: result.execs,
    corpus: target.seeds.length,
    crashes: crash === null ? 0 : 1,
    slowestMs: result.slowestMs,
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  tell(target, crash);
}

function tell({ name }: Target, crash: Crash | null): void {
  if (crash === null) return;
  const folder = join(root, ".cache/fuzz");
  const file = join(folder, `${name}-${sha256Hex(crash.input).slice(0, 8)}.bin`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, crash.input);
  process.stderr.write(`${name}: ${relative(root, file)}\n${crash.error}\n`);
  process.exitCode = 1;
}
