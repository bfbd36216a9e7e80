/**
 * The sqs-s3 source with the whole pipeline behind it, against the bare loop that reads the same queue and bucket: receive
 * ten, for each get, gunzip and JSON.parse, delete them.
 *
 * 2,000 objects of 100 records, 16 at a time on both sides; the emulator in a process of its own. A side is done when its
 * last message is deleted. Rounds alternate and the fastest of each side counts; `speed` is objects a second over those of the bare loop, the aim 0.75. Prints one JSON line.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip, gzipSync } from "node:zlib";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { composeRun } from "../src/compose.ts";
import { parseConfig } from "../src/config/load.ts";
import { ADAPTERS } from "../src/config/registries.ts";
import { generateRecords } from "../src/simulate/simulation.ts";
import { toNotice } from "../test/fakes/s3-notices.ts";
import { describeMachine, print, round } from "./machine.ts";

const [OBJECTS, RECORDS, LOOPS, ROUNDS, TEN] = [2000, 100, 16, 3, 10];
const [BUCKET, SLOT_MS] = ["bench-trail", 300_000];
const CREDENTIALS = { accessKeyId: "test", secretAccessKey: "test" };

type World = { readonly endpoint: string; readonly s3: S3Client; readonly sqs: SQSClient; readonly notices: string[] };

/** Puts the objects; their times end now, as a live source's do. */
async function fill(endpoint: string): Promise<World> {
  const settings = { region: "eu-west-1", endpoint, credentials: CREDENTIALS };
  const s3 = new S3Client({ ...settings, forcePathStyle: true });
  const sqs = new SQSClient(settings);
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
  const startMs = Math.floor(Date.now() / SLOT_MS) * SLOT_MS - 24 * 3_600_000;
  const records = generateRecords({ seed: 7, records: OBJECTS * RECORDS, startMs, attacks: [], duplicateShare: 0 });
  const notices: string[] = [];
  for (let index = 0; index < OBJECTS; index += 1) {
    const texts = Array.from({ length: RECORDS }, () =>
      Buffer.from((records.next().value as { bytes: Uint8Array }).bytes).toString(),
    );
    const body = gzipSync(`{"Records":[${texts.join(",")}]}`);
    const key = `AWSLogs/111122223333/CloudTrail/eu-west-1/2026/01/02/111122223333_CloudTrail_eu-west-1_20260102T0305Z_${index}.json.gz`;
    const { ETag = "" } = await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: body }));
    notices.push(toNotice({ bucket: BUCKET, key, size: body.length, etag: ETag.replaceAll('"', "") }));
  }
  return { endpoint, s3, sqs, notices };
}

/** A queue with a notice of each object. */
async function notify({ sqs, notices }: World, name: string): Promise<string> {
  const { QueueUrl = "" } = await sqs.send(
    new CreateQueueCommand({ QueueName: name, Attributes: { VisibilityTimeout: "300" } }),
  );
  for (let at = 0; at < notices.length; at += TEN) {
    const Entries = notices.slice(at, at + TEN).map((MessageBody, n) => ({ Id: `m${n}`, MessageBody }));
    await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
  }
  return QueueUrl;
}

type Took = { readonly ms: number; readonly records: number; readonly cpuMs: number };

async function readBare({ s3, sqs }: World, QueueUrl: string): Promise<Took> {
  const unzip = promisify(gunzip);
  const [begunMs, begun] = [performance.now(), process.cpuUsage()];
  const sum = { objects: 0, records: 0 };
  const loop = async (): Promise<void> => {
    while (sum.objects < OBJECTS) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: TEN, WaitTimeSeconds: 0 }),
      );
      if (Messages.length === 0 && sum.objects < OBJECTS) await new Promise((resolve) => setTimeout(resolve, 5));
      for (const { Body = "" } of Messages) {
        const { Records } = JSON.parse(Body) as { Records: { s3: { object: { key: string } } }[] };
        const Key = decodeURIComponent((Records[0]?.s3.object.key ?? "").replaceAll("+", " "));
        const object = await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key }));
        const bytes = (await object.Body?.transformToByteArray()) ?? new Uint8Array(0);
        const text = (await unzip(bytes)).toString();
        sum.records += (JSON.parse(text) as { Records: unknown[] }).Records.length;
        sum.objects += 1;
      }
      if (Messages.length === 0) continue;
      const Entries = Messages.map(({ ReceiptHandle }, n) => ({ Id: `d${n}`, ReceiptHandle }));
      await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    }
  };
  await Promise.all(Array.from({ length: LOOPS }, loop));
  return { ms: performance.now() - begunMs, records: sum.records, cpuMs: cpuSince(begun) };
}

