/** The Kafka source and brokers that refuse, die, freeze and come back, and a pipeline that stands still. */
import { setTimeout as sleep } from "node:timers/promises";
import kafkajs from "kafkajs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { type Clock, systemClock } from "../../../src/lib/clock.ts";
import { kafkaSourceProbes } from "../../../src/sources/kafka/needs.ts";
import { kafkaSourceSchema } from "../../../src/sources/kafka/settings.ts";
import { KAFKA_MS, secretOf } from "../../kafka/make.ts";
import { type Kafka, newTopic, startKafka } from "../../support/kafka/broker.ts";
import { toNote, whyNoKafka } from "../../support/kafka/find.ts";
import { type Proxy, startProxy } from "../../support/kafka/proxy.ts";
import { makeTopic, withAdmin } from "../../support/kafka/topics.ts";
import { call, idsOf } from "../records.ts";
import { openPut, openSource, type Put, type Reading, startReading } from "./set-up.ts";

useEnvironmentCredentials();
const why = await whyNoKafka("own");
const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
const wait = { timeout: 90_000, interval: 20 } as const;
const calls = (name: string, count: number): string[] => Array.from({ length: count }, (_, at) => call(`${name}${at}`));
const numbered = (name: string, count: number): string[] =>
  calls(name, count)
    .map((_, at) => `${name}${at}`)
    .toSorted();
const idsSorted = (reading: Reading): string[] => idsOf(reading.batches).toSorted();

