/**
 * A lane of the Kafka sink: one producer, one send under way, and the array whose fate is not known.
 *
 * The same array again goes on where the last try ended, with the same messages on the same producer: the broker then
 * knows a repetition by its numbers and drops it. Another array while one is open means that its fate will never be asked
 * for: it gets a new producer, for under the old one's numbers the broker could take it for the repetition and drop it.
 * When a send is aborted, what is under way has a moment to end; then all connections are cut, so that nothing is
 * delivered behind the back of whoever stopped.
 */
import type { OutboxItem, SendResult } from "../../contracts.ts";
import type { Clock } from "../../lib/clock.ts";
import type { KafkaClient } from "./client.ts";
import { type Place, readError, type Reading } from "./errors.ts";
import { createPlan, type Plan, type PlanOptions, type Send } from "./plan.ts";

/** Sends arrays, one at a time, as the contract of a sink says. */
export type Lane = {
  send(items: readonly OutboxItem[], signal: AbortSignal): Promise<readonly SendResult[]>;
  /** Cuts the connections. */
  close(): void;
};

export type LaneOptions = {
  readonly open: () => Promise<KafkaClient>;
  readonly plan: Omit<PlanOptions, "nowMs">;
  readonly place: Place;
  readonly clock: Clock;
  /** How many partitions there are; null while nobody knows. */
  readonly partitions: () => number | null;
};

/** How long an aborted send may still take, ms: several times what a broker in order needs. */
const GRACE_MS = 1_000;
const ACCEPTED: SendResult = { status: "accepted" };
const ABORTED: SendResult = { status: "unknown", code: "aborted" };

/** Connects with the first array. */
export function createLane(options: LaneOptions): Lane {
  let client: KafkaClient | null = null;
  let isConnected = false;
  let open: Plan | null = null;
  const drop = (): void => {
    client?.destroy();
    client = null;
    isConnected = false;
  };
  const connected = async (): Promise<KafkaClient> => {
    client ??= await options.open();
    if (!isConnected) await client.connect();
    isConnected = true;
    return client;
  };
  /** Sends what is open of the plan; gives the reading that ended it early, or null. */
  const carryOut = async (plan: Plan): Promise<Reading | null> => {
    let unknown: Reading | null = null;
    const waiting = new Set<number>();
    try {
      const producer = await connected();
      plan.cut(options.partitions() ?? 1);
      for (let send = next(plan, waiting); send !== undefined; send = next(plan, waiting)) {
        const reading = await sendOne(producer, send, options.place);
        if (reading.answer === "unknown") {
          unknown ??= reading;
          if (reading.needsProducer === true) drop();
          if (reading.isLocal !== true) break;
          waiting.add(send.partition);
        } else answer(plan, send, reading);
      }
    } catch (error) {
      unknown = readError(error, options.place);
      // What cannot be refused before it is sent: the connecting failed.
      if (unknown.answer !== "unknown") unknown = { answer: "unknown", code: "connect_failed" };
    }
    return unknown;
  };
  return {
    close: drop,
    send: async (items, signal) => {
      if (items.length === 0) return [];
      if (signal.aborted) return items.map(() => ABORTED);
      if (open !== null && !open.isFor(items)) {
        drop();
        open = null;
      }
      const plan = open ?? createPlan(items, { ...options.plan, nowMs: options.clock.nowMs() });
      open = plan;
      const unknown = await withGrace(carryOut(plan), signal, options.clock);
      if (unknown === "aborted") drop();
      const pending = unknown === "aborted" ? ABORTED : toPending(unknown);
      const results = plan.results(pending);
      if (results.every(({ status }) => status !== "unknown")) open = null;
      return results;
    },
  };
}

/** The next send whose partition is not waiting for a leader: within a partition the order stays. */
function next(plan: Plan, waiting: ReadonlySet<number>): Send | undefined {
  return plan.sends().find(({ partition }) => !waiting.has(partition));
}

async function sendOne(client: KafkaClient, send: Send, place: Place): Promise<Reading> {
  try {
    await client.produce(send.partition, send.messages.map(toKafkaMessage));
    return { answer: "accepted" };
  } catch (error) {
    return readError(error, place);
  }
}

function toKafkaMessage({ key, value, headers, timestamp }: Send["messages"][number]): {
  key: string;
  value: string;
  headers: Record<string, string>;
  timestamp: string;
} {
  return { key, value, headers: { ...headers }, timestamp };
}

function answer(plan: Plan, send: Send, reading: Exclude<Reading, { answer: "unknown" }>): void {
  if (reading.answer === "accepted") plan.settle(send, ACCEPTED);
  else if (reading.code === "too_large" && send.messages.length > 1) plan.single(send);
  else plan.settle(send, { status: "refused", code: reading.code });
}

function toPending(reading: Reading | null): SendResult {
  if (reading?.answer !== "unknown") return { status: "unknown", code: "send_failed" };
  const { code, detail } = reading;
  return { status: "unknown", code, ...(detail === undefined ? {} : { detail }) };
}

/** What `work` gives, or "aborted" when the signal aborts and the grace is over before. */
async function withGrace<T>(work: Promise<T>, signal: AbortSignal, clock: Clock): Promise<T | "aborted"> {
  const over = new AbortController();
  const { promise: isAborted, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true, signal: over.signal });
  const deadline = isAborted.then(() => clock.sleep(GRACE_MS, over.signal)).then(() => "aborted" as const);
  try {
    return await Promise.race([work, deadline]);
  } finally {
    over.abort();
  }
}
