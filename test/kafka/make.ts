/** Sinks of the Kafka tests, and what they are told to send. */
import type { OutboxItem, SendResult, Sink } from "../../src/contracts.ts";
import { createSecret } from "../../src/model/secret.ts";
import { createKafkaSink, type KafkaSinkConfig } from "../../src/sinks/kafka.ts";
import { kafkaSchema } from "../../src/sinks/kafka/settings.ts";
import { item } from "../contracts/alert-items.ts";
import type { Received } from "../support/kafka/topics.ts";

/** Slow, shared machines: brokers are started and time-outs waited for. */
export const KAFKA_MS = 180_000;

/** A sink with these settings; time-outs of a second, so that faults are soon found. Secrets are given as such. */
export function openSink({ tls, sasl, ...settings }: Partial<Record<keyof KafkaSinkConfig, unknown>>): Sink {
  const config = kafkaSchema.parse({ type: "kafka", requestTimeout: "1s", ...settings });
  const secured = { ...config, tls, sasl } as KafkaSinkConfig;
  return createKafkaSink(secured, { version: "0.1.0", stdout: process.stdout });
}

/** A secret with a value. */
export function secretOf(value: string): ReturnType<typeof createSecret> {
  const secret = createSecret({ env: "TEST" });
  secret.fill(value);
  return secret;
}

/** Alerts `from` to `to`, both included. */
export function items(from: number, to: number, revision = 1): OutboxItem[] {
  return Array.from({ length: to - from + 1 }, (_, i) => item(from + i, revision));
}

/** Sends the very same array until nothing is unknown; gives the answers and the codes on the way. */
export async function sendUntilKnown(
  sink: Sink,
  array: readonly OutboxItem[],
): Promise<{ results: readonly SendResult[]; codes: readonly string[] }> {
  const codes: string[] = [];
  for (let tries = 0; tries < 200; tries += 1) {
    const results = await sink.send(array, new AbortController().signal);
    const unknown = results.find((result) => result.status === "unknown");
    if (unknown === undefined) return { results, codes };
    codes.push(unknown.code);
    await new Promise((resolve) => void setTimeout(resolve, 200));
  }
  throw new Error(`no answer in 200 tries: ${codes.slice(-3).join()}`);
}

/** Id and revision of each message. */
export function headsOf(received: readonly Received[]): { id: string; revision: number }[] {
  return received.map(({ headers }) => ({ id: headers["id"] ?? "", revision: Number(headers["revision"]) }));
}
