#!/usr/bin/env node
/**
 * The process: arguments in, exit code out.
 *
 * The first SIGTERM or SIGINT asks the command to finish what is in flight (a drained stop exits with 0), a second one
 * ends at once. A reader of standard output that has left asks for the same, with the failed write as the reason: each
 * command knows what that means for it. The only place that ends the process. Object.prototype is frozen before anything
 * is read, so that no record can put a property on it (the threat model's "prototype pollution").
 */
import { runProgram } from "./commands/program.ts";
import { isReaderGone } from "./ops/terminal.ts";

const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const;
/** As a shell reports a process that a signal ended. */
const SIGNAL_BASE = 128;

// Packages assign a toString to prototypes of their own while they load, which an inherited property that cannot be
// written forbids. As accessors it makes a property of theirs, and stays what it is on Object.prototype.
const plainText = Reflect.get(Object.prototype, "toString") as unknown;
Reflect.defineProperty(Object.prototype, "toString", {
  get: () => plainText,
  set(this: object, value: unknown) {
    if (this === Object.prototype) throw new TypeError("Object.prototype is frozen");
    Object.defineProperty(this, "toString", { value, writable: true, enumerable: true, configurable: true });
  },
});
Object.freeze(Object.prototype);

const stop = new AbortController();
let isAsked = false;
for (const [name, code] of Object.entries(SIGNALS)) {
  process.on(name, () => {
    if (isAsked) process.exit(SIGNAL_BASE + code);
    isAsked = true;
    stop.abort();
  });
}
process.stdout.on("error", (error) => {
  if (isReaderGone(error)) stop.abort(error);
});
process.stderr.on("error", () => undefined);

process.exit(
  await runProgram(process.argv.slice(2), { stdout: process.stdout, stderr: process.stderr, signal: stop.signal }),
);
