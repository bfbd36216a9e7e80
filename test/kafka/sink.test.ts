/** The Kafka sink against a real broker: log-in, TLS, permissions, sizes, compression, partitions. */
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import kafkajs from "kafkajs";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { OutboxItem, Sink } from "../../src/contracts.ts";
import { toPartition } from "../../src/sinks/kafka/partition.ts";
import { item } from "../contracts/alert-items.ts";
import { endpointBurst } from "../encode/alerts.ts";
import { type Kafka, newTopic, startKafka } from "../support/kafka/broker.ts";
import { toNote, whyNoKafka } from "../support/kafka/find.ts";
import { countMessages, makeTopic, readByConsole, readTopic, withAdmin } from "../support/kafka/topics.ts";
import { headsOf, items, KAFKA_MS, openSink, secretOf, sendUntilKnown } from "./make.ts";

const why = await whyNoKafka("own");
const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
const signal = new AbortController().signal;

describe.skipIf(why !== null)(`the Kafka sink and a real broker${toNote(why)}`, () => {
  let kafka: Kafka;
  beforeAll(async () => {
    // Everybody is a user of no rights but the tests themselves and those whom a test grants something.
    const more = {
      "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
      "super.users": "User:ANONYMOUS;User:bob;User:alice;User:CN=sagewatch",
      "listener.name.sasl_plaintext.connections.max.reauth.ms": 4000,
    };
    kafka = await startKafka({ tls: true, more });
  }, KAFKA_MS);
  afterAll(() => kafka?.stop());

  const open = (settings: Parameters<typeof openSink>[0]): Sink => {
    const sink = openSink({ brokers: kafka.plain, ...settings });
    onTestFinished(() => sink.close());
    return sink;
  };
  const scram = { mechanism: "scram-sha-512", username: "bob" } as const;

  test("a stock console consumer reads the alerts, with key, headers and a valid finding as the value", async () => {
    const topic = await makeTopic(kafka.direct, { partitions: 3 });
    await open({ topic }).send([item(1), item(2), item(1, 2)], signal);
    const received = await readByConsole(kafka.direct, topic);
    expect(
      received.map(({ key, headers }) => `${key.slice(-1)} ${headers["revision"]} ${headers["action"]}`).toSorted(),
    ).toEqual(["1 1 opened", "1 2 updated", "2 1 opened"]);
    for (const { key, value, headers, partition } of received) {
      expect(headers).toMatchObject({ id: key, severity: "high", rule: endpointBurst.ruleId });
      expect(JSON.parse(value)).toMatchObject({ class_uid: 2004, finding_info: { uid: key } });
      expect(partition).toBe(toPartition(key, 3));
    }
    expect(await readTopic(kafka.direct, topic)).toEqual(received);
  });

  describe("connections", () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "sagewatch-tls-"));
      writeFileSync(join(folder, "ca.pem"), kafka.pki!.ca.cert);
      writeFileSync(join(folder, "client.pem"), kafka.pki!.client.cert);
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));
    const secret = (value: string): { password: unknown } => ({ password: secretOf(value) });

    test.each([
      ["SCRAM-SHA-512", () => ({ brokers: kafka.sasl, sasl: { ...scram, ...secret("bob-pw") } })],
      [
        "TLS and PLAIN",
        () => ({
          brokers: kafka.saslSsl,
          tls: { ca: join(folder, "ca.pem") },
          sasl: { mechanism: "plain", username: "alice", ...secret("alice-pw") },
        }),
      ],
      [
        "mutual TLS",
        () => ({
          brokers: kafka.ssl,
          tls: { ca: join(folder, "ca.pem"), cert: join(folder, "client.pem"), key: secretOf(kafka.pki!.client.key) },
        }),
      ],
    ] as const)("%s", async (_name, settings) => {
      const topic = await makeTopic(kafka.direct);
      const sink = openWith({ topic }, settings());
      expect(await sink.send([item(1)], signal)).toEqual([{ status: "accepted" }]);
    });

    test.each([
      ["a wrong password", "auth_failed", () => ({ brokers: kafka.sasl, sasl: { ...scram, ...secret("wrong") } })],
      [
        "an authority that is not trusted",
        "tls_failed",
        () => ({ brokers: kafka.saslSsl, tls: {}, sasl: { ...scram, ...secret("bob-pw") } }),
      ],
      [
        "no client certificate where one is needed",
        "tls_failed",
        () => ({ brokers: kafka.ssl, tls: { ca: join(folder, "ca.pem") } }),
      ],
      [
        "a file that is not there",
        "file_unreadable",
        () => ({ brokers: kafka.ssl, tls: { ca: join(folder, "none.pem") } }),
      ],
    ] as const)("%s: told at once with what to do, and nothing is lost of it", async (_name, code, settings) => {
      const topic = await makeTopic(kafka.direct);
      const answers = await openWith({ topic }, settings()).send([item(1)], signal);
      expect(answers).toEqual([{ status: "unknown", code, detail: expect.stringMatching(/.{20}/) }]);
      expect(JSON.stringify(answers)).not.toContain("wrong");
      expect(await countMessages(kafka.direct, topic)).toBe(0);
    });

    test("a session that the broker ends every 4 s is renewed while alerts go out", { timeout: KAFKA_MS }, async () => {
      const topic = await makeTopic(kafka.direct);
      const sink = openWith({ topic }, { brokers: kafka.sasl, sasl: { ...scram, ...secret("bob-pw") } });
      for (let n = 1; n <= 45; n += 1) {
        expect(await sink.send([item(n)], signal)).toEqual([{ status: "accepted" }]);
        await sleep(200);
      }
      expect(headsOf(await readTopic(kafka.direct, topic))).toHaveLength(45);
    });

    /** Secrets are made by the loading of the configuration; here they are put in behind the schema. */
    function openWith(base: { topic: string }, over: object): Sink {
      return open({ ...base, ...over });
    }
  });

  test("a topic that is missing is told with its name and what to grant; alerts go out once it is there", async () => {
    const topic = newTopic();
    const sink = open({ topic });
    const array = items(1, 3);
    for (const answer of await sink.send(array, signal))
      expect(answer).toEqual({
        status: "unknown",
        code: "topic_missing",
        detail: expect.stringContaining(`topic ${topic} does not exist`),
      });
    await makeTopic(kafka.direct, { topic, partitions: 4 });
    await sendUntilKnown(sink, array);
    expect(headsOf(await readTopic(kafka.direct, topic))).toHaveLength(3);
  });

  test("a user without rights is told which to grant; alerts go out once they are granted", async () => {
    const topic = await makeTopic(kafka.direct);
    const sink = open({
      brokers: kafka.sasl,
      topic,
      sasl: { mechanism: "scram-sha-256", username: "carol", password: secretOf("carol-pw") },
    });
    const array = items(1, 2);
    const [answer] = await sink.send(array, signal);
    expect(answer).toEqual({
      status: "unknown",
      code: "not_authorised",
      detail: expect.stringMatching(
        new RegExp(`User:carol may not write to topic ${topic} .*Write and Describe on Topic:${topic}`),
      ),
    });
    const acl = [AclOperationTypes.WRITE, AclOperationTypes.DESCRIBE].map((operation) => ({
      resourceType: AclResourceTypes.TOPIC,
      resourceName: topic,
      resourcePatternType: ResourcePatternTypes.LITERAL,
      principal: "User:carol",
      host: "*",
      operation,
      permissionType: AclPermissionTypes.ALLOW,
    }));
    await withAdmin(kafka.direct, (admin) => admin.createAcls({ acl }));
    const { results } = await sendUntilKnown(sink, array);
    expect(results).toEqual([{ status: "accepted" }, { status: "accepted" }]);
    expect(await countMessages(kafka.direct, topic)).toBe(2);
  });

  test("of a batch that the topic does not take, only the alerts that are too large alone are refused", async () => {
    const topic = await makeTopic(kafka.direct, { settings: { "max.message.bytes": "20000" } });
    const large: OutboxItem = { opened: true, alert: { ...item(3).alert, title: incompressible(40_000) } };
    const array = [...items(1, 2), large, ...items(4, 60)];
    const sink = open({ topic, compression: "none" });
    const { results } = await sendUntilKnown(sink, array);
    expect(results.map(({ status }) => status)).toEqual(array.map((one) => (one === large ? "refused" : "accepted")));
    expect(results[2]).toEqual({ status: "refused", code: "too_large" });
    expect(await sink.send(items(61, 62), signal)).toEqual([{ status: "accepted" }, { status: "accepted" }]);
    const numbers = headsOf(await readTopic(kafka.direct, topic)).map(({ id }) => Number.parseInt(id, 16));
    expect(numbers).toEqual(Array.from({ length: 62 }, (_, i) => i + 1).filter((n) => n !== 3));
  });

  test("a topic that is made anew with fewer partitions is learned", async () => {
    const topic = await makeTopic(kafka.direct, { partitions: 6 });
    const sink = open({ topic });
    await sendUntilKnown(sink, items(1, 60));
    expect(new Set((await readTopic(kafka.direct, topic)).map(({ partition }) => partition)).size).toBe(6);
    await withAdmin(kafka.direct, (admin) => admin.deleteTopics({ topics: [topic] }));
    await sleep(1000);
    await makeTopic(kafka.direct, { topic, partitions: 2 });
    const { results } = await sendUntilKnown(sink, items(61, 80));
    expect(results.every(({ status }) => status === "accepted")).toBe(true);
    const received = await readTopic(kafka.direct, topic);
    expect(headsOf(received)).toHaveLength(20);
    expect(new Set(received.map(({ partition }) => partition))).toEqual(new Set([0, 1]));
  });
});

/** Text that no compression makes smaller. */
function incompressible(length: number): string {
  let text = "";
  for (let n = 1; text.length < length; n = (n * 48_271) % 2_147_483_647) text += n.toString(36);
  return text.slice(0, length);
}
