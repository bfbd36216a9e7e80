/**
 * The `kinesis` source: the records of a Kinesis data stream.
 *
 * A stream's record carries CloudTrail records or EventBridge envelopes, one or several, plain or gzip, or what CloudWatch
 * Logs hands to a subscription; what the Kinesis Producer Library packed is taken apart. Each shard is read in order, those
 * that came of a split or a merge after those before them. Positions are sequence numbers in the daemon's own commit, so a
 * restart goes on behind the last record that was committed. Records that the stream no longer holds are told as a gap.
 * Live; it never ends but by an abort, and only a stream that does not exist is an error.
 */
import type { Source } from "../contracts.ts";
import { LOGSOURCES } from "../model/event.ts";
import { createStreamAws } from "./kinesis/client.ts";
import { kinesisNeeds, kinesisProbes } from "./kinesis/needs.ts";
import { readStream } from "./kinesis/read.ts";
import { type KinesisConfig, kinesisSchema } from "./kinesis/settings.ts";
import { createRecordScanners } from "./records/batches.ts";
import type { SourceDeps, SourceType } from "./settings.ts";
import { withRareWarnings } from "./sqs/settings.ts";

/** Makes the source. Errors by code, from `read`: aws_missing (no such stream), config_invalid (see toRole). */
export function createKinesis(config: KinesisConfig, given: SourceDeps): Source {
  const deps = withRareWarnings(given);
  return {
    name: config.name,
    logsources: LOGSOURCES,
    timing: { mode: "live", latenessMs: config.lateness, idleMs: config.idle, followMs: null },
    read: (positions, signal) => {
      const aws = createStreamAws(config, deps.clock);
      const scanners = createRecordScanners(deps.limits);
      return readStream({ config, deps, aws, positions, scanners }, signal);
    },
  };
}

/** The registry's entry. */
export const kinesisSource: SourceType<KinesisConfig> = {
  schema: kinesisSchema,
  create: createKinesis,
  needs: kinesisNeeds,
  probes: kinesisProbes,
};
