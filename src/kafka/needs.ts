/**
 * What log-in by IAM needs of AWS: actions on an MSK cluster, its topics and groups. Pure.
 *
 * The settings do not say the cluster's name and account: they are "*" in the ARNs.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_apachekafkaapisforamazonmskclusters.html
 */
import { accountOf, type Need, toArn, toCaller, withCaller } from "../aws/needs.ts";
import type { KafkaSettings } from "./settings.ts";

/** What is done there: one of reading and writing. */
export type KafkaUse =
  | { readonly does: "read"; readonly topics: readonly string[]; readonly group: string }
  | { readonly does: "write"; readonly topic: string };

/** Needs of a connection; none without log-in by IAM. Errors by code: config_invalid (see toRole). */
export function kafkaNeeds({ sasl }: Pick<KafkaSettings, "sasl">, use: KafkaUse): readonly Need[] {
  if (sasl?.mechanism !== "aws-msk-iam" || sasl.region === undefined) return [];
  const { region } = sasl;
  const caller = toCaller({ ...sasl, region }, null);
  const at = { service: "kafka", region, account: accountOf(caller) };
  const cluster = toArn(at, "cluster/*/*");
  const connect = { action: "kafka-cluster:Connect", resource: cluster, why: "to log in to the brokers" };
  return withCaller(caller, [connect, ...(use.does === "read" ? toReading(use, at) : toWriting(use, { at, cluster }))]);
}

type At = Parameters<typeof toArn>[0];

function toReading({ topics, group }: Extract<KafkaUse, { does: "read" }>, at: At): readonly Omit<Need, "by">[] {
  const members = toArn(at, `group/*/*/${group}`);
  return [
    ...topics.flatMap((topic) => [
      {
        action: "kafka-cluster:DescribeTopic",
        resource: toArn(at, `topic/*/*/${topic}`),
        why: "to find the partitions",
      },
      { action: "kafka-cluster:ReadData", resource: toArn(at, `topic/*/*/${topic}`), why: "to read the records" },
    ]),
    { action: "kafka-cluster:DescribeGroup", resource: members, why: "to find the coordinator of the group" },
    { action: "kafka-cluster:AlterGroup", resource: members, why: "to be the one member of the group" },
  ];
}

function toWriting(
  { topic }: Extract<KafkaUse, { does: "write" }>,
  { at, cluster }: { readonly at: At; readonly cluster: string },
): readonly Omit<Need, "by">[] {
  const resource = toArn(at, `topic/*/*/${topic}`);
  return [
    { action: "kafka-cluster:DescribeTopic", resource, why: "to find the partitions" },
    { action: "kafka-cluster:WriteData", resource, why: "to send alerts" },
    { action: "kafka-cluster:WriteDataIdempotently", resource: cluster, why: "to send each alert once" },
  ];
}
