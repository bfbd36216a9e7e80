/**
 * Preload (`--import`) that makes the wall clock of its process a wrong one: $CLOCK_FILE says, at the start and whenever
 * SIGUSR2 comes, by how many ms it is off, or that it is `frozen`; what is in force stands in $CLOCK_FILE.taken. With
 * $CLOCK_RATE it goes so many times as fast from the start on. Monotonic time and timers run on, as they do where somebody
 * sets a machine's clock.
 */
import { readFileSync, writeFileSync } from "node:fs";

const TrueDate = globalThis.Date;
const path = process.env["CLOCK_FILE"];
const rate = Number(process.env["CLOCK_RATE"] ?? 1);
const startMs = TrueDate.now();
let shiftMs = 0;
let frozenMs: number | null = null;
const now = (): number => frozenMs ?? startMs + (TrueDate.now() - startMs) * rate + shiftMs;
const read = (file: string): void => {
  const said = readFileSync(file, "utf8");
  if (said === "frozen") frozenMs = now();
  else [frozenMs, shiftMs] = [null, Number(said)];
  writeFileSync(`${file}.taken`, said);
};
if (path !== undefined) {
  read(path);
  process.on("SIGUSR2", () => read(path));
}
globalThis.Date = new Proxy(TrueDate, {
  get: (target, name) => (name === "now" ? now : (Reflect.get(target, name) as unknown)),
  construct: (target, given: unknown[]) =>
    given.length === 0 ? new target(now()) : new target(...(given as [number])),
  apply: () => new TrueDate(now()).toString(),
});
