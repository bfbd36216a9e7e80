/**
 * npm run soak -- [--minutes N] [--rate N] [--seed N]
 *
 * Soaks a daemon for N minutes (default 10; 120 for a night) under N honest records a second (default 100) with attacks in
 * them, and prints one JSON line. Exit code 1 when something that must hold did not: soak.ts, judge.ts.
 */
import { readFlags, refuseFlags } from "../support/flags.ts";
import { judge } from "./judge.ts";
import { soak } from "./soak.ts";

const HELP = `usage: npm run soak -- [--minutes N] [--rate N] [--seed N]
A daemon under steady load for N minutes (10; at least 1), N records a second (100; at least 10); one JSON line. Exit code 1: something did not hold.`;
const values = readFlags(HELP, {
  minutes: { type: "string", default: "10" },
  rate: { type: "string", default: "100" },
  seed: { type: "string", default: "1" },
});
const [minutes, rate, seed] = [Number(values.minutes), Number(values.rate), Number(values.seed)];
if (!(minutes >= 1) || !Number.isInteger(rate) || rate < 10 || !Number.isInteger(seed))
  refuseFlags("A number is wrong.", HELP);
const options = {
  lengthMs: minutes * 60_000,
  rate,
  seed,
  kills: Math.min(20, Math.max(4, Math.round(minutes / 3))),
  faultEveryMs: 30_000,
  reloadEveryMs: 60_000,
};
const soaked = await soak(options, (word) => void process.stderr.write(`${word}\n`));
const { problems, ...figures } = judge(soaked, true);
process.stdout.write(`${JSON.stringify({ ...figures, problems: problems.length })}\n`);
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.exit(problems.length === 0 ? 0 : 1);
