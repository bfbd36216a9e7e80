/**
 * Whether the Kafka tests can run here, and with which broker.
 *
 * KAFKA_BROKERS names a broker that is there already: tests that only send and read use it, those that stop or freeze a
 * broker are skipped. Else a broker of our own is started, for which Java and the jars are needed. Where neither can be
 * had the tests are skipped by name with the reason; with CI=true that is a failure.
 */
import { installJars } from "./install.ts";
import { findJava } from "./place.ts";
import { type Kafka, type KafkaOptions, startKafka } from "./broker.ts";

const brokers = (process.env["KAFKA_BROKERS"] ?? "").split(",").filter((broker) => broker !== "");
const isCi = !["", "0", "false"].includes(process.env["CI"] ?? "");

/** Why the tests cannot run: null when they can. `own`: with a broker that the test may stop. Throws under CI=true. */
export async function whyNoKafka(need: "own" | "any"): Promise<string | null> {
  if (brokers.length > 0)
    return need === "any" ? null : "KAFKA_BROKERS is set, and these tests need a broker of their own";
  const why = await whyNoOwn();
  if (why !== null) process.stderr.write(`Kafka tests are skipped: ${why}\n`);
  if (why !== null && isCi) throw new Error(`CI=true and the Kafka tests cannot run: ${why}`);
  return why;
}

/** The brokers of KAFKA_BROKERS, or a broker of our own. */
export async function useKafka(options: KafkaOptions = {}): Promise<Pick<Kafka, "plain" | "direct" | "stop">> {
  if (brokers.length === 0) return startKafka(options);
  return { plain: brokers, direct: brokers, stop: () => Promise.resolve() };
}

/** What the name of a group of tests says behind it: the reason why they are skipped. */
export function toNote(why: string | null): string {
  return why === null ? "" : ` (skipped: ${why})`;
}

async function whyNoOwn(): Promise<string | null> {
  const java = findJava();
  if ("missing" in java) return java.missing;
  try {
    await installJars();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
