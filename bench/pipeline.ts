/**
 * The whole pipeline, from files on disk to alerts in the sink's file, against the least that any monitor must do: for
 * each file read, gunzip, toString, one JSON.parse.
 *
 * `composeRun` as the daemon runs it: file source in mode once, SQLite on disk with synchronous FULL, the shipped rules,
 * the NDJSON file sink. With SigmaHQ's 57 AWS rules on top where ../shared is at hand, unmodified, and one Sigma filter:
 * "AWS STS AssumeRole Misuse" fires on each call under a role, five of six records, so that its author advises to exempt the
 * roles that are known; without that a run would measure 34,000 alerts. Rounds alternate between the two sides and the
 * fastest of each counts. `speed` above 1 would be faster than parsing alone; the aim is 0.6. Prints one
 * JSON line, and on standard error a table of where the time goes.
 *
 * Listing, reading (with unpacking) and splitting are measured apart, in this thread: in the run they mostly go on beside
 * the other stages, in a thread of their own, so that the stages add up to more than the whole.
 */
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { runSimulate } from "../src/commands/simulate.ts";
import { composeRun, type RunSummary } from "../src/compose.ts";
import { ADAPTERS } from "../src/config/registries.ts";
import { parseConfig } from "../src/config/load.ts";
import { listFiles } from "../src/sources/file/list.ts";
import { readWhole } from "../src/sources/file/read.ts";
import { createRecordBatcher, createRecordScanners } from "../src/sources/records/batches.ts";
import { HAS_PUBLIC_DATA, readPublicRules } from "../test/match/public-rules.ts";
import { describeMachine, type Machine, print, round } from "./machine.ts";

/** The first few are slower: code is still being compiled, beside the other threads. */
const ROUNDS = 12;
const RECORDS = 40_000;
/** Every call under a role; the filter exempts the company's own. */
const EVERY_ROLE = "905d389b-b853-46d0-9d3d-dea0d3a3cd49";

type Cost = {
  readonly rules: string;
  readonly referenceRecordsS: number;
  readonly recordsS: number;
  /** Records a second over the reference's. */
  readonly speed: number;
  /** CPU time, µs a record: of the reference, of the run's main thread, of all its threads. Other work on the machine hardly shows in it. */
  readonly cpuUs: Readonly<Record<"reference" | "thread" | "all", number>>;
  /** µs a record, by stage. */
  readonly stageUs: Readonly<Record<string, number>>;
  readonly alerts: number;
};

/** Reads and parses each file; how many records there are. */
function readAll(files: readonly string[]): number {
  let records = 0;
  for (const file of files)
    records += (JSON.parse(gunzipSync(readFileSync(file)).toString()) as { Records: unknown[] }).Records.length;
  return records;
}

/** CPU time so far, ms: of this thread, and of all of the process. */
function cpuMs(): { readonly thread: number; readonly all: number } {
  const [own, all] = [process.threadCpuUsage(), process.cpuUsage()];
  return { thread: (own.user + own.system) / 1000, all: (all.user + all.system) / 1000 };
}

type Run = RunSummary & { readonly cpu: ReturnType<typeof cpuMs> };

async function runAll(folder: string, input: string, rules: readonly string[]): Promise<Run> {
  const state = mkdtempSync(join(folder, "state-"));
  const wanted = {
    state: { dir: state },
    sources: [{ type: "file", name: "bench", paths: [input], mode: "once" }],
    sinks: [{ type: "file", name: "alerts", path: join(state, "alerts.ndjson") }],
    rules: { paths: ["shipped", ...rules] },
  };
  const { config } = parseConfig(JSON.stringify(wanted), { path: null, adapters: ADAPTERS });
  try {
    let [begun, ended] = [cpuMs(), cpuMs()];
    const emit = ({ type }: { readonly type: string }): void => {
      // What elapsedMs covers: not the loading of rules, nor opening and closing the store.
      if (type === "store_opened") begun = cpuMs();
      else if (type === "drained") ended = cpuMs();
    };
    const summary = await composeRun({ config, emit, signal: new AbortController().signal });
    return { ...summary, cpu: { thread: ended.thread - begun.thread, all: ended.all - begun.all } };
  } finally {
    rmSync(state, { recursive: true });
  }
}

type Apart = { list: number; read: number; split: number };

/** What comes before matching, each step by itself, in ms. */
async function measureApart(input: string): Promise<Apart> {
  const best: Apart = { list: Infinity, read: Infinity, split: Infinity };
  const limits = { recordBytes: 1 << 20, depth: 64 };
  const scanners = createRecordScanners(limits);
  for (let round = 0; round < ROUNDS; round += 1) {
    const begunMs = performance.now();
    const query = { paths: [input], pattern: null, warn: () => undefined, mustExist: true, except: null };
    const { files } = await listFiles(query);
    best.list = Math.min(best.list, performance.now() - begunMs);
    let [readMs, splitMs] = [0, 0];
    for (const { path, sizeBytes } of files) {
      const startedMs = performance.now();
      const whole = readWhole({ path, sizeBytes, onRead: () => undefined });
      const betweenMs = performance.now();
      if (whole === null) throw new Error(`${path} is no file to be read in one go`);
      const batcher = createRecordBatcher({ source: "bench", path, limits, sizeHint: whole.length, skip: 0, scanners });
      batcher.take(whole);
      batcher.end();
      readMs += betweenMs - startedMs;
      splitMs += performance.now() - betweenMs;
    }
    best.read = Math.min(best.read, readMs);
    best.split = Math.min(best.split, splitMs);
  }
  return best;
}

