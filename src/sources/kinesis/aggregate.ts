/**
 * Takes apart what the Kinesis Producer Library packs: several records of a producer in one record of a stream.
 *
 * A magic number, a protobuf message, its MD5. Only the records' data is taken; keys and tags say nothing about them. Pure.
 * https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md
 */
import { createHash } from "node:crypto";

const MAGIC = Buffer.from([0xf3, 0x89, 0x9a, 0xc2]);
const CHECKSUM_BYTES = 16;
/** Fields of the messages: the records of an aggregate, the data of a record. */
const [RECORDS, DATA] = [3, 3] as const;
/** Wire types of protobuf that are met here. https://protobuf.dev/programming-guides/encoding/ */
const [VARINT, FIXED64, LENGTH, FIXED32] = [0, 1, 2, 5] as const;

/** Whether a stream's record is an aggregate: no JSON and no gzip begins so. */
export function isAggregate(bytes: Uint8Array): boolean {
  return bytes.length >= MAGIC.length + CHECKSUM_BYTES && MAGIC.equals(bytes.subarray(0, MAGIC.length));
}

/** The records in an aggregate, as views on it; a text says what is wrong with it. */
export function readAggregate(bytes: Uint8Array): readonly Uint8Array[] | string {
  const message = bytes.subarray(MAGIC.length, -CHECKSUM_BYTES);
  const checksum = createHash("md5").update(message).digest();
  if (!checksum.equals(bytes.subarray(-CHECKSUM_BYTES))) return "the MD5 at its end is not that of its message";
  const records: Uint8Array[] = [];
  for (const field of readFields(message)) {
    if (field === null) return "its message is no protobuf message";
    if (field.number !== RECORDS) continue;
    let data: Uint8Array | null = null;
    for (const inner of readFields(field.bytes)) {
      if (inner === null) return "a record in it is no protobuf message";
      if (inner.number === DATA) data = inner.bytes;
    }
    if (data === null) return "a record in it has no data";
    records.push(data);
  }
  return records.length === 0 ? "it has no record" : records;
}

type Field = { readonly number: number; readonly bytes: Uint8Array };

/** Fields with a length, in order; null, and no more, where the bytes are no message. */
function* readFields(bytes: Uint8Array): Generator<Field | null> {
  let at = 0;
  while (at < bytes.length) {
    const tag = readVarint(bytes, at);
    if (tag === null) {
      yield null;
      return;
    }
    const type = tag.value % 8;
    const value = type === VARINT || type === LENGTH ? readVarint(bytes, tag.end) : null;
    const start = value?.end ?? tag.end;
    const length = type === LENGTH ? (value?.value ?? Infinity) : type === FIXED64 ? 8 : type === FIXED32 ? 4 : 0;
    const isKnown = value !== null || type === FIXED64 || type === FIXED32;
    if (!isKnown || start + length > bytes.length) {
      yield null;
      return;
    }
    if (type === LENGTH) yield { number: Math.floor(tag.value / 8), bytes: bytes.subarray(start, start + length) };
    at = start + length;
  }
}

/** A number of up to ten bytes, seven bits each; above 2^53 it is not exact, which no length is. Null: cut off. */
function readVarint(bytes: Uint8Array, from: number): { readonly value: number; readonly end: number } | null {
  let value = 0;
  for (let at = from; at < bytes.length && at < from + 10; at += 1) {
    const byte = bytes[at] as number;
    value += (byte & 0x7f) * 2 ** (7 * (at - from));
    if (byte < 0x80) return { value, end: at + 1 };
  }
  return null;
}
