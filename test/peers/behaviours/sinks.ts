/** Our sinks: what arrives where, and what is answered for what cannot be sent. */
import { expect } from "vitest";
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import type { OutboxItem, SendResult, Sink } from "../../../src/contracts.ts";
import type { SinkConfig } from "../../../src/sinks/registry.ts";
import { item } from "../../contracts/alert-items.ts";
import { hostileFinding } from "../../encode/alerts.ts";
import { toHead } from "../../sinks/aws/receivers.ts";
import { type Behaviour, fresh, messagesOf, openSink } from "../behaviour.ts";
import { openClient, type World } from "../world.ts";

const accepted: SendResult = { status: "accepted" };
const signal = new AbortController().signal;
const heads = (items: readonly OutboxItem[]): unknown[] =>
  items.map(({ alert: { id, revision } }) => ({ id, revision }));

/** What a sink answers, closed behind it. */
async function send(sink: Sink, items: readonly OutboxItem[]): Promise<readonly SendResult[]> {
  try {
    return await sink.send(items, signal);
  } finally {
    await sink.close();
  }
}

const open = (type: SinkConfig["type"], endpoint: string, settings: object): Sink => openSink(type, { endpoint, ...settings }); // prettier-ignore

/** A bus whose alerts go to a queue, with the pattern of the playbooks. */
async function makeBus(world: World): Promise<{ bus: string; queue: { url: string; arn: string } }> {
  const [queue, bus] = [await world.things.createQueue(fresh("playbook")), await world.makeBus(fresh("bus"))];
  const buses = openClient(EventBridgeClient, world.at.events);
  const EventPattern = JSON.stringify({ "detail-type": ["Sagewatch Alert Opened"] });
  await buses.send(new PutRuleCommand({ Name: "opened", EventBusName: bus, EventPattern }));
  await buses.send(
    new PutTargetsCommand({ Rule: "opened", EventBusName: bus, Targets: [{ Id: "q", Arn: queue.arn }] }),
  );
  return { bus, queue };
}

export const SINKS: readonly Behaviour[] = [
  {
    name: "sqs sink: alerts arrive whole, with attributes, odd letters too",
    run: async (world) => {
      const queue = await world.things.createQueue(fresh("alerts"));
      const odd = { alert: { ...hostileFinding, principal: "root\u0000\ufffe\ud800\u202e" }, opened: true };
      const sink = open("sqs", world.at.sqs, { queue: queue.url });
      expect(await send(sink, [item(1), odd])).toEqual([accepted, accepted]);
      const read = await messagesOf(world, queue, 2);
      expect(new Set(read.map(({ attributes }) => attributes["id"]))).toEqual(
        new Set([item(1).alert.id, odd.alert.id]),
      );
      const body = read.find(({ attributes }) => attributes["id"] === odd.alert.id)?.body ?? "";
      expect(JSON.parse(body)).toMatchObject({ principal: odd.alert.principal });
    },
  },
  {
    name: "sqs sink: a FIFO queue takes each revision once and in order",
    run: async (world) => {
      const queue = await world.things.createQueue(`${fresh("alerts")}.fifo`, { FifoQueue: "true" });
      const items = [item(1), item(2), item(1, 2)];
      for (const _again of [1, 2])
        expect(await send(open("sqs", world.at.sqs, { queue: queue.url }), items)).toEqual(items.map(() => accepted));
      const found = (await messagesOf(world, queue, 3)).map(({ body }) => toHead(body));
      expect(found).toHaveLength(3);
      expect(found.filter(({ id }) => id === item(1).alert.id).map(({ revision }) => revision)).toEqual([1, 2]);
    },
  },
  {
    name: "sqs sink: a queue that is not there is no reason to drop an alert",
    run: async (world) => {
      const queue = `${world.at.sqs}/${world.account}/${fresh("no-such")}`;
      const [answer] = await send(open("sqs", world.at.sqs, { queue }), [item(1)]);
      expect(answer).toMatchObject({ status: "unknown", code: "aws_missing" });
    },
  },
  {
    name: "sns sink: alerts arrive at a subscriber whole",
    run: async (world) => {
      const queue = await world.things.createQueue(fresh("subscriber"));
      const topic = await world.things.createTopic(fresh("alerts"), queue, true);
      expect(await send(open("sns", world.at.sns, { topic }), [item(1), item(2)])).toEqual([accepted, accepted]);
      const found = (await messagesOf(world, queue, 2)).map(({ body }) => toHead(body));
      expect(new Set(found)).toEqual(new Set(heads([item(1), item(2)])));
    },
  },
  {
    name: "sns sink: a topic that is not there is no reason to drop an alert",
    run: async (world) => {
      const topic = `arn:aws:sns:eu-west-1:${world.account}:${fresh("no-such")}`;
      const [answer] = await send(open("sns", world.at.sns, { topic }), [item(1)]);
      expect(answer).toMatchObject({ status: "unknown", code: "aws_missing" });
    },
  },
  {
    name: "eventbridge sink: a bus takes alerts",
    run: async (world) => {
      const bus = await world.makeBus(fresh("bus"));
      expect(await send(open("eventbridge", world.at.events, { bus }), [item(1), item(2)])).toEqual([accepted, accepted]); // prettier-ignore
    },
  },
  {
    name: "eventbridge sink: a playbook's pattern gets the first revision of an alert alone",
    run: async (world) => {
      const { bus, queue } = await makeBus(world);
      const opened = { ...item(1), opened: true };
      const updated = { ...item(1, 2), opened: false };
      const sink = open("eventbridge", world.at.events, { bus });
      expect(await send(sink, [opened, updated])).toEqual([accepted, accepted]);
      const [message, ...others] = await messagesOf(world, queue, 1);
      const { detail } = JSON.parse(message?.body ?? "") as { readonly detail: object };
      expect(detail).toMatchObject({ id: item(1).alert.id, revision: 1 });
      expect(others).toEqual([]);
    },
  },
  {
    name: "eventbridge sink: what goes on says of which account and Region it is",
    run: async (world) => {
      const { bus, queue } = await makeBus(world);
      await send(open("eventbridge", world.at.events, { bus }), [{ ...item(1), opened: true }]);
      const [message] = await messagesOf(world, queue, 1);
      const envelope: unknown = JSON.parse(message?.body ?? "");
      expect(envelope).toMatchObject({ account: world.account, region: "eu-west-1", source: "sagewatch" });
    },
  },
  {
    name: "security-hub sink: a later revision updates the finding",
    run: async (world) => {
      const findings = [item(7), item(7, 2)];
      for (const one of findings)
        expect(await send(open("security-hub", world.at.securityhub, { account: world.account }), [one])).toEqual([accepted]); // prettier-ignore
      expect((await world.findings()).get(item(7).alert.id)).toBe("2");
    },
  },
  {
    name: "security-hub sink: a finding of another account is refused",
    run: async (world) => {
      const sink = open("security-hub", world.at.securityhub, { account: "999988887777" });
      const [answer] = await send(sink, [item(8)]);
      expect(answer).toMatchObject({ status: "refused" });
    },
  },
];
