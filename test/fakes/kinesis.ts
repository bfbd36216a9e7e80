/**
 * Kinesis in a process of its own, kinesis-local behind the fault proxy, with what the tests of the source need of it.
 *
 * Known to differ from AWS: it speaks HTTP/1.1 only, listens on all interfaces, answers a broken iterator with 500, and a
 * sequence number that is not its own with ResourceNotFoundException in the place of InvalidArgumentException.
 */
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  KinesisClient,
  ListShardsCommand,
  MergeShardsCommand,
  PutRecordsCommand,
  type Shard,
  SplitShardCommand,
} from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { EMULATOR_CREDENTIALS } from "./emulator.ts";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";

export type KinesisFake = Streams & {
  /** What a source is given as its endpoint: the fault proxy. */
  readonly endpoint: string;
  readonly proxy: FaultProxy;
};

/** Streams of whatever serves them, for the test itself. */
export type Streams = {
  readonly client: KinesisClient;
  createStream(name: string, shards?: number): Promise<void>;
  /** Puts each as one record into the shard, the first open one unless given; their sequence numbers. */
  put(stream: string, records: readonly (string | Uint8Array)[], shardId?: string): Promise<readonly string[]>;
  /** Shards, closed ones too. */
  shards(stream: string): Promise<readonly Shard[]>;
  /** Splits a shard in the middle, or merges two neighbours; the new shards. */
  split(stream: string, shardId: string): Promise<readonly Shard[]>;
  merge(stream: string, one: string, other: string): Promise<readonly Shard[]>;
  close(): Promise<void>;
};

const FOLDER = join(import.meta.dirname, "../../node_modules/kinesis-local");
/** How long its own changes take. */
const STEP = "5ms";
const START_MS = 30_000;

/** Starts it: about 2 s. */
export async function startKinesis(): Promise<KinesisFake> {
  const [plain, tls] = await Promise.all([freePort(), freePort()]);
  const child = spawn(process.execPath, [join(FOLDER, "main.js")], {
    cwd: FOLDER,
    stdio: "ignore",
    env: {
      ...process.env,
      KINESIS_MOCK_PLAIN_PORT: String(plain),
      KINESIS_MOCK_TLS_PORT: String(tls),
      LOG_LEVEL: "ERROR",
      AWS_REGION: "eu-west-1",
      AWS_ACCOUNT_ID: "111122223333",
      CREATE_STREAM_DURATION: STEP,
      SPLIT_SHARD_DURATION: STEP,
      MERGE_SHARDS_DURATION: STEP,
      DELETE_STREAM_DURATION: STEP,
    },
  });
  const endpoint = `http://127.0.0.1:${plain}`;
  const streams = openStreams(endpoint);
  await untilUp(streams.client, child);
  const proxy = await startFaultProxy(endpoint);
  return {
    ...streams,
    endpoint: proxy.url,
    proxy,
    close: async () => {
      await streams.close();
      await proxy.close();
      const closed = once(child, "close");
      child.kill("SIGKILL");
      await closed;
    },
  };
}

/** What stands at a URL, past any proxy. */
export function openStreams(endpoint: string): Streams {
  const client = new KinesisClient({
    region: "eu-west-1",
    endpoint,
    credentials: EMULATOR_CREDENTIALS,
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler(),
  });
  return {
    client,
    createStream: async (StreamName, ShardCount = 1) => {
      await client.send(new CreateStreamCommand({ StreamName, ShardCount }));
      await untilActive(client, StreamName);
    },
    put: (stream, records, shardId) => put(client, stream, { records, shardId }),
    shards: (stream) => list(client, stream),
    split: async (StreamName, ShardToSplit) => {
      const before = await list(client, StreamName);
      const { start, end } = rangeOf(before.find(({ ShardId }) => ShardId === ShardToSplit));
      const NewStartingHashKey = String((start + end) / 2n);
      await client.send(new SplitShardCommand({ StreamName, ShardToSplit, NewStartingHashKey }));
      return added(client, StreamName, before);
    },
    merge: async (StreamName, ShardToMerge, AdjacentShardToMerge) => {
      const before = await list(client, StreamName);
      await client.send(new MergeShardsCommand({ StreamName, ShardToMerge, AdjacentShardToMerge }));
      return added(client, StreamName, before);
    },
    close: async () => client.destroy(),
  };
}

/** A port of 127.0.0.1 that nothing listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

async function untilUp(client: KinesisClient, child: ChildProcess): Promise<void> {
  const endMs = performance.now() + START_MS;
  for (;;) {
    try {
      await client.send(new DescribeStreamSummaryCommand({ StreamName: "none" }));
    } catch (error) {
      if (error instanceof Error && error.name === "ResourceNotFoundException") return;
      if (child.exitCode !== null || performance.now() > endMs) throw error;
    }
    await sleep(50);
  }
}

async function untilActive(client: KinesisClient, StreamName: string): Promise<void> {
  for (;;) {
    const { StreamDescriptionSummary } = await client.send(new DescribeStreamSummaryCommand({ StreamName }));
    if (StreamDescriptionSummary?.StreamStatus === "ACTIVE") return;
    await sleep(5);
  }
}

async function list(client: KinesisClient, StreamName: string): Promise<readonly Shard[]> {
  const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName }));
  return Shards;
}

async function added(client: KinesisClient, stream: string, before: readonly Shard[]): Promise<readonly Shard[]> {
  await untilActive(client, stream);
  const known = new Set(before.map(({ ShardId }) => ShardId));
  return (await list(client, stream)).filter(({ ShardId }) => !known.has(ShardId));
}

function rangeOf(shard: Shard | undefined): { readonly start: bigint; readonly end: bigint } {
  const { StartingHashKey = "0", EndingHashKey = "0" } = shard?.HashKeyRange ?? {};
  return { start: BigInt(StartingHashKey), end: BigInt(EndingHashKey) };
}

/** Records of one call: Kinesis's most; and their bytes. */
const PUT_RECORDS = 500;
const PUT_BYTES = 4 * 1024 * 1024;

async function put(
  client: KinesisClient,
  StreamName: string,
  { records, shardId }: { readonly records: readonly (string | Uint8Array)[]; readonly shardId: string | undefined },
): Promise<readonly string[]> {
  const shards = await list(client, StreamName);
  const isOpen = (shard: Shard): boolean => shard.SequenceNumberRange?.EndingSequenceNumber === undefined;
  const shard = shards.find((one) => (shardId === undefined ? isOpen(one) : one.ShardId === shardId));
  const ExplicitHashKey = String(rangeOf(shard).start);
  const sequences: string[] = [];
  let entries: { Data: Uint8Array; PartitionKey: string; ExplicitHashKey: string }[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    if (entries.length === 0) return;
    const { Records = [] } = await client.send(new PutRecordsCommand({ StreamName, Records: entries }));
    for (const { SequenceNumber, ErrorCode = "not put" } of Records) {
      if (SequenceNumber === undefined) throw new Error(ErrorCode);
      sequences.push(SequenceNumber);
    }
    [entries, bytes] = [[], 0];
  };
  for (const record of records) {
    const Data: Uint8Array = typeof record === "string" ? Buffer.from(record) : record;
    if (entries.length >= PUT_RECORDS || bytes + Data.length > PUT_BYTES) await flush();
    entries.push({ Data, PartitionKey: "p", ExplicitHashKey });
    bytes += Data.length;
  }
  await flush();
  return sequences;
}
