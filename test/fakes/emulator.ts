/**
 * SQS, SNS and S3 in this process: fauxqs behind the fault proxy, with what the tests of sources need of it.
 *
 * It delivers no S3 notices by itself: s3-notices.ts makes them. Known to differ from AWS: a bogus receipt handle is
 * deleted "successfully"; If-None-Match, versions, bucket policies and SSE-KMS are ignored. Never asked for other services.
 */
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { CreateTopicCommand, PublishCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, GetQueueAttributesCommand, SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import { buildApp } from "fauxqs";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";

/** A queue by its URL and ARN. */
export type Queue = { readonly url: string; readonly arn: string };

/** An object as it is put; metadata by the names behind `x-amz-meta-`. */
export type StoredObject = {
  readonly bucket: string;
  readonly key: string;
  readonly body: Uint8Array;
  readonly metadata?: Readonly<Record<string, string>>;
};

export type Emulator = Things & {
  /** What a source is given as its endpoint: the fault proxy. */
  readonly endpoint: string;
  readonly proxy: FaultProxy;
  /**
   * Resolves when every request is over here, too. A poll that its client cut takes messages, for nobody, until the queue hears
   * of that some ms later; so may SQS, and what it took comes again when its visibility ends.
   */
  quiet(): Promise<void>;
};

/** Queues, topics and buckets of whatever serves them, for the test itself. */
export type Things = {
  readonly s3: S3Client;
  readonly sqs: SQSClient;
  readonly sns: SNSClient;
  /** `attributes` as CreateQueue has them; visibility 30 s unless given. */
  createQueue(name: string, attributes?: Readonly<Record<string, string>>): Promise<Queue>;
  createBucket(name: string): Promise<void>;
  /** A topic that hands on to `queue`, wrapped or raw. Its ARN. */
  createTopic(name: string, queue: Queue, raw: boolean): Promise<string>;
  send(queue: Queue, bodies: readonly string[]): Promise<void>;
  publish(topicArn: string, message: string, subject?: string): Promise<void>;
  put(bucket: string, key: string, body: Uint8Array): Promise<string>;
  /** The same with metadata of the object. */
  deliver(object: StoredObject): Promise<string>;
  remove(bucket: string, key: string): Promise<void>;
  get(bucket: string, key: string): Promise<Uint8Array>;
  /** Messages that wait and that are in flight. */
  counts(queue: Queue): Promise<{ readonly waiting: number; readonly inFlight: number }>;
  close(): Promise<void>;
};

/** Settings of any client of the emulator. */
export const EMULATOR_CREDENTIALS = { accessKeyId: "test", secretAccessKey: "test" } as const;

/** Starts it on a port of 127.0.0.1. */
export async function startEmulator(): Promise<Emulator> {
  const app = buildApp({ logger: false });
  const polls = endPollsWithTheirClients(app);
  await app.listen({ host: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const proxy = await startFaultProxy(url);
  const things = openThings(url);
  return {
    ...things,
    endpoint: proxy.url,
    proxy,
    quiet: async () => {
      // Twice: what the proxy has just let go may be on its way.
      for (let quiet = 0; quiet < 2; quiet = proxy.open() + polls.open() === 0 ? quiet + 1 : 0) await sleep(LOOK_MS);
    },
    close: async () => {
      await things.close();
      await proxy.close();
      app.server.closeAllConnections();
      await app.close();
    },
  };
}

/** What stands at a URL, past any proxy. */
export function openThings(url: string): Things {
  const settings = { region: "eu-west-1", endpoint: url, credentials: EMULATOR_CREDENTIALS };
  const [s3, sqs, sns] = [
    new S3Client({ ...settings, forcePathStyle: true }),
    new SQSClient(settings),
    new SNSClient(settings),
  ];
  return {
    s3,
    sqs,
    sns,
    createQueue: (name, attributes) => createQueue(sqs, name, attributes),
    createBucket: async (name) => void (await s3.send(new CreateBucketCommand({ Bucket: name }))),
    createTopic: async (name, queue, raw) => {
      const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: name }));
      const Attributes = { RawMessageDelivery: String(raw) };
      await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: queue.arn, Attributes }));
      return TopicArn;
    },
    send: (queue, bodies) => sendAll(sqs, queue, bodies),
    publish: async (TopicArn, Message, Subject) =>
      void (await sns.send(new PublishCommand({ TopicArn, Message, ...(Subject === undefined ? {} : { Subject }) }))),
    remove: async (bucket, key) => void (await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))),
    put: (bucket, key, body) => deliver(s3, { bucket, key, body }),
    deliver: (object) => deliver(s3, object),
    get: async (bucket, key) => {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return (await Body?.transformToByteArray()) ?? new Uint8Array(0);
    },
    counts: (queue) => countsOf(sqs, queue),
    close: async () => {
      for (const client of [s3, sqs, sns]) client.destroy();
    },
  };
}