/** From the store's opening until the run has ended after its last commit, and the queue is empty. */
async function readWhole({ endpoint, sqs }: World, queue: string): Promise<Took> {
  const folder = mkdtempSync(join(tmpdir(), "sagewatch-bench-"));
  const source = {
    type: "sqs-s3",
    name: "trail",
    region: "eu-west-1",
    queue,
    endpoint,
    wait: "1s",
    concurrency: LOOPS,
  };
  const wanted = {
    state: { dir: join(folder, "state") },
    sources: [source],
    sinks: [{ type: "file", name: "alerts", path: join(folder, "alerts.ndjson") }],
  };
  const { config } = parseConfig(JSON.stringify(wanted), { path: null, adapters: ADAPTERS });
  const stop = new AbortController();
  let [begunMs, begun, committed] = [Number.NaN, process.cpuUsage(), 0];
  const emit = (signal: { readonly type: string; readonly records?: number }): void => {
    if (signal.type === "store_opened") [begunMs, begun] = [performance.now(), process.cpuUsage()];
    if (signal.type !== "committed") return;
    committed += signal.records ?? 0;
    if (committed >= OBJECTS * RECORDS) stop.abort();
  };
  try {
    await composeRun({ config, emit, signal: stop.signal });
    while ((await countLeft(sqs, queue)) > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    return { ms: performance.now() - begunMs, records: committed, cpuMs: cpuSince(begun) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Messages that are not deleted. */
async function countLeft(sqs: SQSClient, QueueUrl: string): Promise<number> {
  const names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] as const;
  const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...names] }));
  return names.reduce((sum, name) => sum + Number(Attributes[name]), 0);
}

function cpuSince(begun: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / 1000;
}

process.env["AWS_ACCESS_KEY_ID"] = CREDENTIALS.accessKeyId;
process.env["AWS_SECRET_ACCESS_KEY"] = CREDENTIALS.secretAccessKey;
const server = spawn(process.execPath, [join(import.meta.dirname, "objects-server.ts")], {
  stdio: ["ignore", "pipe", "inherit"],
});
process.on("exit", () => server.kill());
const [first] = (await once(server.stdout, "data")) as [Buffer];
const world = await fill(first.toString().trim());
const best = { bare: Infinity, whole: Infinity };
const cpu = { bare: Infinity, whole: Infinity };
for (let index = 0; index < ROUNDS; index += 1) {
  for (const [side, read] of [
    ["bare", readBare],
    ["whole", readWhole],
  ] as const) {
    const { ms, records, cpuMs } = await read(world, await notify(world, `${side}-${index}`));
    if (records !== OBJECTS * RECORDS) throw new Error(`${side} read ${records} records`);
    best[side] = Math.min(best[side], ms);
    cpu[side] = Math.min(cpu[side], cpuMs);
  }
}
print({
  ...describeMachine("objects"),
  input: { objects: OBJECTS, records: OBJECTS * RECORDS },
  objectsS: { bare: round((OBJECTS * 1000) / best.bare), whole: round((OBJECTS * 1000) / best.whole) },
  cpuMsAnObject: { bare: round(cpu.bare / OBJECTS, 2), whole: round(cpu.whole / OBJECTS, 2) },
  speed: round(best.bare / best.whole, 3),
});
process.exit(0);
