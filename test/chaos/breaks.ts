/**
 * Wrappers around a daemon's parts: those that kill the process at a point, and those that break a promise of delivery.
 *
 * The product has no switch for either. A break is laid over the killing wrapper, so that its wrong steps can be killed
 * between as well.
 */
import type { Batch, CommitUnit, Outbox, Sink, Source, Store, WatermarkEntry } from "../../src/contracts.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { FailPoint } from "./plan.ts";

/** Passes a point; may not return. */
export type Pass = (point: FailPoint) => void;

/** Kills this process at the N-th passage of `point`. SIGKILL to oneself acts before the next instruction. */
export function createPass(fail: { readonly point: FailPoint; readonly passage: number } | null): Pass {
  let passages = 0;
  return (point) => {
    if (point !== fail?.point) return;
    passages += 1;
    if (passages === fail.passage) process.kill(process.pid, "SIGKILL");
  };
}

/** A store with points around loading, committing and sending. */
export function markStore(store: Store, pass: Pass): Store {
  const markOutbox = (outbox: Outbox): Outbox => ({
    ...outbox,
    sent: (items, nowMs) => {
      pass("after_send_before_sent");
      outbox.sent(items, nowMs);
      pass("after_sent");
    },
  });
  return {
    ...store,
    load: () => {
      const loaded = store.load();
      pass("at_start_after_load");
      return loaded;
    },
    commit: (unit) => {
      pass("before_commit");
      const result = store.commit(unit);
      pass("after_commit_before_settle");
      return result;
    },
    outbox: (sink) => markOutbox(store.outbox(sink)),
  };
}

/** A source with points while it is read and around each settlement. */
export function markSource(source: Source, pass: Pass): Source {
  const settle = (batch: Batch, error: unknown): void => {
    pass("between_settles");
    if (error === undefined) batch.settle();
    else batch.settle(error);
    pass("after_settle");
  };
  return {
    ...source,
    async *read(positions, signal) {
      for await (const batch of source.read(positions, signal)) {
        pass("while_reading");
        yield { ...batch, settle: (error) => settle(batch, error) };
      }
    },
  };
}

/** A sink with a point before each sending; the one behind it is where the outbox is told. */
export function markSink(sink: Sink, pass: Pass): Sink {
  return {
    ...sink,
    send: async (items, signal) => {
      pass("before_send");
      return sink.send(items, signal);
    },
  };
}

/** Broken: a batch is acknowledged when it is read, before anything of it is stored. */
export function ackFirst(source: Source): Source {
  return {
    ...source,
    async *read(positions, signal) {
      for await (const batch of source.read(positions, signal)) {
        const [first, ...also] = [batch, ...(batch.also ?? [])].map((one) => {
          one.settle();
          return { ...one, settle: () => undefined };
        });
        yield { ...(first as Batch), also };
      }
    },
  };
}

/** Broken: the batches of one piece of input come apart, so that a commit can fall between them. */
export function partPieces(source: Source): Source {
  return {
    ...source,
    async *read(positions, signal) {
      for await (const batch of source.read(positions, signal)) {
        for (const one of [batch, ...(batch.also ?? [])]) {
          yield { ...one, also: [] };
          // A tick of the pipeline, in which it commits what is old enough.
          await systemClock.sleep(5);
        }
      }
    },
  };
}

/** Broken: the unit in two transactions, first how far the source is, then what came of its records. */
export function splitCommit(store: Store): Store {
  return {
    ...store,
    commit: (unit: CommitUnit) => {
      const rest = {
        members: [],
        evidence: [],
        drops: [],
        prunes: [],
        evictions: [],
        late: [],
        rejected: [],
        alerts: [],
      };
      store.commit({ ...unit, ...rest });
      return store.commit({ ...unit, counts: [], positions: [], watermarks: [], finished: [] });
    },
  };
}

/**
 * Broken: after a restart the watermark is not held at its saved value, but at once where the newest event that lies there
 * takes it (`watermarkMs`), before the older ones are read.
 */
export function noHold(store: Store, watermarkMs: number): Store {
  const jump = (entry: WatermarkEntry): WatermarkEntry => ({
    ...entry,
    watermarkMs: Math.max(entry.watermarkMs, watermarkMs),
  });
  return {
    ...store,
    load: () => {
      const loaded = store.load();
      return { ...loaded, watermarks: loaded.watermarks.map(jump) };
    },
  };
}
