/**
 * The calls of the `kinesis` source: what the stream is, its shards, an iterator, records.
 *
 * The client speaks HTTP/1.1: its own HTTP/2 has none of the limits that all other clients are held to. Faults that pass
 * were tried again by the SDK before anything is thrown.
 */
import type { _Record, GetRecordsOutput, KinesisClient, Shard as ListedShard } from "@aws-sdk/client-kinesis";
import { type Aws, type AwsLimits, CALL_LIMITS, createAws, toHandlerSettings } from "../../aws/clients.ts";
import type { Clock } from "../../lib/clock.ts";
import { type KinesisConfig, parseStream } from "./settings.ts";
import type { Place } from "./place.ts";

export type { ListedShard };
export type StreamRecord = _Record;

/** What a stream says of itself. */
export type StreamSummary = { readonly createdMs: number; readonly retentionMs: number };

export type StreamCalls = {
  describe(signal: AbortSignal): Promise<StreamSummary>;
  list(signal: AbortSignal): Promise<readonly ListedShard[]>;
  /** `place` null: the oldest record that is there. */
  iterator(shardId: string, place: Place | null, signal: AbortSignal): Promise<string>;
  records(shardId: string, iterator: string, signal: AbortSignal): Promise<GetRecordsOutput>;
  close(): void;
};

const HOUR_MS = 3_600_000;

/** Calls to where the stream is. Errors by code: config_invalid (see toRole). */
export function createStreamAws(config: KinesisConfig, clock: Clock): Aws {
  return createAws(config, { clock, accountId: parseStream(config.stream).account });
}

/** A client of Kinesis over HTTP/1.1. */
async function openClient(aws: Aws, limits: AwsLimits): Promise<KinesisClient> {
  const { KinesisClient } = await import("@aws-sdk/client-kinesis");
  const { NodeHttpHandler } = await import("@smithy/node-http-handler");
  return aws.open(KinesisClient, limits, { requestHandler: new NodeHttpHandler(toHandlerSettings(limits)) });
}

/** The stream as the API names it. */
function toStreamInput(stream: string): { readonly StreamARN: string } | { readonly StreamName: string } {
  return stream.startsWith("arn:") ? { StreamARN: stream } : { StreamName: stream };
}

/** Opens the calls; errors of each by code: aws_*. */
export async function openStream(
  { stream }: KinesisConfig,
  aws: Aws,
  limits: AwsLimits = CALL_LIMITS,
): Promise<StreamCalls> {
  const sdk = await import("@aws-sdk/client-kinesis");
  const client = await openClient(aws, limits);
  const input = toStreamInput(stream);
  const call = <T>(
    operation: string,
    resource: string,
    by: { readonly send: (abortSignal: AbortSignal) => Promise<T>; readonly signal: AbortSignal },
  ): Promise<T> => aws.call({ service: "kinesis", operation, resource }, by.send, { limits, signal: by.signal });
  return {
    describe: async (signal) => {
      const send = (abortSignal: AbortSignal): Promise<Described> =>
        client.send(new sdk.DescribeStreamSummaryCommand(input), { abortSignal });
      const { StreamDescriptionSummary: summary } = await call("DescribeStreamSummary", stream, { send, signal });
      const { StreamCreationTimestamp, RetentionPeriodHours = 24 } = summary ?? {};
      return { createdMs: StreamCreationTimestamp?.getTime() ?? 0, retentionMs: RetentionPeriodHours * HOUR_MS };
    },
    list: async (signal) => {
      const shards: ListedShard[] = [];
      for (let token: string | undefined; ;) {
        const command = new sdk.ListShardsCommand(token === undefined ? input : { NextToken: token });
        const { Shards = [], NextToken } = await call("ListShards", stream, {
          send: (abortSignal) => client.send(command, { abortSignal }),
          signal,
        });
        shards.push(...Shards);
        if (NextToken === undefined) return shards;
        token = NextToken;
      }
    },
    iterator: async (ShardId, place, signal) => {
      const command = new sdk.GetShardIteratorCommand({ ...input, ShardId, ...toStart(place) });
      const { ShardIterator = "" } = await call("GetShardIterator", `${stream} ${ShardId}`, {
        send: (abortSignal) => client.send(command, { abortSignal }),
        signal,
      });
      return ShardIterator;
    },
    records: (shardId, ShardIterator, signal) => {
      // By its ARN the call is judged where the stream is, with a stream of another account too.
      const arn = "StreamARN" in input ? input : {};
      const command = new sdk.GetRecordsCommand({ ShardIterator, ...arn });
      const send = (abortSignal: AbortSignal): Promise<GetRecordsOutput> => client.send(command, { abortSignal });
      return call("GetRecords", `${stream} ${shardId}`, { send, signal });
    },
    close: () => client.destroy(),
  };
}

type Described = {
  readonly StreamDescriptionSummary?:
    | { readonly StreamCreationTimestamp?: Date | undefined; readonly RetentionPeriodHours?: number | undefined }
    | undefined;
};

type Start = {
  readonly ShardIteratorType: "TRIM_HORIZON" | "AT_TIMESTAMP" | "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER";
  readonly StartingSequenceNumber?: string;
  readonly Timestamp?: Date;
};

function toStart(place: Place | null): Start {
  if (place === null) return { ShardIteratorType: "TRIM_HORIZON" };
  if (place.is === "time") return { ShardIteratorType: "AT_TIMESTAMP", Timestamp: new Date(place.completeMs) };
  const ShardIteratorType = place.is === "inside" ? "AT_SEQUENCE_NUMBER" : "AFTER_SEQUENCE_NUMBER";
  return { ShardIteratorType, StartingSequenceNumber: place.sequence };
}
