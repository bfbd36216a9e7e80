/**
 * Makes a source over a queue fit for the exam of sources, which wants one that ends and can be read again and again.
 *
 * Each reading without positions gets a queue of its own with the same messages; the queue's URL is told as a position, so
 * that a restart goes on with the same queue. A reading ends when the queue is empty and nothing of it is in flight.
 */
import type { Batch, Source } from "../../../src/contracts.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import type { Emulator, Queue } from "../../fakes/emulator.ts";

export type QueueSubject = {
  readonly emulator: Pick<Emulator, "createQueue" | "counts">;
  readonly name: string;
  /** A source over this queue. */
  open(queue: Queue): Source;
  /** Puts the prepared input on a new queue. */
  fill(queue: Queue): Promise<void>;
};

const KEY = "exam queue";
let queues = 0;

/** A source that ends. */
export function toEnding(subject: QueueSubject): Source {
  const template = subject.open({ url: "http://127.0.0.1/111122223333/none", arn: "" });
  return { ...template, read: (positions, signal) => readToEnd(subject, positions, signal) };
}

async function* readToEnd(
  subject: QueueSubject,
  positions: ReadonlyMap<string, string>,
  signal: AbortSignal,
): AsyncGenerator<Batch> {
  const { emulator } = subject;
  const known = positions.get(KEY);
  const queue = known === undefined ? await createFilled(subject) : (JSON.parse(known) as Queue);
  const end = new AbortController();
  const source = subject.open(queue);
  const watching = endWhenEmpty(emulator, queue, end);
  const others = new Map([...positions].filter(([key]) => key !== KEY));
  const place = { source: subject.name, key: KEY, value: JSON.stringify(queue) };
  try {
    for await (const batch of source.read(others, AbortSignal.any([signal, end.signal])))
      yield { ...batch, positions: [...batch.positions, place] };
  } finally {
    end.abort();
    await watching;
  }
}

async function createFilled(subject: QueueSubject): Promise<Queue> {
  const queue = await subject.emulator.createQueue(`exam-${subject.name}-${(queues += 1)}`);
  await subject.fill(queue);
  return queue;
}

async function endWhenEmpty(emulator: Pick<Emulator, "counts">, queue: Queue, end: AbortController): Promise<void> {
  while (!end.signal.aborted) {
    const { waiting, inFlight } = await emulator.counts(queue);
    if (waiting + inFlight === 0) return end.abort();
    await systemClock.sleep(10, end.signal);
  }
}
