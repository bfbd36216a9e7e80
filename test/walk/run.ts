/**
 * npm run walk -- [--no-kafka]
 *
 * Walks through everything that befalls a daemon (walk.ts), with every type of sink at once, Kafka where Java is, and a
 * full disk where this user may mount; prints step by step what was seen. Exit code 1 when a step did not see what it must.
 */
import { inspect } from "node:util";
import { readFlags } from "../support/flags.ts";
import { findJava } from "../support/kafka/place.ts";
import { mayMount } from "./place.ts";
import { walk } from "./walk.ts";

const HELP = `usage: npm run walk -- [--no-kafka]
Walks through attacks, restart, kill, outages and a full disk with every type of sink, some minutes. Exit code 1: a step did not see what it must.`;
const values = readFlags(HELP, { "no-kafka": { type: "boolean", default: false } });
const kafka = !values["no-kafka"] && !("missing" in findJava());
const disk = mayMount();
if (!kafka) process.stderr.write("no Java: without Kafka\n");
if (!disk) process.stderr.write("no right to mount: the disk is not filled\n");
let steps = 0;
let fromMs = performance.now();
try {
  await walk({ kafka, disk }, ({ name, seen }) => {
    steps += 1;
    const seconds = ((performance.now() - fromMs) / 1000).toFixed(1);
    fromMs = performance.now();
    process.stdout.write(`${steps}. ${name} (${seconds} s)\n${seen.map((line) => `   ${line}\n`).join("")}\n`);
  });
  process.exit(0);
} catch (error) {
  process.stderr.write(`step ${steps + 1}: ${inspect(error)}\n`);
  process.exit(1);
}
