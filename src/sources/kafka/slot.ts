/**
 * One place between a maker and a taker: what is made waits there, and nothing more is made until it is taken.
 */

export type Slot<T> = {
  /** Makes an item and puts it in; false, and nothing made, when there is one. */
  put(make: () => T): boolean;
  /** Puts an item before whatever is there. */
  putFirst(item: T): void;
  /** The item, as soon as there is one; null when `patience` ends or the signal aborts first. */
  take(signal: AbortSignal, patience: (over: AbortSignal) => Promise<void>): Promise<T | null>;
  /** Resolves when it was emptied, or the signal aborts. */
  room(signal: AbortSignal): Promise<void>;
};

/** An empty slot. */
export function createSlot<T>(): Slot<T> {
  const items: T[] = [];
  let changed = Promise.withResolvers<void>();
  const notify = (): void => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const next = (): T | null => {
    const item = items.shift();
    if (item === undefined) return null;
    notify();
    return item;
  };
  return {
    put: (make) => {
      if (items.length > 0) return false;
      items.push(make());
      notify();
      return true;
    },
    putFirst: (item) => {
      items.unshift(item);
      notify();
    },
    take: async (signal, patience) => {
      const over = new AbortController();
      const until = AbortSignal.any([signal, over.signal]);
      let isOver = signal.aborted;
      const end = patience(until).then(() => void (isOver = true));
      try {
        while (!isOver && items.length === 0) await Promise.race([changed.promise, end]);
        return signal.aborted ? null : next();
      } finally {
        over.abort();
      }
    },
    room: async (signal) => {
      const aborted = Promise.withResolvers<void>();
      if (signal.aborted || items.length === 0) return;
      signal.addEventListener("abort", () => aborted.resolve(), { once: true });
      await Promise.race([changed.promise, aborted.promise]);
    },
  };
}
