/** Sources of the Kafka tests, what is put into topics for them, and how they are read. */
import { onTestFinished } from "vitest";
import kafkajs, { type Message } from "kafkajs";
import type { Batch, Source } from "../../../src/contracts.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { createKafkaSource, type KafkaSourceConfig } from "../../../src/sources/kafka.ts";
import { kafkaSourceSchema } from "../../../src/sources/kafka/settings.ts";
import type { SourceDeps } from "../../../src/sources/settings.ts";
import { commitPositions, withAlso } from "../../contracts/source-exam.ts";
import { LIMITS } from "../records.ts";

const { Kafka, logLevel } = kafkajs;

/** A source, and what it told. */
export type Opened = {
  readonly source: Source;
  readonly warnings: string[];
  /** Codes of the warnings. */
  readonly codes: (string | undefined)[];
  readonly alerts: { readonly name: string; readonly key: string; readonly why: string }[];
  scans: number;
};

/** A source with these settings; time-outs of a second and a half. Secrets are given as such. */
export function openSource(
  { tls, sasl, ...settings }: Partial<Record<keyof KafkaSourceConfig, unknown>>,
  deps: Partial<SourceDeps> = {},
): Opened {
  const config = kafkaSourceSchema.parse({ type: "kafka", requestTimeout: "1500ms", ...settings });
  const opened: Opened = { source: null as never, warnings: [], codes: [], alerts: [], scans: 0 };
  const source = createKafkaSource({ ...config, tls, sasl } as KafkaSourceConfig, {
    clock: systemClock,
    limits: LIMITS,
    warn: (text, code) => {
      opened.warnings.push(text);
      opened.codes.push(code);
    },
    alert: (name, about) => opened.alerts.push({ name, ...about }),
    onScanned: () => void (opened.scans += 1),
    ...deps,
  });
  return Object.assign(opened, { source });
}

/** Puts values into a partition; `null` deletes its key. */
export type Put = (topic: string, partition: number, messages: readonly (string | null | Message)[]) => Promise<void>;

/** A producer of the test's own. */
export async function openPut(
  brokers: readonly string[],
): Promise<{ readonly put: Put; readonly close: () => Promise<void> }> {
  const kafka = new Kafka({
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    clientId: "test",
    retry: { retries: 30 },
  });
  const producer = kafka.producer({
    createPartitioner:
      () =>
      ({ message }) =>
        message.partition ?? 0,
  });
  await producer.connect();
  return {
    put: async (topic, partition, values) => {
      const messages = values.map((value) =>
        value === null || typeof value === "string" ? { key: "k", value, partition } : { ...value, partition },
      );
      await producer.send({ topic, messages });
    },
    close: () => producer.disconnect(),
  };
}

/** A reading that goes on until it is told to stop. */
export type Reading = {
  /** All batches so far, with those that are committed with them. */
  readonly batches: Batch[];
  /** Positions as committed so far, after those it began with. */
  positions(): Map<string, string>;
  /** What ended it; undefined while it lasts or when it was stopped. */
  readonly error: () => unknown;
  readonly over: Promise<void>;
  stop(): Promise<void>;
};

/** Reads in the background, settling all, as the pipeline does; a pull waits for `pace`. */
export function startReading(
  source: Source,
  before: ReadonlyMap<string, string> = new Map(),
  pace: () => Promise<void> = async () => undefined,
): Reading {
  const end = new AbortController();
  const batches: Batch[] = [];
  let error: unknown;
  const over = (async () => {
    try {
      for await (const batch of source.read(before, end.signal)) {
        batches.push(...withAlso(batch));
        for (const one of withAlso(batch)) one.settle();
        await pace();
        if (end.signal.aborted) break;
      }
    } catch (thrown) {
      error = thrown;
    }
  })();
  const stop = async (): Promise<void> => {
    end.abort();
    await over;
  };
  onTestFinished(stop);
  return { batches, positions: () => commitPositions(before, batches), error: () => error, over, stop };
}
