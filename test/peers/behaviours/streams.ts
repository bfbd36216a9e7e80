/** The kinesis source: shards, restarts, splits. */
import { expect } from "vitest";
import { CreateStreamCommand, DescribeStreamSummaryCommand, SplitShardCommand } from "@aws-sdk/client-kinesis";
import { systemClock } from "../../../src/lib/clock.ts";
import { commitPositions } from "../../contracts/source-exam.ts";
import { call } from "../../sources/records.ts";
import { type Behaviour, countIs, fresh, type Opened, openSource, readUntil, recordsOf } from "../behaviour.ts";
import type { World } from "../world.ts";

const open = (world: World, stream: string): Opened =>
  openSource("kinesis", { stream, region: "eu-west-1", endpoint: world.at.kinesis, every: "200ms" });

async function untilActive({ streams, patienceMs }: World, StreamName: string): Promise<void> {
  const endMs = performance.now() + patienceMs;
  while (performance.now() < endMs) {
    const { StreamDescriptionSummary } = await streams.client.send(new DescribeStreamSummaryCommand({ StreamName }));
    if (StreamDescriptionSummary?.StreamStatus === "ACTIVE") return;
    await systemClock.sleep(50, new AbortController().signal);
  }
  throw new Error("the stream does not become active");
}

async function makeStream(world: World, ShardCount: number): Promise<string> {
  const StreamName = fresh("stream");
  await world.streams.client.send(new CreateStreamCommand({ StreamName, ShardCount }));
  await untilActive(world, StreamName);
  return StreamName;
}

export const STREAMS: readonly Behaviour[] = [
  {
    name: "kinesis: records of all shards come once, and a restart goes on behind them",
    run: async (world) => {
      const stream = await makeStream(world, 2);
      const [one, other] = await world.streams.shards(stream);
      await world.streams.put(stream, [call("a"), call("b")], one?.ShardId);
      await world.streams.put(stream, [call("c")], other?.ShardId);
      const first = await readUntil(open(world, stream), countIs(3), { world });
      expect(recordsOf(first)).toEqual([call("a"), call("b"), call("c")]);
      await world.streams.put(stream, [call("d")], one?.ShardId);
      const positions = commitPositions(new Map(), first);
      const second = await readUntil(open(world, stream), countIs(1), { world, positions });
      expect(recordsOf(second)).toEqual([call("d")]);
    },
  },
  {
    name: "kinesis: a split shard is read to its end, then its children",
    run: async (world) => {
      const stream = await makeStream(world, 1);
      const [parent] = await world.streams.shards(stream);
      await world.streams.put(stream, [call("before")], parent?.ShardId);
      const middle = { NewStartingHashKey: String(2n ** 127n), ShardToSplit: parent?.ShardId };
      await world.streams.client.send(new SplitShardCommand({ StreamName: stream, ...middle }));
      await untilActive(world, stream);
      const children = (await world.streams.shards(stream)).filter(({ ShardId }) => ShardId !== parent?.ShardId);
      for (const [n, { ShardId }] of children.entries()) await world.streams.put(stream, [call(`behind${n}`)], ShardId);
      const batches = await readUntil(open(world, stream), countIs(3), { world });
      expect(recordsOf(batches)).toEqual([call("before"), call("behind0"), call("behind1")]);
    },
  },
  {
    name: "kinesis: a stream that is not there is told at once",
    run: async (world) => {
      const reading = readUntil(open(world, fresh("no-such")), countIs(1), { world });
      await expect(reading).rejects.toMatchObject({ code: "aws_missing" });
    },
  },
];
