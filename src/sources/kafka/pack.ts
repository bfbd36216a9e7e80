/**
 * From messages of a partition to batches: at most 1,000 messages or 4 MiB together, committed with the offset behind them.
 *
 * A pointer leads to "kafka://TOPIC/PARTITION/FIRST-LAST", index n the nth message of these offsets; of a message with
 * several records to "kafka://TOPIC/PARTITION/OFFSET", index n the nth record in it. A message without a value deletes its
 * key in a compacted topic, and counts as skipped. One that stands for a record batch that cannot be unpacked is rejected.
 */
import type { KafkaMessage } from "kafkajs";
import type { Batch, Position } from "../../contracts.ts";
import { unreadableOf } from "../../kafka/fetched.ts";
import type { Rejected } from "../../model/event.ts";
import { joinPiece } from "../records/batch.ts";
import { type Body, packBodies, type PackOptions } from "../records/bodies.ts";

/** From contracts.ts. */
const BATCH_MESSAGES = 1_000;
const BATCH_BYTES = 4 * 1024 * 1024;

/** Messages that are handed out together. */
export type Group = {
  readonly messages: readonly KafkaMessage[];
  /** The offset behind them: of the last group that behind all that was fetched. */
  readonly end: number;
};

/** Cuts what was fetched of a partition; `end` is the offset behind all of it. */
export function toGroups(messages: readonly KafkaMessage[], end: number): readonly Group[] {
  const groups: KafkaMessage[][] = [];
  let bytes = Infinity;
  for (const message of messages) {
    const size = message.value?.length ?? 0;
    if (bytes + size > BATCH_BYTES || (groups.at(-1)?.length ?? 0) >= BATCH_MESSAGES) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(message);
    bytes += size;
  }
  return groups.map((group, at) => {
    const next = groups[at + 1]?.[0];
    return { messages: group, end: next === undefined ? end : Number(next.offset) };
  });
}

/** What stands around a group. */
export type GroupPlace = Pick<Batch, "floorMs" | "settle"> & {
  readonly topic: string;
  readonly partition: number;
  readonly position: Position;
};

/** The batch of a group, with those of other kinds in it; the last of them has the position. */
export function packGroup({ messages }: Group, place: GroupPlace, options: Omit<PackOptions, "path">): Batch {
  const { topic, partition, position, floorMs, settle } = place;
  const at = `kafka://${topic}/${partition}`;
  const bodies: Body[] = [];
  const rejected: Rejected[] = [];
  let tombstones = 0;
  for (const message of messages) {
    const { value, offset } = message;
    if (value === null) tombstones += 1;
    else if (unreadableOf(message) !== null) rejected.push(toRejected(message, options.source, at));
    else bodies.push({ bytes: value, path: `${at}/${offset}` });
  }
  const span = `${messages[0]?.offset ?? ""}-${messages.at(-1)?.offset ?? ""}`;
  const packed = packBodies(bodies, { ...options, path: `${at}/${span}` });
  let open = packed.length;
  let fault: unknown;
  const settleOne = (error?: unknown): void => {
    open -= 1;
    fault ??= error;
    if (open === 0) settle(fault);
  };
  const batches = packed.map((batch, index): Batch => {
    const skipped = index > 0 || tombstones === 0 ? batch.skipped : { ...batch.skipped, tombstone: tombstones };
    const positions = index === packed.length - 1 ? [position] : [];
    const told = index > 0 ? batch.rejected : [...batch.rejected, ...rejected];
    return { ...batch, rejected: told, skipped, positions, floorMs, settle: settleOne };
  });
  return joinPiece(batches);
}

/** The offsets of a record batch that cannot be unpacked, and why; null for a message as any other. */
export function toUnreadable(message: KafkaMessage): { readonly span: string; readonly why: string } | null {
  const unreadable = unreadableOf(message);
  return unreadable === null ? null : { span: `${unreadable.first}-${message.offset}`, why: unreadable.why };
}

function toRejected(message: KafkaMessage, source: string, at: string): Rejected {
  const { span, why } = toUnreadable(message) ?? { span: message.offset, why: "" };
  const bytes = message.value ?? new Uint8Array(0);
  const detail = `the record batch of offsets ${span} cannot be unpacked: ${why}`;
  const pointer = { source, path: `${at}/${span}`, index: 0 };
  return { reason: "batch_bad", pointer, detail, bytes, sizeBytes: bytes.length, kind: "" };
}
