/** Record batches made by hand: what kafkajs gives up over is told, and what stands around it is read. */
import Decoder from "kafkajs/src/protocol/decoder.js";
import { expect, test } from "vitest";
import { decodeMessages, unreadableOf } from "../../../src/kafka/fetched.ts";

/** A batch of records that hold "x" each; `count` may say something else. */
function toBatch(first: number, records: number, count = records): Buffer {
  const head = Buffer.alloc(61);
  const body = Buffer.concat(Array.from({ length: records }, (_, at) => toRecord(at)));
  head.writeBigInt64BE(BigInt(first), 0);
  head.writeInt32BE(49 + body.length, 8);
  head[16] = 2;
  head.writeInt32BE(records - 1, 23);
  head.writeInt32BE(count, 57);
  return Buffer.concat([head, body]);
}

/** Attributes, time, offset, no key, a value of one byte, no headers. */
function toRecord(delta: number): Buffer {
  const body = Buffer.from([0, 0, ...toVarint(delta), 1, 2, 0x78, 0]);
  return Buffer.concat([Buffer.from(toVarint(body.length)), body]);
}

function toVarint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value * 2;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}

async function read(bytes: Buffer): Promise<(string | { readonly first: string; readonly last: string })[]> {
  const size = Buffer.alloc(4);
  size.writeInt32BE(bytes.length);
  const decoder = new Decoder(Buffer.concat([size, bytes, Buffer.from("what follows")]));
  const messages = await decodeMessages(decoder);
  expect(decoder.offset).toBe(4 + bytes.length);
  return messages.map((message) => {
    const broken = unreadableOf(message);
    return broken === null ? message.offset : { first: broken.first, last: message.offset };
  });
}

test("a batch that ends before its last record is told with its offsets; those around it are read", async () => {
  const bytes = Buffer.concat([toBatch(5, 2), toBatch(7, 3, 9), toBatch(10, 1)]);
  expect(await read(bytes)).toEqual(["5", "6", { first: "7", last: "9" }, "10"]);
});

test("a batch that is not packed as it says is told, and one that the broker cut off is left for the next fetch", async () => {
  const unpackable = toBatch(5, 2);
  unpackable.writeInt16BE(1, 21);
  expect(await read(Buffer.concat([unpackable, toBatch(7, 1), toBatch(8, 4).subarray(0, 70)]))).toEqual([
    { first: "5", last: "6" },
    "7",
  ]);
});

test("more records in one batch than can be handed to a call at once are read", async () => {
  expect(await read(toBatch(0, 150_000))).toHaveLength(150_000);
});

test("a length that makes no sense ends nowhere, and never", async () => {
  const bytes = toBatch(5, 2);
  bytes.writeInt32BE(-12, 8);
  expect(await read(bytes)).toEqual([{ first: "5", last: "6" }]);
});
