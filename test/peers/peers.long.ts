/** MiniStack and moto, held to the behaviours that our own emulators are held to: npm run test:peers. */
import { fetchPeer, PEERS, type PeerName } from "../support/peers/install.ts";
import { holdToBehaviours } from "./suite.ts";

const isCi = !["", "0", "false"].includes(process.env["CI"] ?? "");

for (const name of Object.keys(PEERS) as PeerName[]) {
  const found = fetchPeer(name);
  // As the Kafka tests: a run that must be whole does not pass over what it lacks.
  if ("missing" in found && isCi) throw new Error(`CI=true and the tests of ${name} cannot run: ${found.missing}`);
  holdToBehaviours(name, "missing" in found ? found.missing : null);
}
