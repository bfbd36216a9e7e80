/** What a behaviour is, and what all of them use: sources and sinks as the configuration makes them, readings that end. */
import type { Batch, Sink, Source } from "../../src/contracts.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { type SourceConfig, sourceRegistry } from "../../src/sources/registry.ts";
import type { SinkConfig } from "../../src/sinks/registry.ts";
import type { Queue } from "../fakes/emulator.ts";
import { textsOf, withAlso } from "../contracts/source-exam.ts";
import { createReader, createSinkOf, type Read } from "../sinks/aws/receivers.ts";
import { LIMITS } from "../sources/records.ts";
import type { World } from "./world.ts";

/** Something of ours that must be so in every AWS. `run` throws where it is not. Names are never given twice. */
export type Behaviour = { readonly name: string; readonly run: (world: World) => Promise<void> };

let names = 0;
/** A name that nothing has yet in any world. */
export function fresh(kind: string): string {
  return `${kind}-${process.pid}-${(names += 1)}`;
}

export type Opened = { readonly source: Source; readonly warnings: readonly string[] };

/** A source of the registry; `settings` as the configuration has them, but for type and Region. */
export function openSource(type: SourceConfig["type"], settings: Readonly<Record<string, unknown>>): Opened {
  const warnings: string[] = [];
  const entry = sourceRegistry[type];
  const config = entry.schema.parse({ type, ...settings });
  const warn = (text: string): void => void warnings.push(text);
  return { source: entry.create(config as never, { clock: systemClock, limits: LIMITS, warn }), warnings };
}

/** A source over a queue. */
export function openQueueSource(
  type: "sqs-eventbridge" | "sqs-s3",
  world: World,
  { queue, ...more }: QueueSettings,
): Opened {
  return openSource(type, { queue: queue.url, region: "eu-west-1", endpoint: world.at.sqs, wait: "1s", ...more });
}
type QueueSettings = { readonly queue: Queue } & Readonly<Record<string, unknown>>;

/** A sink of the registry. */
export function openSink(type: SinkConfig["type"], settings: Readonly<Record<string, unknown>>): Sink {
  return createSinkOf(type, settings);
}

/** Batches, each settled, until `isEnough`; throws with what came where that takes longer than the world's patience. */
export async function readUntil(
  { source, warnings }: Opened,
  isEnough: (batches: readonly Batch[]) => boolean,
  { world, positions = new Map() }: { readonly world: World; readonly positions?: ReadonlyMap<string, string> },
): Promise<readonly Batch[]> {
  const end = new AbortController();
  const late = setTimeout(() => end.abort(), world.patienceMs);
  const batches: Batch[] = [];
  try {
    for await (const batch of source.read(positions, end.signal)) {
      batches.push(...withAlso(batch));
      for (const one of withAlso(batch)) one.settle();
      if (isEnough(batches)) return batches;
    }
  } finally {
    clearTimeout(late);
    end.abort();
  }
  const rejected = batches.flatMap((batch) => batch.rejected.map(({ reason, detail }) => `${reason}: ${detail}`));
  throw new Error(`too little came in time: ${batches.flatMap(textsOf).length} records; ${[...rejected, ...warnings].join("; ")}`); // prettier-ignore
}

/** Whether so many records came, or were rejected, or passed over. */
export const countIs =
  (count: number) =>
  (batches: readonly Batch[]): boolean =>
    batches.reduce(
      (sum, { offsets, rejected, skipped }) =>
        sum + offsets.length / 2 + rejected.length + Object.values(skipped).reduce((all, one) => all + one, 0),
      0,
    ) >= count;

/** Records, sorted. */
export const recordsOf = (batches: readonly Batch[]): string[] => batches.flatMap(textsOf).toSorted();

/** Waits until nothing waits in a queue or is in flight. */
export async function untilEmpty(world: World, queue: Queue): Promise<void> {
  const endMs = performance.now() + world.patienceMs;
  for (;;) {
    const { waiting, inFlight } = await world.things.counts(queue);
    if (waiting + inFlight === 0) return;
    if (performance.now() > endMs) throw new Error(`not empty: ${waiting} wait, ${inFlight} in flight`);
    await systemClock.sleep(50, new AbortController().signal);
  }
}

/** Messages of a queue, taken out, once so many came. */
export async function messagesOf(world: World, queue: Queue, count: number): Promise<readonly Read[]> {
  const read = createReader(world.things, queue);
  const endMs = performance.now() + world.patienceMs;
  for (;;) {
    const found = await read();
    if (found.length >= count) return found;
    if (performance.now() > endMs) throw new Error(`${found.length} of ${count} messages came`);
    await systemClock.sleep(50, new AbortController().signal);
  }
}
