// node tools/run.mjs FILE [ARG...]: installs what is missing, then runs FILE (relative to the root) on the right Node.
// node tools/run.mjs --node:        installs what is missing, then prints the path of that Node (bin/sagewatch uses it).
// node tools/run.mjs:               installs what is missing.
//
// It stands before every npm script, so that a fresh clone needs nothing but git, npm and a Node of 20 or newer.
// When all is installed it costs about 40 ms and touches neither network nor disk. Signals and exit codes pass through
// (128+n when the program died of signal n; 3 when set-up fails). See tools/setup/ for how things are installed.
import { spawn } from "node:child_process";
import * as os from "node:os";
import * as path from "node:path";
import { install } from "./setup/install.mjs";
import { acquire, release } from "./setup/lock.mjs";
import { at, die, isReady, node, refuseOldHost, root } from "./setup/place.mjs";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];
// Records live for milliseconds: with a small nursery their garbage takes 100 MB less, at a tenth of the speed. And the heap
// is cleared before it doubles, where V8 lets a small one grow fourfold: a flood of principals takes 110 MB less, as fast.
// Collecting has one thread beside ours and the one that reads ahead: the usual four only wait for cores that these two want.
const HEAP_FLAGS = ["--max-semi-space-size=8", "--heap-growing-percent=100", "--v8-pool-size=1"];

refuseOldHost();
if (!isReady()) await setUp();
const [file, ...args] = process.argv.slice(2);
if (file === "--node") process.stdout.write(`${node}\n`);
else if (file !== undefined) run(file, args);

async function setUp() {
  await acquire();
  if (!isReady()) await install(); // another set-up may have finished while we waited
  release();
}

function run(file, args) {
  const isProduct = file.startsWith("src/") || file === "tools/demo.mjs" || file === "bench/run.ts";
  const child = spawn(node, [...(isProduct ? HEAP_FLAGS : []), at(file), ...args], {
    cwd: isProduct ? userFolder() : process.cwd(),
    env: childEnv(isProduct),
    stdio: "inherit",
  });
  for (const signal of SIGNALS) process.on(signal, () => forward(child, signal));
  child.on("error", (error) => die(`cannot start ${node}: ${error.message}`));
  child.on("close", (code, signal) => process.exit(signal ? 128 + os.constants.signals[signal] : code));
}

/** `npm run` moves to the root; the paths a user gives are meant from where he stands. */
function userFolder() {
  const wasMovedByNpm = process.env.INIT_CWD !== undefined && process.cwd() === root;
  return wasMovedByNpm ? process.env.INIT_CWD : process.cwd();
}

function childEnv(isProduct) {
  const { INIT_CWD: _spent, ...env } = process.env; // used above; a command started further down has its own folder
  if (isProduct) env.NODE_COMPILE_CACHE ??= at("node_modules/.cache/node"); // stripped TypeScript: 170 ms start -> 45
  env.npm_node_execpath = node;
  env.PATH = [path.dirname(node), at("node_modules/.bin"), env.PATH].join(path.delimiter);
  return env;
}

function forward(child, signal) {
  // A terminal sends Ctrl-C to the whole group; passed on it would arrive twice, and twice means "at once".
  const isFromTerminal = signal === "SIGINT" && (process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY);
  if (!isFromTerminal) child.kill(signal);
}
