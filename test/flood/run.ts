/**
 * npm run flood -- [--keys N] [--cap MIB]
 *
 * Floods the detector with N made-up principals (default 10,000,000) around one slow attack, under the default cap of 512
 * MiB, and prints one JSON line. Exit code 1 when the attack went unseen, the memory was not kept, or something went untold.
 */
import { readFlags, refuseFlags } from "../support/flags.ts";
import { judge, startFlood } from "./start.ts";

const HELP = `usage: npm run flood -- [--keys N] [--cap MIB]
N made-up principals (10000000; at least 1000) around one slow attack, under a cap of MIB (512; at least 16); one JSON line. Exit code 1: the attack went unseen, or the memory was not kept.`;
const values = readFlags(HELP, {
  keys: { type: "string", default: "10000000" },
  cap: { type: "string", default: "512" },
});
const [keys, capMib] = [Number(values.keys), Number(values.cap)];
if (!Number.isInteger(keys) || keys < 1000 || !(capMib >= 16)) refuseFlags("A number is wrong.", HELP);
const flooded = await startFlood(keys, capMib * 1024 ** 2);
process.stdout.write(`${JSON.stringify(flooded)}\n`);
const problems = judge(flooded, 0);
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.exit(problems.length === 0 ? 0 : 1);
