/**
 * What is still to be read, and which messages hang on it.
 *
 * A job is one object; a message is decided when all its objects are. Notices of an object that is being read already hang
 * on its job. A message is UNHANDED while batches of it are still to come (ended now, it goes back to the queue at once),
 * then UNDECIDED until the last of them settled; it is deleted then, or comes again when one of its objects could not be
 * had. Objects found by listing hang on no message. Nothing is called here but the consumer's bookkeeping.
 */
import type { SqsConsumer, SqsMessage } from "../../aws/sqs-types.ts";
import type { Position } from "../../contracts.ts";
import type { NoticedObject } from "../../decode/envelope-notice.ts";
import type { IntegrityNote } from "../../model/integrity/notes.ts";
import type { Rejected, SkipReason } from "../../model/event.ts";
import type { Fetched } from "./fetch.ts";
import { toUri } from "./places.ts";

/** A message, and how many of its parts are not handed out, or not decided. */
export type Tracked = { readonly message: SqsMessage; unhanded: number; undecided: number; isFailed: boolean };

/** One object to read. `sweptMs`: when it was stored, for one that was found by listing. */
export type Job = {
  readonly is: "object";
  readonly object: NoticedObject;
  readonly uri: string;
  readonly messages: Tracked[];
  readonly sweptMs: number | null;
  /** Null: not asked for yet; resolves to null for one that is too large to be fetched ahead of its turn. */
  fetched: Promise<Fetched | null> | null;
  isHanded: boolean;
};

/** What needs no object: inputs that count, positions, and what is found out of digest files. */
export type Note = {
  readonly is: "note";
  readonly rejected: readonly Rejected[];
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
  readonly positions: readonly Position[];
  readonly integrity?: readonly IntegrityNote[];
  readonly message: Tracked | null;
  /** Called when it is committed. */
  readonly done?: () => void;
};

export type Jobs = {
  /** Next of the queue, undefined when it is empty. */
  next(): Job | Note | undefined;
  /** Jobs that come next, in order. */
  ahead(): readonly (Job | Note)[];
  note(note: Omit<Note, "is">): void;
  /** False: a job of this object stands already, and the message hangs on it. */
  add(object: NoticedObject, by: { readonly message: Tracked | null; readonly sweptMs: number | null }): boolean;
  track(message: SqsMessage): Tracked;
  /** All batches of the part are handed out. */
  handed(part: Job | Note): void;
  /** The part is committed, or could not be. */
  decided(part: Job | Note, isDone: boolean): void;
  /** Messages of which something is still to be handed out. */
  unhanded(): readonly SqsMessage[];
  /** Jobs not decided. */
  open(): Iterable<Job>;
  /** Resolves when something was added, taken or decided. */
  changed(): Promise<void>;
  /** Wakes whoever waits. */
  wake(): void;
};

/** Makes an empty queue of jobs. */
export function createJobs(consumer: Pick<SqsConsumer, "done" | "forget">): Jobs {
  const queue: (Job | Note)[] = [];
  const pending = new Map<string, Job>();
  const unhanded = new Set<Tracked>();
  let waiting = Promise.withResolvers<void>();
  const wake = (): void => {
    waiting.resolve();
    waiting = Promise.withResolvers<void>();
  };
  const messagesOf = (part: Job | Note): readonly Tracked[] =>
    part.is === "object" ? part.messages : part.message === null ? [] : [part.message];
  return {
    next: () => {
      const part = queue.shift();
      if (part !== undefined) wake();
      return part;
    },
    ahead: () => queue,
    note: (note) => {
      hang(note.message, false);
      queue.push({ is: "note", ...note });
      wake();
    },
    add: (object, { message, sweptMs }) => {
      const key = keyOf(object);
      const standing = pending.get(key);
      if (standing !== undefined) {
        hang(message, standing.isHanded);
        if (message !== null) standing.messages.push(message);
        return false;
      }
      hang(message, false);
      const messages = message === null ? [] : [message];
      const job: Job = { is: "object", object, uri: toUri(object), messages, sweptMs, fetched: null, isHanded: false };
      pending.set(key, job);
      queue.push(job);
      wake();
      return true;
    },
    track: (message) => {
      const tracked: Tracked = { message, unhanded: 0, undecided: 0, isFailed: false };
      unhanded.add(tracked);
      return tracked;
    },
    handed: (part) => {
      if (part.is === "object") part.isHanded = true;
      for (const tracked of messagesOf(part)) {
        tracked.unhanded -= 1;
        if (tracked.unhanded === 0) unhanded.delete(tracked);
      }
    },
    decided: (part, isDone) => {
      if (part.is === "object") pending.delete(keyOf(part.object));
      else if (isDone) part.done?.();
      for (const tracked of messagesOf(part)) {
        tracked.undecided -= 1;
        tracked.isFailed ||= !isDone;
        if (tracked.undecided > 0) continue;
        if (tracked.isFailed) consumer.forget([tracked.message]);
        else consumer.done([tracked.message]);
      }
      wake();
    },
    unhanded: () => [...unhanded].map(({ message }) => message),
    open: () => pending.values(),
    changed: () => waiting.promise,
    wake,
  };
}

/** One more part hangs on a message. */
function hang(message: Tracked | null, isHanded: boolean): void {
  if (message === null) return;
  message.undecided += 1;
  if (!isHanded) message.unhanded += 1;
}

function keyOf(object: NoticedObject): string {
  return `${toUri(object)}|${object.etag}`;
}
