/**
 * docs/permissions.md: how to use doctor and its policy, and the table of actions by type, from what each type declares.
 */
import { needsOf } from "../../src/commands/doctor/adapters.ts";
import { parseConfig } from "../../src/config/load.ts";
import { ADAPTERS } from "../../src/config/registries.ts";
import { table } from "./table.ts";

const QUEUE = "https://sqs.eu-west-1.amazonaws.com/111122223333/QUEUE";
const REGION = { region: "eu-west-1" };
const IAM = { mechanism: "aws-msk-iam", ...REGION };
const REGIONS = { regions: ["eu-west-1"] };

/** Settings of each type, as short as they can be. */
const EXAMPLES = {
  sources: [
    { type: "sqs-eventbridge", ...REGION, queue: QUEUE, canary: "5m" },
    { type: "sqs-s3", ...REGION, queue: QUEUE, trails: [{ bucket: "BUCKET" }] },
    { type: "bedrock-log", ...REGION, queue: QUEUE, logs: [{ bucket: "BUCKET" }] },
    { type: "cloudtrail-lookup", ...REGIONS },
    { type: "guardduty", ...REGIONS },
    { type: "kinesis", ...REGION, stream: "arn:aws:kinesis:eu-west-1:111122223333:stream/STREAM" },
    { type: "cost" },
    { type: "kafka", brokers: ["BROKER:9098"], topics: ["TOPIC"], tls: {}, sasl: IAM },
  ],
  sinks: [
    { type: "kafka", brokers: ["BROKER:9098"], topic: "TOPIC", tls: {}, sasl: IAM },
    { type: "kafka", brokers: ["BROKER:9098"], topic: "TOPIC", tls: {}, sasl: IAM },
    { type: "eventbridge", ...REGION, bus: "BUS" },
    { type: "security-hub", ...REGION, account: "111122223333" },
    { type: "sns", ...REGION, topic: "arn:aws:sns:eu-west-1:111122223333:TOPIC" },
    { type: "sqs", ...REGION, queue: QUEUE },
  ],
} as const;

/** The page. Fails when a type that needs something has no example here: `doctor` would know it and the page not. */
export function makePermissionPage(): string {
  const rows = (["sources", "sinks"] as const).flatMap((list) => {
    const known = new Set<string>(EXAMPLES[list].map(({ type }) => type));
    const lacks = Object.entries(ADAPTERS[list]).filter(([type, entry]) => "needs" in entry && !known.has(type));
    if (lacks.length > 0)
      throw new Error(`docs/permissions.md has no example of ${lacks.map(([type]) => type).join(", ")}`);
    return EXAMPLES[list].flatMap((item) => toRows(list, item));
  });
  return `${[
    "# Permissions",
    "",
    "What Sagewatch may do in AWS is what its configuration needs and nothing else: it reads queues, files, events, findings and costs, and sends alerts. It never changes a trail, a detector, a bucket or a log; on a queue that it reads it puts a harmless event of its own only where `canary` is set.",
    "",
    "## Before the first start",
    "",
    "1. `sagewatch doctor --policy --config FILE` prints one JSON object, from the configuration alone and without a call: `policy` for the identity that Sagewatch runs as, and for each role that it assumes `role`, `account`, `policy` and `trust`. `--principal ARN` puts the identity into the trust; the external id of the configuration is its condition.",
    "2. Attach them: `sagewatch doctor --policy | jq .policy > policy.json`, then `aws iam put-role-policy --role-name NAME --policy-name sagewatch --policy-document file://policy.json`. With several `profile`s the identities share what `policy` says.",
    "3. `sagewatch doctor` tries it. Each line is OK, FAIL with how to mend it, or NOT TRIED with why; exit code 1 when something failed, `--json` for tools. A check takes at most 10 s; all run side by side.",
    "",
    "## What doctor does",
    "",
    makeCheckTable(),
    "",
    "## Actions by type",
    "",
    "ARNs are as narrow as the settings allow. `*` stands where they do not say: the account of the credentials (name a role or an ARN), the id of a detector or of a key (put its ARN in the policy's place where you know it). `kms` actions hold through the service only (`kms:ViaService`), and are needed only where a key of yours encrypts; leave them out elsewhere. A `sqs-s3` source without `trails` gets `s3:GetObject` on `AWSLogs/*` of any bucket: name `trails`. Kafka needs them with `sasl.mechanism: aws-msk-iam` only; the first two `*` of a topic or group are the name and the id of the cluster: put them in their place. With `role`, the type's actions go to the role, and the own identity gets `sts:AssumeRole` on it.",
    "",
    table(["type", "action", "on", "condition", "for"], rows),
  ].join("\n")}\n`;
}

/** What doctor does and leaves. */
function makeCheckTable(): string {
  return table(
    ["check", "what is done", "not tried"],
    [
      [
        "configuration, state folder, disk, rules, http port",
        "read, write and remove one file in a folder that is there, look at the file system and its room, load the rules, listen for a moment",
        "",
      ],
      [
        "credentials, role, clock",
        "`sts:GetCallerIdentity`, also as each role; the date of the answer against the clock (more than 30 s fails)",
        "",
      ],
      [
        "queue of a source",
        "`sqs:GetQueueAttributes`; deleting and extending with a receipt handle that no message has, which SQS refuses after it has allowed the action",
        "`sqs:ReceiveMessage`: it hides messages and counts towards the dead-letter queue",
      ],
      [
        "bucket (`trails`)",
        "one key below the prefix, the first byte of that object",
        "objects, while there are none, or without `trails`",
      ],
      [
        "`cloudtrail-lookup`, `guardduty`",
        "one event; the detector, its state and frequency, one finding",
        "`guardduty:GetFindings`, while there is no finding",
      ],
      [
        "`cost`",
        "yesterday's costs in one sum, and one anomaly: two paid calls, $0.02, beside the source's budget",
        "pages and groups, which take more calls",
      ],
      ["stream of `kinesis`", "the stream, its shards, the oldest records of one shard", ""],
      [
        "`eventbridge`, `security-hub`, `sns`, `sqs` sinks",
        "the identity; of `eventbridge` the bus (`events:DescribeEventBus`)",
        "the sending: it would start playbooks and wake people. A daemon without the action logs `sink_down` with `aws_denied`",
      ],
      [
        "`kafka` source and sink",
        "connects, logs in, asks for the topics' partitions; the source also where they begin and end, and who is in its group",
        "reading and writing; the group is not joined",
      ],
      [
        "`webhook`, `splunk-hec`, `elastic`, `pagerduty`, `slack`",
        "TCP and TLS connection to an allowed address",
        "the request, so key and path",
      ],
    ],
  );
}

function toRows(list: "sources" | "sinks", item: { readonly type: string }): readonly string[][] {
  const { config } = parseConfig(JSON.stringify({ [list]: [item] }), { adapters: ADAPTERS, path: null });
  return needsOf(config).map(({ action, resource, condition, why }) => [
    `\`${item.type}\` ${list === "sources" ? "source" : "sink"}`,
    `\`${action}\``,
    `\`${resource}\``,
    condition === undefined ? "none" : `\`${JSON.stringify(condition)}\``,
    why,
  ]);
}
