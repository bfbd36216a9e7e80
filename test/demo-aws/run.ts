/**
 * npm run demo -- --aws [--seed N] [--records N]
 *
 * The demo over AWS's own ways: a simulated company delivers a day by S3 and EventBridge to two SQS queues (emulators in
 * this process), and the daemon's whole pipeline reads the queues until they are empty and sends its alerts to a file and,
 * where Java is, to a Kafka broker, from which they are read back. Prints what was planted against what was found, and by
 * which ways it came. Exit code 1 when an attack was missed or an alert is not in the topic.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { printReport } from "../../src/commands/demo-report.ts";
import { toRules } from "../../src/commands/rules/rules.ts";
import { composeRun, type RunSummary } from "../../src/compose.ts";
import { openRules } from "../../src/compose/rules.ts";
import { parseConfig } from "../../src/config/load.ts";
import { ADAPTERS } from "../../src/config/registries.ts";
import type { Config } from "../../src/config/schema.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { Alert } from "../../src/model/alert.ts";
import { createProgress } from "../../src/ops/progress.ts";
import { toCount } from "../../src/ops/summary.ts";
import { type Terminal, remark } from "../../src/ops/terminal.ts";
import { type Answers, toAnswers } from "../../src/simulate/answers.ts";
import { ATTACK_NAMES } from "../../src/simulate/attacks/catalog.ts";
import { judge } from "../../src/simulate/attacks/judge.ts";
import { createSimulation, type Simulation } from "../../src/simulate/simulation.ts";
import { openViews } from "../../src/store/views.ts";
import { readFlags, refuseFlags } from "../support/flags.ts";
import { type Emulator, EMULATOR_CREDENTIALS, startEmulator } from "../fakes/emulator.ts";
import { BUCKET, deliver, type Queues } from "./company.ts";
import { openTopic, type Topic } from "./topic.ts";

const REGION = "eu-west-1";
const [HOUR_MS, SLOT_MS] = [3_600_000, 300_000];
const USAGE = "usage: npm run demo -- --aws [--seed N] [--records N]; N is a whole number, of records at least 1000";
const FLAGS = {
  aws: { type: "boolean" },
  seed: { type: "string", default: "1" },
  records: { type: "string", default: "20000" },
} as const;

/** The day that ended when the demo began, so that live sources take it as news. */
function toSimulation(seed: number, records: number): Simulation {
  const endMs = Math.floor(Date.now() / SLOT_MS) * SLOT_MS;
  return createSimulation({ seed, records, startMs: endMs - 24 * HOUR_MS, attacks: ATTACK_NAMES });
}

type Place = {
  readonly folder: string;
  readonly emulator: Emulator;
  readonly queues: Queues;
  readonly topic: Topic | null;
};

/** The configuration that a user would write, but for the emulator's address. */
function toConfig({ folder, emulator, queues, topic }: Place, answers: Answers): Config {
  const shared = { region: REGION, endpoint: emulator.endpoint, wait: "1s" };
  const wanted = {
    state: { dir: join(folder, "state") },
    sources: [
      { ...shared, type: "sqs-s3", name: "trail", queue: queues.trail.url },
      { ...shared, type: "sqs-eventbridge", name: "push", queue: queues.push.url },
    ],
    sinks: [
      { type: "file", name: "alerts", path: join(folder, "alerts.ndjson") },
      ...(topic === null ? [] : [{ type: "kafka", name: "topic", brokers: topic.brokers, topic: topic.name }]),
    ],
    accounts: Object.fromEntries(answers.accounts.map(({ id, name, env, owner }) => [id, { name, env, owner }])),
    http: { enabled: false },
    log: { level: "warn" },
    // A day passes in seconds here: each alert's last revision is due before the end.
    updateEvery: "1s",
  };
  return parseConfig(JSON.stringify(wanted), { path: null, adapters: ADAPTERS }).config;
}

