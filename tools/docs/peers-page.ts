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
npm run test:peers                       all behaviours over all emulators: about four minutes, two of them the policy
npm run test:peers -- -t 'moto.*kinesis' some of them
\`\`\`

- The first run fetches both, Python packages by the versions and hashes in \`test/support/peers/*.lock\`, into the cache of the user
  (\`SAGEWATCH_TEST_CACHE\`, else \`~/.cache/sagewatch-test\`). It needs Python 3.10 or newer with \`venv\`. Nothing else of the machine changes.
- One that cannot be fetched is skipped by name with the reason, and the exit code is 3; with \`CI=true\` that is a failure.
- \`npm test\` runs the same behaviours over our own emulators alone.

## The policy

\`test/peers/permissions\` holds what \`sagewatch doctor --policy\` prints against MiniStack with \`AUTH=true\`, which checks signatures,
policies with resources and conditions, roles, their trust and external id. A daemon of every AWS source and sink, and doctor, run as a
user that has the printed policy and as the role that it names. So it is enough; and each action is taken out of each of its resources,
one at a time, after which the daemon (doctor, where a daemon asks in a rare hour only) must name it with \`aws_denied\`.

| Actions of | refused by | not seen there |
|---|---|---|
| \`sqs\`, \`s3\`, \`kinesis\`, \`sns\`, \`events\`, \`cloudtrail\`, \`sts\` | MiniStack | of a batch of SQS or SNS it asks for an action of the batch's own name, which IAM does not have (AWS asks for the [single action](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html), read 2026-11); of \`sns:Publish\`, \`events:DescribeEventBus\` and \`kinesis:GetRecords\` it does not see the resource; it has no ListPublicKeys, and checks whether it is allowed |
| \`guardduty\`, \`ce\`, \`securityhub\` | our fakes, by the actions of the same policies | resources |
| \`kms\`, \`kafka-cluster\` | nobody: no emulator asks for them | all: they are as AWS's references say |

\`npm test\` does the same over our fakes alone (\`test/commands/doctor/permissions.test.ts\`).

## Known differences

Each row is held to: the behaviour must fail there, as the entry in \`test/peers/differences.ts\` says. When a new version mends one, the suite
turns red until the row is taken out; when a new version breaks something else, it turns red too.

${table(["Where", "Behaviour", "What is other than on AWS"], rows)}

PutEvents to a bus that is not there is not among the behaviours: AWS and MiniStack take the entries and drop them, as our fake does; moto
refuses the call. The sink asks for the bus itself ([aws-sinks.md](aws-sinks.md#eventbridge-what-starts-a-playbook)).
`;
}