describe.skipIf(why !== null)(`the Kafka source and a broker in trouble${toNote(why)}`, { timeout: KAFKA_MS }, () => {
  let kafka: Kafka;
  let proxy: Proxy;
  let put: Put;
  let close: () => Promise<void>;
  beforeAll(async () => {
    proxy = await startProxy();
    const more = {
      "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
      "super.users": "User:ANONYMOUS",
      "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
      "listener.name.sasl_plaintext.oauthbearer.sasl.jaas.config":
        'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";',
    };
    kafka = await startKafka({ advertised: proxy.port, more });
    proxy.target(Number(kafka.plain[0]?.split(":")[1]));
    ({ put, close } = await openPut(kafka.direct));
  }, KAFKA_MS);
  afterAll(async () => {
    await close?.();
    await kafka?.stop();
    await proxy?.close();
  });

  const through = (topic: string, deps: Parameters<typeof openSource>[1] = {}): ReturnType<typeof openSource> =>
    openSource({ brokers: [`127.0.0.1:${proxy.port}`], topics: [topic], group: `g-${topic}` }, deps);
  const asCarol = (topic: string, password = "carol-pw"): ReturnType<typeof openSource> =>
    openSource({
      brokers: kafka.sasl,
      topics: [topic],
      group: `g-${topic}`,
      sasl: { mechanism: "scram-sha-256", username: "carol", password: secretOf(password) },
    });
  const grant = (resource: "topic" | "group", name: string, isGiven = true): Promise<unknown> => {
    const entry = {
      resourceType: resource === "topic" ? AclResourceTypes.TOPIC : AclResourceTypes.GROUP,
      principal: "User:carol",
      host: "*",
      operation: AclOperationTypes.READ,
      permissionType: AclPermissionTypes.ALLOW,
    };
    return withAdmin<unknown>(kafka.direct, (admin) =>
      isGiven
        ? admin.createAcls({
            acl: [{ ...entry, resourceName: name, resourcePatternType: ResourcePatternTypes.LITERAL }],
          })
        : admin.deleteAcls({
            filters: [{ ...entry, resourceName: name, resourcePatternType: ResourcePatternTypes.LITERAL }],
          }),
    );
  };

  test("a topic that is not there ends the run, and is named with what to grant", async () => {
    const [topic, other] = [newTopic(), await makeTopic(kafka.direct)];
    const topics = [other, topic];
    const reading = startReading(openSource({ brokers: kafka.direct, topics, group: `g-${topic}` }).source);
    await reading.over;
    expect(reading.error()).toMatchObject({
      code: "kafka_missing",
      message: expect.stringMatching(new RegExp(`topic ${topic} does not exist.*Read and Describe on Topic:${topic}`)),
    });
  });

  test("what is not allowed ends the run, and is named: the topic, then the group; later it is only told", async () => {
    const topic = await makeTopic(kafka.direct);
    await put(topic, 0, calls("a", 2));
    const grants = new RegExp(
      `User:carol may not read topic ${topic} .*Read and Describe on Topic:${topic}, and Read on Group:g-${topic}`,
    );
    for (const given of ["nothing", "the topic"]) {
      if (given === "the topic") await grant("topic", topic);
      const reading = startReading(asCarol(topic).source);
      await reading.over;
      expect(reading.error(), given).toMatchObject({ code: "kafka_denied", message: expect.stringMatching(grants) });
      expect(reading.batches).toEqual([]);
    }
    await grant("group", `g-${topic}`);
    const opened = asCarol(topic);
    const reading = startReading(opened.source);
    await expect.poll(() => idsOf(reading.batches), wait).toEqual(["a0", "a1"]);
    await grant("topic", topic, false);
    await expect.poll(() => opened.warnings.join(), wait).toMatch(grants);
    await put(topic, 0, calls("b", 1));
    await grant("topic", topic);
    await expect.poll(() => idsOf(reading.batches), wait).toEqual(["a0", "a1", "b0"]);
    expect(reading.error()).toBeUndefined();
  });

  test("a wrong password ends the run, and is not told", async () => {
    const reading = startReading(asCarol(await makeTopic(kafka.direct), "wrong-word").source);
    await reading.over;
    expect(reading.error()).toMatchObject({ code: "kafka_denied", message: expect.stringContaining("User:carol") });
    expect(String(reading.error())).not.toContain("wrong-word");
  });

  test("a token that the brokers refuse ends the run, and what to check is told", async () => {
    const topic = await makeTopic(kafka.direct);
    const sasl = { mechanism: "aws-msk-iam", region: "eu-west-1" };
    const reading = startReading(
      openSource({ brokers: kafka.sasl, topics: [topic], group: `g-${topic}`, sasl }).source,
    );
    await reading.over;
    expect(reading.error()).toMatchObject({
      code: "kafka_denied",
      message: expect.stringMatching(/refused the log-in .*kafka-cluster:Connect, sasl\.region, and the clock/),
    });
    expect(String(reading.error())).not.toContain("X-Amz");
  });

  test("doctor's probe says what is there, who is in the group, and what is missing", async () => {
    const topic = await makeTopic(kafka.direct, { partitions: 2 });
    await put(topic, 0, calls("a", 3));
    const probe = async (topics: readonly string[]): Promise<unknown> => {
      const config = kafkaSourceSchema.parse({ type: "kafka", brokers: kafka.direct, topics, group: `g-${topic}` });
      return kafkaSourceProbes(config)[0]?.run({
        clock: systemClock,
        signal: new AbortController().signal,
      });
    };
    expect(await probe([topic])).toMatchObject({
      status: "ok",
      did: expect.stringContaining(`${topic} has 2 partitions, 3 records`),
      notes: [expect.stringContaining("Read")],
    });
    const reading = startReading(through(topic).source);
    await expect.poll(() => idsOf(reading.batches).length, wait).toBe(3);
    expect(await probe([topic])).toMatchObject({ notes: [expect.stringContaining("has a member"), expect.anything()] });
    expect(await probe([newTopic()])).toMatchObject({ status: "fail", did: expect.stringContaining("does not exist") });
  });

  test("brokers that are away at the start are waited for", async () => {
    const topic = await makeTopic(kafka.direct);
    await put(topic, 0, calls("a", 2));
    proxy.refuse(true);
    proxy.cut();
    const opened = through(topic);
    const reading = startReading(opened.source);
    await expect.poll(() => opened.warnings.join(), wait).toMatch(/Source kafka cannot read .* cannot be reached/);
    expect(new Set(opened.codes)).toEqual(new Set(["kafka_unreachable"]));
    proxy.refuse(false);
    await expect.poll(() => idsOf(reading.batches), wait).toEqual(["a0", "a1"]);
  });

  test.each([
    [
      "killed and started on its data",
      async () => {
        await kafka.nodes[0]?.kill();
        await sleep(1000);
        await kafka.nodes[0]?.start();
      },
    ],
    [
      "frozen for longer than a session",
      async () => {
        kafka.nodes[0]?.pause();
        await sleep(12_000);
        kafka.nodes[0]?.resume();
      },
    ],
    ["silent on open connections, while new ones work", async () => proxy.silence()],
  ] as const)("a broker that is %s: every record comes once", async (_name, trouble) => {
    const topic = await makeTopic(kafka.direct, { partitions: 2 });
    const reading = startReading(through(topic).source);
    for (let at = 0; at < 5; at += 1) await put(topic, at % 2, calls(`a${at}-`, 50));
    await expect.poll(() => idsOf(reading.batches).length, wait).toBeGreaterThan(0);
    await trouble();
    for (let at = 0; at < 5; at += 1) await put(topic, at % 2, calls(`b${at}-`, 50));
    const all = ["a", "b"].flatMap((name) => [0, 1, 2, 3, 4].flatMap((at) => numbered(`${name}${at}-`, 50))).toSorted();
    await expect.poll(() => idsSorted(reading), wait).toEqual(all);
    await sleep(500);
    expect(idsSorted(reading)).toEqual(all);
    expect(reading.error()).toBeUndefined();
  });

  test("a pipeline that stands still for longer than a session keeps the place in the group", async () => {
    const topic = await makeTopic(kafka.direct);
    for (const name of ["a", "b", "c", "d", "e"]) await put(topic, 0, calls(name, 500));
    const gate = Promise.withResolvers<void>();
    const reading = startReading(through(topic).source, new Map(), () => gate.promise);
    await expect.poll(() => reading.batches.length, wait).toBe(1);
    await sleep(12_000);
    const second = startReading(through(topic).source);
    await second.over;
    expect(second.error()).toMatchObject({ code: "kafka_fenced" });
    // What is fetched waits for the pull: one batch is taken, and no more.
    expect(reading.batches).toHaveLength(1);
    gate.resolve();
    await expect.poll(() => idsOf(reading.batches).length, wait).toBe(2500);
    expect(new Set(idsOf(reading.batches)).size).toBe(2500);
  });

  test("while no broker answers, empty batches say that the source is not idle, and hold the watermark", async () => {
    // Every wait takes a tenth of its time.
    const clock: Clock = {
      ...systemClock,
      monotonicMs: () => systemClock.monotonicMs() * 10,
      sleep: (ms, signal) => systemClock.sleep(ms / 10, signal),
    };
    const topic = await makeTopic(kafka.direct);
    await put(topic, 0, calls("a", 2));
    let answers = 0;
    const reading = startReading(through(topic, { clock, onAnswered: () => void (answers += 1) }).source);
    await expect.poll(() => idsOf(reading.batches), wait).toEqual(["a0", "a1"]);
    expect(answers).toBeGreaterThan(0);
    const before = reading.batches.length;
    proxy.refuse(true);
    proxy.cut();
    const awayMs = Date.now();
    await expect.poll(() => reading.batches.length, wait).toBeGreaterThan(before);
    const heard = answers;
    await expect.poll(() => reading.batches.length, wait).toBeGreaterThan(before + 1);
    expect(answers).toBe(heard);
    for (const { floorMs, offsets } of reading.batches.slice(before)) {
      expect(offsets).toHaveLength(0);
      expect(floorMs).toBeGreaterThan(awayMs - 60_000);
      expect(floorMs).toBeLessThanOrEqual(awayMs + 2000);
    }
    proxy.refuse(false);
    await put(topic, 0, calls("b", 1));
    await expect.poll(() => idsOf(reading.batches), wait).toEqual(["a0", "a1", "b0"]);
    expect(answers).toBeGreaterThan(heard);
  });
});
