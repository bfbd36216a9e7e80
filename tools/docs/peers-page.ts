/** docs/peers.md: what the emulators of AWS are held to, and where each is known not to behave as AWS does. */
import { DIFFERENCES } from "../../test/peers/differences.ts";
import { PEERS } from "../../test/support/peers/install.ts";
import { table } from "./table.ts";

export function makePeersPage(): string {
  const rows = DIFFERENCES.map(({ behaviour, world, what }) => [`\`${world}\``, behaviour, what]);
  const { ministack, moto } = PEERS;
  return `# Emulators of AWS, held against each other

For contributors. The tests of AWS sources and sinks run over emulators and fakes that \`npm test\` starts by itself ("own" below: fauxqs
for SQS, SNS and S3, kinesis-local, and \`test/fakes\` for the rest). None of them is AWS. So that a mistake of theirs is not taken
for AWS, \`npm run test:peers\` runs one suite of behaviours of our sources and sinks (\`test/peers/behaviours\`) over them and over two
emulators that others wrote: MiniStack ${ministack.version} and moto ${moto.version}.

\`\`\`
npm run test:peers                       all behaviours over all emulators: about a minute and a half
npm run test:peers -- -t 'moto.*kinesis' some of them
\`\`\`

- The first run fetches both, Python packages by the versions and hashes in \`test/support/peers/*.lock\`, into the cache of the user
  (\`SAGEWATCH_TEST_CACHE\`, else \`~/.cache/sagewatch-test\`). It needs Python 3.10 or newer with \`venv\`. Nothing else of the machine changes.
- One that cannot be fetched is skipped by name with the reason, and the exit code is 3; with \`CI=true\` that is a failure.
- \`npm test\` runs the same behaviours over our own emulators alone.
- The policy of \`sagewatch doctor --policy\` is proven against our fakes, which refuse each action outside it
  (\`test/commands/doctor/permissions.test.ts\`); it was not yet run against an IAM that others wrote.

## Known differences

Each row is held to: the behaviour must fail there, as the entry in \`test/peers/differences.ts\` says. When a new version mends one, the suite
turns red until the row is taken out; when a new version breaks something else, it turns red too.

${table(["Where", "Behaviour", "What is other than on AWS"], rows)}

What the emulators do not agree on and AWS's reference does not say is not among the behaviours: PutEvents to a bus that is not there
(MiniStack takes the entries, moto and our fake refuse the call).
`;
}
