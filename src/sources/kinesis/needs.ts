/**
 * What the `kinesis` source needs of AWS, and what is tried of it: the stream, its shards, and one record of one of them.
 *
 * Reading takes nothing away from a stream; a try counts as one of the 5 calls a second that a shard allows.
 */
import { accountOf, keyNeed, type Need, toArn, toCaller, withCaller } from "../../aws/needs.ts";
import { identityProbes, PROBE_LIMITS } from "../../aws/probes.ts";
import type { Finding, Probe, ProbeBy } from "../../model/probe.ts";
import { createStreamAws, openStream } from "./client.ts";
import { type KinesisConfig, parseStream } from "./settings.ts";

const HOUR_MS = 3_600_000;
/** Below it records of a weekend's outage are lost. */
const RETENTION_LEAST_MS = 72 * HOUR_MS;

/** Needs of reading a stream. Errors by code: config_invalid. */
export function kinesisNeeds(config: KinesisConfig): readonly Need[] {
  const { stream, region } = config;
  const { name, account } = parseStream(stream);
  const caller = toCaller(config, account);
  const resource = stream.startsWith("arn:")
    ? stream
    : toArn({ service: "kinesis", region, account: account ?? accountOf(caller) }, `stream/${name}`);
  return withCaller(caller, [
    { action: "kinesis:DescribeStreamSummary", resource, why: "to know how long the stream keeps records" },
    { action: "kinesis:ListShards", resource, why: "to find its shards, also when they are split or merged" },
    { action: "kinesis:GetShardIterator", resource, why: "to begin where the last commit was" },
    { action: "kinesis:GetRecords", resource, why: "to read the records" },
    keyNeed("kms:Decrypt", "kinesis", region),
  ]);
}

/** Probes of a stream. Errors by code: config_invalid. */
export function kinesisProbes(config: KinesisConfig): readonly Probe[] {
  return [
    ...identityProbes(config, parseStream(config.stream).account),
    { name: `source ${config.name}: stream`, run: (by) => probeStream(config, by) },
  ];
}

async function probeStream(config: KinesisConfig, { clock, signal }: ProbeBy): Promise<Finding> {
  const calls = await openStream(config, createStreamAws(config, clock), PROBE_LIMITS);
  try {
    const { retentionMs } = await calls.describe(signal);
    const shards = await calls.list(signal);
    const [{ ShardId = "" } = {}] = shards;
    const { Records = [] } = await calls.records(ShardId, await calls.iterator(ShardId, null, signal), signal);
    const hours = retentionMs / HOUR_MS;
    return {
      status: "ok",
      did: `kinesis:DescribeStreamSummary, kinesis:ListShards, kinesis:GetShardIterator, kinesis:GetRecords: ${shards.length} shards, ${Records.length} records of ${ShardId} were read`,
      ...(retentionMs >= RETENTION_LEAST_MS
        ? {}
        : { notes: [`the stream keeps records for ${hours} h: after a longer outage some are gone; a week is usual`] }),
    };
  } finally {
    calls.close();
  }
}
