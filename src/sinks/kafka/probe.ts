/**
 * What `sagewatch doctor` tries of the Kafka sink: connecting, logging in, and the topic's partitions. No message is sent.
 */
import { toUser } from "../../kafka/settings.ts";
import type { Finding, Probe, ProbeBy } from "../../model/probe.ts";
import { readError } from "./errors.ts";
import type { KafkaSinkConfig } from "./settings.ts";

/** The probe of a sink. */
export function kafkaProbes(config: KafkaSinkConfig): readonly Probe[] {
  return [{ name: `sink ${config.name}: broker`, run: (by) => probeBroker(config, by) }];
}

async function probeBroker(config: KafkaSinkConfig, { clock, signal }: ProbeBy): Promise<Finding> {
  const { createClient } = await import("./client.ts");
  const { brokers, topic } = config;
  let partitions = 0;
  const client = createClient({ config, clock, onPartitions: (count) => void (partitions = count) });
  signal.addEventListener("abort", () => client.destroy(), { once: true });
  try {
    await client.connect();
  } catch (error) {
    const reading = readError(error, { topic, brokers, user: toUser(config) });
    const code = reading.answer === "accepted" ? "connect_failed" : reading.code;
    const detail = "detail" in reading ? reading.detail : undefined;
    const mend = detail ?? "check `brokers`, the network, and `tls` and `sasl` (docs/kafka.md)";
    return { status: "fail", did: `connecting to ${brokers.join(", ")}: ${code}`, mend };
  } finally {
    client.destroy();
  }
  if (partitions > 0)
    return { status: "ok", did: `connected; ${topic} has ${partitions} partitions. Nothing was sent` };
  return {
    status: "fail",
    did: `connected, and the topic ${topic} is not there or not to be seen`,
    mend: "create the topic, or allow this user to describe it",
  };
}
