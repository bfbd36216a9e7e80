/**
 * npm run outages -- [--minutes N] [--only NAME,NAME] [--side-by-side N]
 *
 * Takes each thing that the daemon talks to away for N minutes (default 10): refused, failing, silent and flapping, one
 * after the other (longer where something is asked too seldom for that); each under a daemon of its own, N of them at once (default 4). Prints one JSON line an outage. Exit
 * code 1 when something that the contract says did not hold: outage.ts, judge.ts.
 */
import { readFlags, refuseFlags } from "../support/flags.ts";
import { findJava } from "../support/kafka/place.ts";
import { judge } from "./judge.ts";
import { makeOutage, type Phase } from "./outage.ts";
import { TARGETS } from "./targets.ts";

const HELP = `usage: npm run outages -- [--minutes N] [--only NAME,NAME] [--side-by-side N]
Takes each thing that the daemon talks to away for N minutes (10), N of them at once (4); a JSON line each. Exit code 1: something did not hold. Names: ${Object.keys(TARGETS).join(", ")}`;
const values = readFlags(HELP, {
  minutes: { type: "string", default: "10" },
  only: { type: "string", default: "" },
  "side-by-side": { type: "string", default: "4" },
});
const [minutes, width] = [Number(values.minutes), Number(values["side-by-side"])];
const only = values.only.split(",").filter((name) => name !== "");
const unknown = only.filter((name) => TARGETS[name] === undefined);
if (!(minutes > 0) || !Number.isInteger(width) || width < 1 || unknown.length > 0)
  refuseFlags(unknown.length > 0 ? `Unknown: ${unknown.join(", ")}` : "A number is wrong.", HELP);
const java = findJava();
const names = Object.keys(TARGETS).filter((name) => only.length === 0 || only.includes(name));
const waiting = names.filter((name) => {
  const isMissing = TARGETS[name]?.needsJava === true && "missing" in java;
  if (isMissing) process.stderr.write(`${name} is left out: no Java\n`);
  return !isMissing;
});
/** The four ways, together so many minutes, and each long enough for the target to be asked in it. */
function toPhases(name: string): Phase[] {
  const least = TARGETS[name]?.leastMs ?? 0;
  const part = (share: number): number => Math.max(minutes * 60_000 * share, least);
  return [
    { mode: "refused", ms: part(0.4) },
    { mode: "failing", ms: part(0.3) },
    { mode: "silent", ms: part(0.2) },
    { mode: "flap", ms: part(0.1) },
  ];
}
let isAllWell = true;
async function work(): Promise<void> {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    const { problems, ...figures } = judge(
      await makeOutage({ targets: [name], phases: toPhases(name), recoverMs: 180_000, timeout: "10s" }),
    );
    process.stdout.write(`${JSON.stringify({ ...figures, problems: problems.length })}\n`);
    for (const problem of problems) process.stderr.write(`${name}: ${problem}\n`);
    isAllWell &&= problems.length === 0;
  }
}
await Promise.all(Array.from({ length: width }, work));
process.exit(isAllWell ? 0 : 1);