async function deliver(s3: S3Client, { bucket, key, body, metadata = {} }: StoredObject): Promise<string> {
  const command = new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, Metadata: metadata });
  const { ETag = "" } = await s3.send(command);
  return ETag.replaceAll('"', "");
}

/** How often a poll looks, ms. */
const LOOK_MS = 10;

/**
 * A long poll whose client has gone would take the next message for nobody, and hold it for its visibility. So a poll looks
 * again and again, and stops when its connection does. `open`: requests that are not over.
 */
function endPollsWithTheirClients(app: ReturnType<typeof buildApp>): { readonly open: () => number } {
  let open = 0;
  const begin = (): void => void (open += 1);
  const end = (): void => void (open -= 1);
  app.server.on("request", (_request, response) => {
    begin();
    response.once("close", end);
  });
  app.addHook("preHandler", async (request, reply) => {
    const target = request.headers["x-amz-target"];
    const body = request.body as { readonly WaitTimeSeconds?: number } | null;
    if (target !== "AmazonSQS.ReceiveMessage" || (body?.WaitTimeSeconds ?? 0) === 0) return;
    const endMs = performance.now() + (body?.WaitTimeSeconds ?? 0) * 1000;
    const headers = { "content-type": "application/x-amz-json-1.0", "x-amz-target": target };
    const payload = JSON.stringify({ ...body, WaitTimeSeconds: 0 });
    const look = async (): Promise<Awaited<ReturnType<typeof app.inject>> | null> => {
      while (!request.raw.socket.destroyed) {
        const answer = await app.inject({ method: "POST", url: request.url, headers, payload });
        if (answer.statusCode !== 200 || answer.payload.includes('"Messages"') || performance.now() >= endMs)
          return answer;
        await sleep(LOOK_MS);
      }
      return null;
    };
    begin();
    const answer = await look().finally(end);
    if (answer === null) return reply.hijack();
    return reply.status(answer.statusCode).headers(answer.headers).send(answer.payload);
  });
  return { open: () => open };
}

async function createQueue(
  sqs: SQSClient,
  name: string,
  attributes: Readonly<Record<string, string>> = {},
): Promise<Queue> {
  const { QueueUrl: url = "" } = await sqs.send(
    new CreateQueueCommand({ QueueName: name, Attributes: { ...attributes } }),
  );
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["QueueArn"] }));
  return { url, arn: Attributes?.["QueueArn"] ?? "" };
}

async function sendAll(sqs: SQSClient, queue: Queue, bodies: readonly string[]): Promise<void> {
  for (let at = 0; at < bodies.length; at += 10) {
    const Entries = bodies.slice(at, at + 10).map((MessageBody, index) => ({ Id: `m${index}`, MessageBody }));
    const { Failed = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl: queue.url, Entries }));
    if (Failed.length > 0) throw new Error(`not sent: ${JSON.stringify(Failed)}`);
  }
}

async function countsOf(sqs: SQSClient, queue: Queue): Promise<{ waiting: number; inFlight: number }> {
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: queue.url,
      AttributeNames: ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    }),
  );
  return {
    waiting: Number(Attributes?.["ApproximateNumberOfMessages"]),
    inFlight: Number(Attributes?.["ApproximateNumberOfMessagesNotVisible"]),
  };
}
