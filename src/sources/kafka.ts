/**
 * The `kafka` source: records that somebody puts into topics of Kafka or MSK, all partitions of them.
 *
 * A message carries what a queue would: a CloudTrail record, a page of them, an EventBridge envelope, a GuardDuty finding. How
 * far each partition was read is committed with what it brought and stands in no consumer group, so that a restart goes on
 * exactly there. A group of the source's own has one reader: whoever comes second ends with an error. What the brokers deleted
 * before it was read is an alert. Live; it never ends but by an abort.
 */
import type { Source } from "../contracts.ts";
import { LOGSOURCES } from "../model/event.ts";
import { kafkaSourceNeeds, kafkaSourceProbes } from "./kafka/needs.ts";
import { readTopics } from "./kafka/read.ts";
import { type KafkaSourceConfig, kafkaSourceSchema } from "./kafka/settings.ts";
import { createRecordScanners } from "./records/batches.ts";
import type { SourceDeps, SourceType } from "./settings.ts";
import { withRareWarnings } from "./sqs/settings.ts";

export type { KafkaSourceConfig };

/** Makes the source. Errors by code, from `read`: kafka_missing, kafka_denied, kafka_fenced, config_invalid (see toRole). */
export function createKafkaSource(config: KafkaSourceConfig, given: SourceDeps): Source {
  const deps = withRareWarnings(given);
  return {
    name: config.name,
    logsources: LOGSOURCES,
    timing: { mode: "live", latenessMs: config.lateness, idleMs: config.idle, followMs: null },
    read: (positions, signal) =>
      readTopics({ config, deps, positions, scanners: createRecordScanners(deps.limits) }, signal),
  };
}

/** The registry's entry. */
export const kafkaSource: SourceType<KafkaSourceConfig> = {
  schema: kafkaSourceSchema,
  create: createKafkaSource,
  needs: kafkaSourceNeeds,
  probes: kafkaSourceProbes,
};
