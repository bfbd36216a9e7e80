/**
 * A program of its own for tests of memory and speed: reads paths through the file source, as the pipeline would, and
 * prints {records, rejected, bytes, elapsedMs, maxRssBytes, liveBytes} as one line of JSON. With --decode each record is
 * decoded too. With node --expose-gc, `liveBytes` is the most memory that was really in use.
 */
import { decoders } from "../../src/decode/registry.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { createSource, sourceRegistry } from "../../src/sources/registry.ts";
import { LIMITS } from "./records.ts";

const args = process.argv.slice(2);
const paths = args.filter((arg) => !arg.startsWith("--"));
const config = sourceRegistry.file.schema.parse({ type: "file", paths, mode: "once" });
let bytes = 0;
const source = createSource(config, {
  clock: systemClock,
  limits: LIMITS,
  warn: (text) => process.stderr.write(`${text}\n`),
  onProgress: ({ doneBytes }) => {
    bytes = doneBytes;
  },
});
const begunMs = systemClock.monotonicMs();
let [records, rejected, batches, liveBytes] = [0, 0, 0, 0];
for await (const batch of source.read(new Map(), new AbortController().signal)) {
  const { kind, chunk, offsets } = batch;
  records += offsets.length / 2;
  rejected += batch.rejected.length;
  for (let at = 0; args.includes("--decode") && at < offsets.length; at += 2) {
    decoders[kind].decode(chunk.subarray(offsets[at], offsets[at + 1]), { nowMs: null, duplicateKeys: false });
  }
  batch.settle();
  batches += 1;
  if (globalThis.gc === undefined || batches % 10 !== 0) continue;
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  liveBytes = Math.max(liveBytes, heapUsed + external);
}
const elapsedMs = Math.round(systemClock.monotonicMs() - begunMs);
const maxRssBytes = process.resourceUsage().maxRSS * 1024;
process.stdout.write(`${JSON.stringify({ records, rejected, bytes, elapsedMs, maxRssBytes, liveBytes })}\n`);
