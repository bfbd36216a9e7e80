/** The source over S3 notices: every way in which S3 tells of an object, and what becomes of objects. */
import { expect } from "vitest";
import { type NotificationConfiguration, PutBucketNotificationConfigurationCommand } from "@aws-sdk/client-s3";
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { gzipSync } from "node:zlib";
import { listTrail } from "../../../src/sources/sqs-s3/listing.ts";
import { awsAt } from "../../aws/set-up.ts";
import type { Batch } from "../../../src/contracts.ts";
import { toNotice } from "../../fakes/s3-notices.ts";
import { call, delivery, deliveryName } from "../../sources/records.ts";
import { outcomesOf } from "../../sources/sqs/s3-set-up.ts";
import { type Behaviour, countIs, fresh, openQueueSource, readUntil, recordsOf, untilEmpty } from "../behaviour.ts";
import { openClient, type World } from "../world.ts";

const FOLDER = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/01/02";
const KEY = `${FOLDER}/${deliveryName("20260102T0305Z")}`;

async function makeBucket(world: World): Promise<string> {
  const bucket = fresh("bucket");
  await world.things.createBucket(bucket);
  return bucket;
}

async function notify(
  world: World,
  Bucket: string,
  NotificationConfiguration: NotificationConfiguration,
): Promise<void> {
  await world.things.s3.send(new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration }));
}

const isRead = (batches: readonly Batch[]): boolean => recordsOf(batches).length >= 2;

/** Stores a delivery file and reads what the queue brings of it. */
async function storeAndRead(world: World, bucket: string, queue: { url: string; arn: string }): Promise<void> {
  const records = [call("a"), call("b")];
  await world.things.put(bucket, KEY, gzipSync(delivery(...records)));
  const batches = await readUntil(openQueueSource("sqs-s3", world, { queue }), isRead, { world });
  expect(recordsOf(batches)).toEqual(records);
  expect(outcomesOf(batches).rejected).toEqual({});
  await untilEmpty(world, queue);
}

