/**
 * A process that commits units until it is stopped: writer.ts DIR CHECKPOINT_PAGES COUNT.
 *
 * It goes on after the unit that the folder holds last. Prints "open", then the number of units it knows to be committed
 * after each commit, or an error as JSON. Ends with code 1 after an error, and waits for a signal when COUNT is reached.
 */
import { writeSync } from "node:fs";
import { setInterval } from "node:timers";
import type { SagewatchError } from "../../src/model/errors.ts";
import { openStore } from "../../src/store/store.ts";
import { clockAt, countUnits, dump, makeUnit } from "./make.ts";

const [dir = "", pages = "0", count = "0"] = process.argv.slice(2);
const say = (text: string): void => void writeSync(1, `${text}\n`);

let held = 0;
try {
  const store = openStore({
    dir,
    clock: clockAt,
    engine: "0.1.0",
    limits: { reserveBytes: 0, checkpointPages: Number(pages) },
  });
  held = countUnits(store);
  say("open");
  try {
    while (held < Number(count)) {
      store.commit(makeUnit(held));
      held += 1;
      say(String(held));
    }
  } catch (error) {
    // The store must stay readable after a failed commit; what it still says is judged by the parent.
    say(
      JSON.stringify({
        code: (error as SagewatchError).code,
        held,
        readable: dump(store).length > 0 && countUnits(store) === held,
      }),
    );
    process.exitCode = 1;
  }
} catch (error) {
  say(JSON.stringify({ code: (error as SagewatchError).code, message: (error as Error).message }));
  process.exitCode = 1;
}
if (process.exitCode === undefined) setInterval(() => undefined, 60_000);