async function measure(folder: string, rules: readonly string[]): Promise<Cost> {
  const input = join(folder, "input/AWSLogs");
  const files = globSync("**/*.json.gz", { cwd: input }).map((path) => join(input, path));
  let referenceMs = Infinity;
  let best: Run | null = null;
  const leastCpu = { reference: Infinity, thread: Infinity, all: Infinity };
  for (let index = 0; index < ROUNDS; index += 1) {
    const [begunMs, begun] = [performance.now(), cpuMs()];
    const records = readAll(files);
    referenceMs = Math.min(referenceMs, performance.now() - begunMs);
    leastCpu.reference = Math.min(leastCpu.reference, cpuMs().thread - begun.thread);
    const summary = await runAll(folder, input, rules);
    leastCpu.thread = Math.min(leastCpu.thread, summary.cpu.thread);
    leastCpu.all = Math.min(leastCpu.all, summary.cpu.all);
    if (summary.read !== records || summary.evaluated !== records)
      throw new Error(`${summary.evaluated} of ${records} records were evaluated`);
    if (best === null || summary.elapsedMs < best.elapsedMs) best = summary;
  }
  if (best === null) throw new Error("no round");
  const { read, elapsedMs } = best;
  const apart = await measureApart(input);
  return {
    rules: rules.length === 0 ? "shipped" : "shipped and 57 of SigmaHQ",
    referenceRecordsS: round((read / referenceMs) * 1000),
    recordsS: round((read / elapsedMs) * 1000),
    speed: round(referenceMs / elapsedMs, 3),
    cpuUs: {
      reference: round((leastCpu.reference / read) * 1000, 2),
      thread: round((leastCpu.thread / read) * 1000, 2),
      all: round((leastCpu.all / read) * 1000, 2),
    },
    stageUs: Object.fromEntries(
      Object.entries({ ...apart, ...best.stageMs, whole: elapsedMs }).map(([name, ms]) => [
        name,
        round((ms / read) * 1000, 2),
      ]),
    ),
    alerts: Object.values(best.alertsByRule).reduce((sum, count) => sum + count, 0),
  };
}

/** The public rules, and the filter that says which roles are the company's own. */
function writePublicRules(folder: string): string {
  const rules = join(folder, "rules");
  mkdirSync(rules);
  for (const { path, text } of readPublicRules("rules/cloud/aws/")) writeFileSync(join(rules, basename(path)), text);
  writeFileSync(
    join(rules, "own-roles.yml"),
    `title: Roles of the company
logsource: {product: aws, service: cloudtrail}
filter:
  rules: [${EVERY_ROLE}]
  own:
    userIdentity.arn|contains: [${readRoles(join(folder, "input/AWSLogs")).join(", ")}]
  condition: not own
`,
  );
  return rules;
}

/** What stands for each role in the ARNs of its sessions, quoted. */
function readRoles(input: string): string[] {
  const roles = new Set<string>();
  for (const path of globSync("**/*.json.gz", { cwd: input })) {
    const text = gunzipSync(readFileSync(join(input, path))).toString();
    for (const [found] of text.matchAll(/:assumed-role\/[^/"]+\//g)) roles.add(JSON.stringify(found));
  }
  return [...roles].toSorted();
}

/** Cost with the shipped rules, and with more where they are at hand. */
type Result = {
  readonly input: { readonly records: number; readonly files: number; readonly bytes: number };
  readonly base: Cost;
  readonly many: Cost | null;
};

/** The whole result. Files lie in .cache/, not in the system's temporary folder, which may be memory. */
export async function benchPipeline(): Promise<Machine & Result> {
  const cache = join(import.meta.dirname, "../.cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "bench-"));
  try {
    const { answers, sizeBytes } = await runSimulate({ seed: 1, records: RECORDS, out: join(folder, "input") });
    const input = { records: answers.records, files: answers.files, bytes: sizeBytes };
    const base = await measure(folder, []);
    const many = HAS_PUBLIC_DATA ? await measure(folder, [writePublicRules(folder)]) : null;
    return { ...describeMachine("pipeline"), input, base, many };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A line a stage, and how both sides compare. */
function toTable({ rules, stageUs, cpuUs, referenceRecordsS, speed }: Cost): string {
  const rows: [string, number][] = [
    ...Object.entries(stageUs),
    ["reference", round(1e6 / referenceRecordsS, 2)],
    ["CPU, main thread", cpuUs.thread],
    ["CPU, all threads", cpuUs.all],
    ["CPU, reference", cpuUs.reference],
  ];
  const lines = rows.map(([name, us]) => `  ${name.padEnd(17)}${us.toFixed(2).padStart(7)} µs a record`);
  return [`${rules}: ${speed} × the speed of the reference`, ...lines, ""].join("\n");
}

if (import.meta.main) {
  const result = await benchPipeline();
  for (const cost of [result.base, result.many]) if (cost !== null) process.stderr.write(toTable(cost));
  print(result);
}
