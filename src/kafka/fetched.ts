/**
 * The answer to a fetch (version 11, of Kafka 2.3 and newer): record batches that cannot be unpacked or taken apart are handed
 * out as one message that says so, and the others as kafkajs reads them.
 *
 * kafkajs gives up the whole answer over one such batch and asks for it again for ever, so that nothing behind it is read. It
 * also drops, without a word, what stands behind a batch that ends too early, and cannot hold batches of more than some
 * 100,000 records. What replaces this part of it stands here; ./patch.ts puts it in its place.
 * https://kafka.apache.org/protocol#The_Messages_Fetch
 */
import type { KafkaMessage } from "kafkajs";
import Decoder from "kafkajs/src/protocol/decoder.js";
import decodeBatch from "kafkajs/src/protocol/recordBatch/v0/decoder.js";
import decodeOld from "kafkajs/src/protocol/requests/fetch/v4/decodeMessages.js";
import { toMessage } from "../model/errors.ts";

/** A message in the place of a batch: its value is the batch as it came, its offset the last of the batch. */
export type UnreadableBatch = KafkaMessage & { readonly unreadable: { readonly first: string; readonly why: string } };

/** https://kafka.apache.org/documentation/#recordbatch: bytes before the records, and where the members stand. */
const HEAD_BYTES = 61;
const AT = { length: 8, magic: 16, attributes: 21, lastDelta: 23, maxTime: 35, producer: 43 } as const;
/** What `length` does not count. */
const BEFORE_BYTES = 12;
const SIZE_BYTES = 4;
const TRANSACTIONAL = 0x10;

/** Reads the whole answer, to what kafkajs makes of one. */
export async function decodeFetch(bytes: Buffer): Promise<object> {
  const decoder = new Decoder(bytes);
  const clientSideThrottleTime = decoder.readInt32();
  const errorCode = decoder.readInt16();
  const sessionId = decoder.readInt32();
  const responses = await decoder.readArrayAsync(async () => ({
    topicName: decoder.readString(),
    partitions: await decoder.readArrayAsync(decodePartition),
  }));
  // It is the client that waits, not the broker (KIP-219).
  return { throttleTime: 0, clientSideThrottleTime, errorCode, sessionId, responses };
}

async function decodePartition(decoder: Decoder): Promise<object> {
  const toText = (): string => String(decoder.readInt64());
  return {
    partition: decoder.readInt32(),
    errorCode: decoder.readInt16(),
    highWatermark: toText(),
    lastStableOffset: toText(),
    lastStartOffset: toText(),
    abortedTransactions: decoder.readArray(() => ({ producerId: toText(), firstOffset: toText() })),
    preferredReadReplica: decoder.readInt32(),
    messages: await decodeMessages(decoder),
  };
}

/** The messages of a partition; formats before record batches (Kafka 0.10 and older) as kafkajs reads them. */
export async function decodeMessages(decoder: Decoder): Promise<readonly KafkaMessage[]> {
  const { buffer, offset } = decoder;
  const start = offset + SIZE_BYTES;
  const sizeBytes = start > buffer.length ? 0 : buffer.readInt32BE(offset);
  const all = buffer.subarray(start, start + sizeBytes);
  if (all.length < sizeBytes || all.length < HEAD_BYTES || all[AT.magic] !== 2) return decodeOld(decoder);
  decoder.offset = start + sizeBytes;
  const messages: KafkaMessage[] = [];
  for (const batch of toBatches(all)) for (const message of await readBatch(batch)) messages.push(message);
  return messages;
}

/** The batches, without the last where the broker cut it at the size of the fetch. */
function* toBatches(all: Buffer): Generator<Buffer> {
  for (let at = 0; all.length - at >= HEAD_BYTES;) {
    const end = at + BEFORE_BYTES + Math.max(HEAD_BYTES - BEFORE_BYTES, all.readInt32BE(at + AT.length));
    if (end > all.length) return;
    yield all.subarray(at, end);
    at = end;
  }
}

async function readBatch(batch: Buffer): Promise<readonly KafkaMessage[]> {
  try {
    return (await decodeBatch(new Decoder(batch))).records;
  } catch (error) {
    return [toUnreadable(batch, toMessage(error))];
  }
}

function toUnreadable(batch: Buffer, why: string): UnreadableBatch {
  const first = batch.readBigInt64BE(0);
  const message = {
    magicByte: 2,
    attributes: 0,
    timestamp: String(batch.readBigInt64BE(AT.maxTime)),
    offset: String(first + BigInt(Math.max(0, batch.readInt32BE(AT.lastDelta)))),
    key: null,
    // A copy: the answer that it stands in may be large.
    value: Buffer.from(batch),
    headers: {},
    isControlRecord: false,
    batchContext: {
      producerId: String(batch.readBigInt64BE(AT.producer)),
      inTransaction: (batch.readInt16BE(AT.attributes) & TRANSACTIONAL) > 0,
    },
    unreadable: { first: String(first), why },
  };
  return message;
}

/** What is wrong with the batch that this message stands for; null for a message as any other. */
export function unreadableOf(message: KafkaMessage): UnreadableBatch["unreadable"] | null {
  return "unreadable" in message ? (message as UnreadableBatch).unreadable : null;
}
