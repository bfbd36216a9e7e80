/**
 * npm run bench -- [NAME]…: runs the benches one after another, each in a process of its own, so that none pays for the
 * heap or the compiled code of another. Each prints one JSON line; docs/bench.md says what they measure.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const NAMES = ["split", "match", "windows", "commit", "pipeline"] as const;
/** Minutes each: only when they are named. */
const LONG = ["groups", "hot-key", "objects"] as const;
const known = [...NAMES, ...LONG];

/** As tools/run.mjs starts the product: without it a thread would take 100 ms to strip types that the image has stripped. */
const env = { ...process.env, NODE_COMPILE_CACHE: join(import.meta.dirname, "../node_modules/.cache/node") };

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !known.some((one) => one === name));
if (unknown !== undefined) {
  process.stderr.write(`there is no bench ${JSON.stringify(unknown)}; benches: ${known.join(", ")}\n`);
  process.exit(2);
}
for (const name of wanted.length === 0 ? NAMES : known.filter((one) => wanted.includes(one))) {
  // With the heap flags of the product, which tools/run.mjs gave to this process.
  const args = [...process.execArgv, join(import.meta.dirname, `${name}.ts`)];
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit", env });
  if (status !== 0) process.exitCode = 1;
}
