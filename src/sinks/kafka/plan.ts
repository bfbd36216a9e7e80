/**
 * How one array of alerts is sent: the messages, cut into sends of one partition each, and what became of each alert.
 *
 * A plan lives until every alert of its array is accepted or refused. Its messages are made once, so that whatever is sent
 * again is the same to the last byte, and so are its sends: only an array for partitions that no longer exist is cut anew.
 * Nothing here waits.
 */
import type { OutboxItem, SendResult } from "../../contracts.ts";
import { type AlertMessage, type MessageOptions, toMessage } from "./message.ts";
import { toPartition } from "./partition.ts";

/** Messages of one partition that go together. `indexes`: their places in the array. */
export type Send = {
  readonly partition: number;
  readonly messages: readonly AlertMessage[];
  readonly indexes: readonly number[];
};

export type Plan = {
  /** True for the same alerts in the same revisions and order. */
  isFor(items: readonly OutboxItem[]): boolean;
  /** Cuts what is still unanswered into sends, where that was not done for these partitions. */
  cut(partitions: number): void;
  /** What is still to be sent, in order. */
  sends(): readonly Send[];
  /** The send was answered: its alerts have this result. */
  settle(send: Send, result: SendResult): void;
  /** Nothing of the send was written, for it was too large together: each of its alerts goes alone. */
  single(send: Send): void;
  /** One result an item; `pending` for those without an answer. */
  results(pending: SendResult): SendResult[];
};

export type PlanOptions = MessageOptions & { readonly maxItems: number };

/** Makes the messages of an array. */
export function createPlan(items: readonly OutboxItem[], options: PlanOptions): Plan {
  const results: (SendResult | null)[] = items.map(() => null);
  const messages = new Map<number, AlertMessage>();
  for (const [index, item] of items.entries()) {
    const message = toMessage(item, options);
    if ("refused" in message) results[index] = { status: "refused", code: message.refused };
    else messages.set(index, message);
  }
  const heads = items.map(toHead);
  let sends: readonly Send[] = [];
  let partitions = 0;
  return {
    isFor: (others) => others.length === heads.length && others.every((other, i) => toHead(other) === heads[i]),
    cut: (count) => {
      // Sends for partitions that are still there stay as they are: their numbers may have been given out.
      if (partitions > 0 && sends.every(({ partition }) => partition < count)) return;
      partitions = count;
      const open = [...messages].filter(([index]) => results[index] === null);
      sends = toSends(open, count, options);
    },
    sends: () => sends,
    settle: (send, result) => {
      for (const index of send.indexes) results[index] = result;
      sends = sends.filter((other) => other !== send);
    },
    single: (send) => {
      sends = sends.flatMap((other) =>
        other === send
          ? send.messages.map((message, i) => ({ ...send, messages: [message], indexes: send.indexes.slice(i, i + 1) }))
          : [other],
      );
    },
    results: (pending) => results.map((result) => result ?? pending),
  };
}

function toHead({ alert }: OutboxItem): string {
  return `${alert.id}:${alert.revision}`;
}

function toSends(
  open: readonly (readonly [number, AlertMessage])[],
  partitions: number,
  { maxBytes, maxItems }: PlanOptions,
): Send[] {
  const sends: { partition: number; messages: AlertMessage[]; indexes: number[]; bytes: number }[] = [];
  const last = new Map<number, (typeof sends)[number]>();
  for (const [index, message] of open) {
    const partition = toPartition(message.key, partitions);
    let send = last.get(partition);
    if (send === undefined || send.messages.length >= maxItems || send.bytes + message.sizeBytes > maxBytes) {
      send = { partition, messages: [], indexes: [], bytes: 0 };
      last.set(partition, send);
      sends.push(send);
    }
    send.messages.push(message);
    send.indexes.push(index);
    send.bytes += message.sizeBytes;
  }
  return sends;
}
