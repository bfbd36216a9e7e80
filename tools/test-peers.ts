/**
 * npm run test:peers: fetches MiniStack and moto, then holds them to the behaviours of our sources and sinks.
 *
 * Once fetched they stay in the cache of this user. The first time takes about half a minute more. Arguments go on to the
 * tests. Exit code: 0 passed, 1 a test failed, 3 a peer cannot be had, so that its tests are skipped (with CI=true they fail).
 */
import { spawnSync } from "node:child_process";
import { fetchPeer, PEERS, type PeerName } from "../test/support/peers/install.ts";

const CANNOT_RUN = 3;

let lacks = 0;
for (const name of Object.keys(PEERS) as PeerName[]) {
  const found = fetchPeer(name);
  if ("missing" in found) lacks += 1;
  process.stderr.write(`peers: ${"missing" in found ? found.missing : `${name} ${PEERS[name].version}`}\n`);
}
const vitest = [
  "node_modules/vitest/vitest.mjs",
  "run",
  "--configLoader",
  "native",
  "--config",
  "test/peers/long.config.ts",
];
const { status } = spawnSync(process.execPath, [...vitest, ...process.argv.slice(2)], { stdio: "inherit" });
process.exitCode = status !== 0 ? 1 : lacks > 0 ? CANNOT_RUN : 0;
