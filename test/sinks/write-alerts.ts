/**
 * A process that writes alerts with the file sink, for tests that kill it or limit its disk.
 *
 *   node write-alerts.ts PATH [COUNT…]      each COUNT is one send of so many alerts; none: sends of 40 without end
 *
 * Prints the status and code of each send, one line each, only after the sink answered it.
 */
import { createFileSink, fileSink } from "../../src/sinks/file.ts";
import { item } from "../contracts/alert-items.ts";

const [path = "", ...counts] = process.argv.slice(2);
const sink = createFileSink(fileSink.schema.parse({ type: "file", path, maxBytes: 2 ** 30, keep: 1 }), {
  version: "0.1.0",
});
let number = 0;
for (let round = 0; counts.length === 0 || round < counts.length; round += 1) {
  const items = Array.from({ length: Number(counts[round] ?? 40) }, () => item((number += 1)));
  const [first] = await sink.send(items, new AbortController().signal);
  const code = first === undefined || first.status === "accepted" ? "" : ` ${first.code}`;
  process.stdout.write(`${first?.status}${code} ${number}\n`);
}
await sink.close();
