/**
 * Preload (`--import`) that shifts the wall clock of its process: by as many ms as $CLOCK_FILE says, read at the start and
 * whenever SIGUSR2 comes; what is in force stands in $CLOCK_FILE.taken. Monotonic time and timers run on, as they do where somebody sets a machine's clock.
 */
import { readFileSync, writeFileSync } from "node:fs";

const TrueDate = globalThis.Date;
let shiftMs = 0;
const now = (): number => TrueDate.now() + shiftMs;
const readShift = (): void => {
  const path = process.env["CLOCK_FILE"] ?? "";
  shiftMs = Number(readFileSync(path, "utf8"));
  writeFileSync(`${path}.taken`, String(shiftMs));
};
readShift();
process.on("SIGUSR2", readShift);
globalThis.Date = new Proxy(TrueDate, {
  get: (target, name) => (name === "now" ? now : (Reflect.get(target, name) as unknown)),
  construct: (target, given: unknown[]) =>
    given.length === 0 ? new target(now()) : new target(...(given as [number])),
  apply: () => new TrueDate(now()).toString(),
});