export const OBJECTS: readonly Behaviour[] = [
  {
    name: "sqs-s3: the object of a notice is unpacked and read, and its message deleted",
    run: async (world) => {
      const [queue, bucket] = [await world.things.createQueue(fresh("notices")), await makeBucket(world)];
      const records = Array.from({ length: 1200 }, (_, n) => call(`o${n}`));
      const body = gzipSync(delivery(...records));
      const etag = await world.things.put(bucket, KEY, body);
      await world.things.send(queue, [toNotice({ bucket, key: KEY, size: body.length, etag })]);
      const batches = await readUntil(openQueueSource("sqs-s3", world, { queue }), countIs(1200), { world });
      expect(recordsOf(batches)).toEqual(records.toSorted());
      await untilEmpty(world, queue);
    },
  },
  {
    name: "sqs-s3: an object that is gone ends in the quarantine as missing",
    run: async (world) => {
      const [queue, bucket] = [await world.things.createQueue(fresh("notices")), await makeBucket(world)];
      await world.things.send(queue, [toNotice({ bucket, key: "gone.json.gz", size: 1, etag: "e" })]);
      const batches = await readUntil(openQueueSource("sqs-s3", world, { queue }), countIs(1), { world });
      expect(outcomesOf(batches).rejected).toEqual({ object_missing: 1 });
    },
  },
  {
    name: "sqs-s3: S3 tells the queue itself",
    run: async (world) => {
      const [queue, bucket] = [await world.things.createQueue(fresh("notices")), await makeBucket(world)];
      await notify(world, bucket, { QueueConfigurations: [{ QueueArn: queue.arn, Events: ["s3:ObjectCreated:*"] }] });
      await storeAndRead(world, bucket, queue);
    },
  },
  {
    name: "sqs-s3: S3 tells with a test event first, and with a sequencer",
    run: async (world) => {
      const [queue, bucket] = [await world.things.createQueue(fresh("notices")), await makeBucket(world)];
      await notify(world, bucket, { QueueConfigurations: [{ QueueArn: queue.arn, Events: ["s3:ObjectCreated:*"] }] });
      await world.things.put(bucket, "plain.json", Buffer.from(call("a")));
      const batches = await readUntil(openQueueSource("sqs-s3", world, { queue }), countIs(2), { world });
      expect(outcomesOf(batches)).toEqual({ records: [call("a")], rejected: {}, skipped: { test_notice: 1 } });
      expect(JSON.stringify(batches.flatMap(({ positions }) => positions))).toMatch(/[0-9A-F]{16}/);
    },
  },
  {
    name: "sqs-s3: S3 tells a key with letters of every kind",
    run: async (world) => {
      const [queue, bucket] = [await world.things.createQueue(fresh("notices")), await makeBucket(world)];
      await notify(world, bucket, { QueueConfigurations: [{ QueueArn: queue.arn, Events: ["s3:ObjectCreated:*"] }] });
      await world.things.put(bucket, "odd/a b+c=é(1).json", Buffer.from(call("odd")));
      const isOne = (batches: readonly Batch[]): boolean => recordsOf(batches).length > 0;
      const batches = await readUntil(openQueueSource("sqs-s3", world, { queue }), isOne, { world });
      expect(recordsOf(batches)).toEqual([call("odd")]);
    },
  },
  {
    name: "sqs-s3: S3 tells by a topic",
    run: async (world) => {
      const [queue, bucket] = [await world.things.createQueue(fresh("notices")), await makeBucket(world)];
      const TopicArn = await world.things.createTopic(fresh("topic"), queue, false);
      await notify(world, bucket, { TopicConfigurations: [{ TopicArn, Events: ["s3:ObjectCreated:*"] }] });
      await storeAndRead(world, bucket, queue);
    },
  },
  {
    name: "sqs-s3: S3 tells by EventBridge",
    run: async (world) => {
      const [queue, bucket] = [await world.things.createQueue(fresh("notices")), await makeBucket(world)];
      const buses = openClient(EventBridgeClient, world.at.events);
      const [Name, Targets] = [fresh("rule"), [{ Id: "queue", Arn: queue.arn }]];
      const EventPattern = JSON.stringify({
        source: ["aws.s3"],
        "detail-type": ["Object Created"],
        detail: { bucket: { name: [bucket] } },
      });
      await buses.send(new PutRuleCommand({ Name, EventPattern }));
      await buses.send(new PutTargetsCommand({ Rule: Name, Targets }));
      await notify(world, bucket, { EventBridgeConfiguration: {} });
      await storeAndRead(world, bucket, queue);
    },
  },
  {
    name: "sqs-s3: the files of a span are listed, by account, Region and day, from its minute on",
    run: async (world) => {
      const bucket = await makeBucket(world);
      const slots = ["20260102T0305Z", "20260102T0310Z", "20260103T0000Z", "20260104T0000Z"];
      const keys = slots.map((slot) => {
        const day = `${slot.slice(0, 4)}/${slot.slice(4, 6)}/${slot.slice(6, 8)}`;
        return `AWSLogs/111122223333/CloudTrail/eu-west-1/${day}/${deliveryName(slot)}`;
      });
      for (const key of keys) await world.things.put(bucket, key, Buffer.from("x"));
      const span = { fromMs: Date.UTC(2026, 0, 2, 3, 8), toMs: Date.UTC(2026, 0, 3, 1) };
      const by = {
        aws: awsAt(world.at.s3),
        client: world.things.s3,
        folder: "CloudTrail",
        signal: AbortSignal.timeout(world.patienceMs),
      } as const;
      const found: string[] = [];
      for await (const { key } of listTrail({ bucket, prefix: "" }, span, by)) found.push(key);
      expect(found).toEqual(keys.slice(1, 3));
    },
  },
];
