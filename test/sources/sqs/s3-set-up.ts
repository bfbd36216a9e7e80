/** An emulator with a bucket, sources over its queues, and what their batches come to. */
import { gzipSync } from "node:zlib";
import type { Batch, Source } from "../../../src/contracts.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { createSource, sourceRegistry } from "../../../src/sources/registry.ts";
import type { SourceDeps } from "../../../src/sources/settings.ts";
import { eventually } from "../../aws/set-up.ts";
import { textsOf, withAlso } from "../../contracts/source-exam.ts";
import { type Emulator, type Queue, startEmulator } from "../../fakes/emulator.ts";
import type { Noticed } from "../../fakes/s3-notices.ts";
import { LIMITS } from "../records.ts";

export type BucketTests = {
  readonly emulator: Emulator;
  readonly bucket: string;
  readonly warnings: string[];
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Rules of the proxy and warnings go. */
  reset(): void;
  queue(): Promise<Queue>;
  /** Stores an object; a text is packed when its name ends in .gz. */
  put(key: string, content: string | Uint8Array): Promise<Noticed>;
  open(queue: Queue, settings?: Settings, deps?: Partial<SourceDeps>): Source;
  /** Waits until the queue is empty. */
  isEmpty(queue: Queue): Promise<void>;
};

type Settings = Readonly<Record<string, unknown>> & { readonly type?: "sqs-s3" | "bedrock-log" };

/** To be made once a file; `start` before all, `stop` after. */
export function createBucketTests(): BucketTests {
  let emulator: Emulator | null = null;
  const warnings: string[] = [];
  const bucket = "trail-logs";
  let queues = 0;
  const running = (): Emulator => {
    if (emulator === null) throw new Error("not started");
    return emulator;
  };
  return {
    get emulator() {
      return running();
    },
    bucket,
    warnings,
    start: async () => {
      emulator = await startEmulator();
      await emulator.createBucket(bucket);
    },
    stop: () => running().close(),
    reset: () => {
      running().proxy.set();
      warnings.length = 0;
    },
    queue: () => running().createQueue(`notices-${(queues += 1)}`),
    put: async (key, content) => {
      const body =
        typeof content !== "string" ? content : key.endsWith(".gz") ? gzipSync(content) : Buffer.from(content);
      return { bucket, key, size: body.length, etag: await running().put(bucket, key, body) };
    },
    open: (queue, settings: Settings = {}, deps = {}) => {
      const config = sourceRegistry[settings.type ?? "sqs-s3"].schema.parse({
        type: "sqs-s3",
        queue: queue.url,
        region: "eu-west-1",
        endpoint: emulator?.endpoint ?? "http://127.0.0.1:1",
        wait: "1s",
        ...settings,
      });
      return createSource(config, { clock: systemClock, limits: LIMITS, warn: (text) => warnings.push(text), ...deps });
    },
    isEmpty: (queue) => eventually(() => running().counts(queue), { waiting: 0, inFlight: 0 }),
  };
}

export type Outcomes = {
  readonly records: readonly string[];
  readonly rejected: Readonly<Record<string, number>>;
  readonly skipped: Readonly<Record<string, number>>;
};

/** What batches come to, records sorted. */
export function outcomesOf(batches: readonly Batch[]): Outcomes {
  const count = (names: readonly string[]): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
    return counts;
  };
  return {
    records: batches.flatMap(textsOf).toSorted(),
    rejected: count(batches.flatMap(({ rejected }) => rejected.map(({ reason }) => reason))),
    skipped: count(
      batches.flatMap(({ skipped }) =>
        Object.entries(skipped).flatMap(([reason, times]) => Array.from({ length: times }, () => reason)),
      ),
    ),
  };
}

export type TakeOptions = {
  readonly positions?: ReadonlyMap<string, string>;
  /** What is counted: records, rejected and skipped, or batches that were settled. */
  readonly by?: "outcomes" | "settled";
  readonly onBatch?: (batch: Batch) => void;
};

/** Reads until so many outcomes came, settling each batch at once. */
export async function takeAll(source: Source, count: number, options: TakeOptions = {}): Promise<readonly Batch[]> {
  const { positions = new Map(), by = "outcomes", onBatch } = options;
  const batches: Batch[] = [];
  const end = new AbortController();
  for await (const batch of source.read(positions, end.signal)) {
    batches.push(...withAlso(batch));
    for (const one of withAlso(batch)) {
      onBatch?.(one);
      one.settle();
    }
    const { records, rejected, skipped } = outcomesOf(batches);
    const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0);
    const reached = by === "settled" ? batches.length : records.length + sum(rejected) + sum(skipped);
    if (reached >= count) end.abort();
  }
  return batches;
}
