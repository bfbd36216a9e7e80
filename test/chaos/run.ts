/**
 * npm run chaos -- --runs N [--seed S] [--sources aws] [--break ack-first|no-hold|split-commit|part-pieces]
 *
 * Runs the chaos test N times in each mode and prints one JSON line. Exit code 1 when anything was lost, spurious or wrong;
 * with --break, when nothing was. With --sources aws the daemons read an EventBridge queue, S3 and a Kafka topic. With --kafka the daemons also send to a real broker, and its topic is judged as well.
 */
import { availableParallelism } from "node:os";
import { readFlags, refuseFlags } from "../support/flags.ts";
import { useKafka, whyNoKafka } from "../support/kafka/find.ts";
import { PLANTED_CREDENTIALS } from "../support/secrets.ts";
import { BREAKS } from "./plan.ts";
import { FULL, runAll, toRuns } from "./summary.ts";

const HELP = `usage: npm run chaos -- [--runs N] [--seed S] [--kafka] [--sources files|aws] [--break ${BREAKS.join("|")}]
Kills the daemon at bad moments in N runs (10) of each mode and judges what came out; one JSON line. Exit code 1: something was lost, spurious or wrong; with --break: nothing was.`;
const values = readFlags(HELP, {
  runs: { type: "string", default: "10" },
  seed: { type: "string", default: "1" },
  break: { type: "string" },
  kafka: { type: "boolean", default: false },
  sources: { type: "string", default: "files" },
});
const broken = BREAKS.find((name) => name === values.break) ?? null;
if (values.break !== undefined && broken === null)
  refuseFlags(`--break ${values.break}: use one of ${BREAKS.join(", ")}`, HELP);
const sources = (["files", "aws"] as const).find((name) => name === values.sources);
if (sources === undefined) refuseFlags(`--sources ${values.sources}: use files or aws`, HELP);
if (sources === "aws") Object.assign(process.env, PLANTED_CREDENTIALS);
const needsKafka = values.kafka || sources === "aws";
// An ordinary end removes the folders of the runs; the daemons end with the pipes to them.
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const)
  process.on(signal, () => process.exit(code));
const why = needsKafka ? await whyNoKafka("any") : null;
if (why !== null) {
  console.error(`--${sources === "aws" ? "sources aws" : "kafka"}: ${why}`);
  process.exit(3);
}
const kafka = needsKafka ? await useKafka() : null;
const options = { kafka, sources, runs: Number(values.runs), seed: values.seed, break: broken, size: FULL };
const { problems, ...summary } = await runAll(toRuns(options), availableParallelism());
await kafka?.stop();
for (const problem of problems.slice(0, 20)) console.error(problem.slice(0, 600));
console.log(JSON.stringify(summary));
const isClean = summary.lost + summary.spurious + summary.wrong === 0;
process.exit(isClean === (broken === null) ? 0 : 1);
