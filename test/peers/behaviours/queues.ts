/** Our sources over queues: what a queue brings is read once, and the queue is left empty. */
import { expect } from "vitest";
import { EventBridgeClient, PutEventsCommand, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { toSnsMessage } from "../../fakes/s3-notices.ts";
import { call } from "../../sources/records.ts";
import { envelope } from "../../sources/sqs/envelope.ts";
import { type Behaviour, countIs, fresh, openQueueSource, readUntil, recordsOf, untilEmpty } from "../behaviour.ts";
import { openClient } from "../world.ts";

const API = "AWS API Call via CloudTrail";

export const QUEUES: readonly Behaviour[] = [
  {
    name: "sqs-eventbridge: envelopes, some wrapped by SNS, come once each and leave the queue empty",
    run: async (world) => {
      const queue = await world.things.createQueue(fresh("events"));
      const records = Array.from({ length: 25 }, (_, n) => call(`e${n}`));
      await world.things.send(queue, [
        ...records.map((text, n) => (n % 2 === 0 ? envelope(API, text) : toSnsMessage(envelope(API, text)))),
        "broken",
        envelope("Scheduled Event", "{}", "aws.events"),
      ]);
      const batches = await readUntil(openQueueSource("sqs-eventbridge", world, { queue }), countIs(27), { world });
      expect(recordsOf(batches)).toEqual(records.toSorted());
      await untilEmpty(world, queue);
    },
  },
  {
    name: "sqs-eventbridge: what was given back is brought again",
    run: async (world) => {
      const queue = await world.things.createQueue(fresh("events"));
      await world.things.send(queue, [envelope(API, call("again"))]);
      const end = AbortSignal.timeout(world.patienceMs);
      const { source } = openQueueSource("sqs-eventbridge", world, { queue, visibility: "2s" });
      for await (const batch of source.read(new Map(), end)) {
        batch.settle(new Error("not committed"));
        break;
      }
      const again = await readUntil(openQueueSource("sqs-eventbridge", world, { queue }), countIs(1), { world });
      expect(recordsOf(again)).toEqual([call("again")]);
      await untilEmpty(world, queue);
    },
  },
  {
    name: "sqs-eventbridge: a message of nearly 1 MiB is read whole",
    run: async (world) => {
      const queue = await world.things.createQueue(fresh("events"));
      const large = call("large").replace('"b"', JSON.stringify("x".repeat(1_000_000)));
      await world.things.send(queue, [envelope(API, large)]);
      const batches = await readUntil(openQueueSource("sqs-eventbridge", world, { queue }), countIs(1), { world });
      expect(recordsOf(batches)).toEqual([large]);
    },
  },
  {
    name: "sqs-eventbridge: what a topic hands on, wrapped and raw, is read",
    run: async (world) => {
      const queue = await world.things.createQueue(fresh("events"));
      const topics = [false, true].map((raw) => world.things.createTopic(fresh("topic"), queue, raw));
      for (const [n, topic] of topics.entries())
        await world.things.publish(await topic, envelope(API, call(`topic${n}`)));
      const batches = await readUntil(openQueueSource("sqs-eventbridge", world, { queue }), countIs(2), { world });
      expect(recordsOf(batches)).toEqual([call("topic0"), call("topic1")]);
    },
  },
  {
    name: "sqs-eventbridge: what a rule of a bus hands on is read",
    run: async (world) => {
      const [queue, bus] = [await world.things.createQueue(fresh("events")), await world.makeBus(fresh("bus"))];
      const buses = openClient(EventBridgeClient, world.at.events);
      const EventPattern = JSON.stringify({ "detail-type": [API] });
      await buses.send(new PutRuleCommand({ Name: "to-queue", EventBusName: bus, EventPattern }));
      const Targets = [{ Id: "queue", Arn: queue.arn }];
      await buses.send(new PutTargetsCommand({ Rule: "to-queue", EventBusName: bus, Targets }));
      const entry = { EventBusName: bus, Source: "test", Detail: call("ruled") };
      await buses.send(new PutEventsCommand({ Entries: [{ ...entry, DetailType: API }, { ...entry, DetailType: "Other" }] })); // prettier-ignore
      const batches = await readUntil(openQueueSource("sqs-eventbridge", world, { queue }), countIs(1), { world });
      expect(batches.map((batch) => batch.kind)).toEqual(["cloudtrail"]);
      expect(JSON.parse(recordsOf(batches)[0] ?? "")).toEqual(JSON.parse(call("ruled")));
      await untilEmpty(world, queue);
    },
  },
  {
    name: "sqs-eventbridge: a queue that is not there is told, with what to do",
    run: async (world) => {
      const queue = { url: `${world.at.sqs}/${world.account}/${fresh("no-such")}`, arn: "" };
      const { source, warnings } = openQueueSource("sqs-eventbridge", world, { queue });
      const reading = (async (): Promise<string> => {
        for await (const batch of source.read(new Map(), AbortSignal.timeout(world.patienceMs))) batch.settle();
        return warnings.join("\n");
      })();
      const told = await reading.catch((error: unknown) => String(error));
      expect(told).toMatch(/no-such.*(does not exist|is not there|not found)/is);
    },
  },
];
