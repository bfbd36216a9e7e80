/**
 * npm run test:deploy: fetches the programs that check deploy/ and the Dockerfile, then runs test/deploy with them.
 *
 *   npm run test:deploy [-- --wheels]     --wheels: only fetch those that take seconds, and run nothing
 *
 * Once fetched they stay in the cache of this user, and `npm test` uses them too. The first time takes about three
 * minutes, most of it to build Helm. Exit code: 0 passed, 1 a test failed, 3 a program cannot be had, so that its tests
 * are skipped.
 */
import { spawnSync } from "node:child_process";
import { fetchProgram, type ProgramName, PROGRAMS } from "../test/support/deploy/programs.ts";

const CANNOT_RUN = 3;
const wheelsOnly = process.argv.includes("--wheels");

let lacks = 0;
for (const name of Object.keys(PROGRAMS) as ProgramName[]) {
  if (wheelsOnly && PROGRAMS[name].by !== "pip") continue;
  const found = fetchProgram(name);
  if ("missing" in found) lacks += 1;
  process.stderr.write(`deploy: ${"missing" in found ? found.missing : `${name} ${PROGRAMS[name].version}`}\n`);
}
const vitest = ["node_modules/vitest/vitest.mjs", "run", "--configLoader", "native", "test/deploy"];
const status = wheelsOnly ? 0 : spawnSync(process.execPath, vitest, { stdio: "inherit" }).status;
process.exitCode = status !== 0 ? 1 : lacks > 0 ? CANNOT_RUN : 0;