/** Delivers the day while the daemon reads it, and ends the daemon once both queues are empty. */
async function watch(
  { place, config, simulation }: { place: Place; config: Config; simulation: Simulation },
  terminal: Terminal,
): Promise<RunSummary> {
  const { emulator, queues } = place;
  const progress = createProgress(terminal.stderr, "delivering and watching", systemClock);
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, terminal.signal]);
  const running = composeRun({ config, emit: () => undefined, signal });
  const begunMs = performance.now();
  try {
    const delivering = deliver(simulation, { emulator, queues, signal }, (share) => progress.show(share, "delivered"));
    const delivered = await Promise.race([delivering, running.then(() => delivering)]);
    for (;;) {
      const left = await Promise.all([emulator.counts(queues.trail), emulator.counts(queues.push)]);
      const messages = left.reduce((sum, { waiting, inFlight }) => sum + waiting + inFlight, 0);
      if (messages === 0 || signal.aborted) break;
      progress.show(1, `${toCount(messages)} messages left`);
      await sleep(200);
    }
    const seconds = ((performance.now() - begunMs) / 1000).toFixed(1);
    progress.end(
      `A day of ${toCount(delivered.records)} records in ${toCount(delivered.objects)} objects of S3, ${toCount(delivered.pushed)} of them by EventBridge too, delivered and read in ${seconds} s.`,
    );
  } finally {
    progress.end();
    stop.abort();
  }
  return running;
}

/** How many alerts came by which ways. */
function tellWays(config: Config, terminal: Terminal): void {
  const views = openViews(config.state.dir);
  const found = views.alerts({}).flatMap(({ id }) => views.alert(id) ?? []);
  views.close();
  const both = found.filter(({ paths }) => paths.length > 1).length;
  remark(
    terminal,
    `Ways: ${found.length} alerts, of which ${both} have events that came by S3 and by EventBridge; each stayed one alert.`,
  );
}

function isAllFound(config: Config, answers: Answers, alerts: readonly Alert[]): boolean {
  const rules = toRules(openRules(config, null, () => undefined).ruleSet);
  const fileOf = new Map(rules.map(({ id, place }) => [id, basename(place.file, ".yml")]));
  return judge(answers.attacks, alerts, fileOf).verdicts.every(({ missed }) => missed.length === 0);
}

async function demonstrate({ seed, records }: { seed: number; records: number }, terminal: Terminal): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "sagewatch-demo-aws-"));
  const emulator = await startEmulator();
  const topic = await openTopic(terminal);
  try {
    await emulator.createBucket(BUCKET);
    const queues = { trail: await emulator.createQueue("trail"), push: await emulator.createQueue("push") };
    const simulation = toSimulation(seed, records);
    const answers = toAnswers(simulation, { records, copies: 0, files: 0 });
    const place = { folder, emulator, queues, topic };
    const config = toConfig(place, answers);
    const summary = await watch({ place, config, simulation }, terminal);
    if (terminal.signal.aborted) return 0;
    mkdirSync(join(folder, "input"));
    writeFileSync(join(folder, "input", "answers.json"), `${JSON.stringify(answers, null, 2)}\n`);
    const views = openViews(config.state.dir);
    const alerts = views.alerts({}).toReversed();
    const quarantined = views.quarantine({ limit: 5 });
    views.close();
    await printReport({ zone: "UTC", config, summary, alerts, quarantined, answers, folder }, terminal);
    tellWays(config, terminal);
    const isDelivered = topic === null || (await topic.tell(alerts, terminal));
    return isDelivered && isAllFound(config, answers, alerts) ? 0 : 1;
  } finally {
    await topic?.close();
    await emulator.close();
    rmSync(join(folder, "state"), { recursive: true, force: true });
  }
}

// The first word is what tools/demo.mjs is told by.
const values = readFlags(USAGE, FLAGS, process.argv.slice(3));
const [seed, records] = [Number(values.seed), Number(values.records)];
if (!Number.isInteger(seed) || !Number.isInteger(records) || records < 1000) refuseFlags("A number is wrong.", USAGE);
process.env["AWS_ACCESS_KEY_ID"] = EMULATOR_CREDENTIALS.accessKeyId;
process.env["AWS_SECRET_ACCESS_KEY"] = EMULATOR_CREDENTIALS.secretAccessKey;
const end = new AbortController();
process.once("SIGINT", () => end.abort());
process.exit(
  await demonstrate({ seed, records }, { stdout: process.stdout, stderr: process.stderr, signal: end.signal }),
);
