/**
 * What the source needs of AWS (with log-in by IAM only), and what `sagewatch doctor` tries: connecting, logging in, where
 * the logs begin and end, and who is in the group. Nothing is read, and the group is not joined.
 */
import type { Need } from "../../aws/needs.ts";
import { kafkaNeeds } from "../../kafka/needs.ts";
import type { Finding, Probe, ProbeBy } from "../../model/probe.ts";
import { readFault, toTopicError } from "./faults.ts";
import { groupOf, type KafkaSourceConfig } from "./settings.ts";

/** Needs of the source. Errors by code: config_invalid (see toRole). */
export function kafkaSourceNeeds(config: KafkaSourceConfig): readonly Need[] {
  return kafkaNeeds(config, { does: "read", topics: config.topics, group: groupOf(config) });
}

/** The probe of the source. */
export function kafkaSourceProbes(config: KafkaSourceConfig): readonly Probe[] {
  return [{ name: `source ${config.name}: topics`, run: (by) => probeTopics(config, by) }];
}

async function probeTopics(config: KafkaSourceConfig, { clock, signal }: ProbeBy): Promise<Finding> {
  const { createConnection } = await import("../../kafka/connection.ts");
  const { brokers, topics } = config;
  let destroy = (): void => undefined;
  try {
    const connection = createConnection(config, clock);
    destroy = connection.destroy;
    signal.addEventListener("abort", destroy, { once: true });
    const admin = connection.kafka.admin();
    await admin.connect();
    const found: string[] = [];
    for (const topic of topics) {
      const offsets = await admin.fetchTopicOffsets(topic).catch((error: unknown) => {
        throw toTopicError(error, topic);
      });
      const records = offsets.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0);
      found.push(`${topic} has ${offsets.length} partitions, ${records} records`);
    }
    const { groups } = await admin.describeGroups([groupOf(config)]);
    const members = groups[0]?.members.length ?? 0;
    return {
      status: "ok",
      did: `connected; ${found.join("; ")}. Nothing was read`,
      notes: [
        ...(members === 0 ? [] : [`the group ${groupOf(config)} has a member: a second one would be refused`]),
        "Read on the topics was not tried; a running daemon ends at the start when it is denied",
      ],
    };
  } catch (error) {
    const { text, code } = readFault(error, config);
    const mend = "check `brokers`, the network, `tls` and `sasl` (docs/kafka.md)";
    return {
      status: "fail",
      did: `connecting to ${brokers.join(", ")}: ${text}`,
      mend: code === null ? mend : "see what it says",
    };
  } finally {
    destroy();
  }
}
