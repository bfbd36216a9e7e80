/**
 * S3's checksum of an object, as its answer tells it, against the bytes that came.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html: one algorithm an object, its value in
 * Base64; since December 2024 CRC-64/NVME where who stored it chose none. One of parts ("…-3") is none of the whole object.
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";

/** Throws where the bytes are not those of the checksum. */
export type Check = (bytes: Uint8Array) => Promise<void>;

const PREFIX = "x-amz-checksum-";
const TYPE_HEADER = "x-amz-checksum-type";
const OF_PARTS = /-[1-9]\d*$/;

/** By the end of the header's name; in Base64. */
const ALGORITHMS: Readonly<Record<string, (bytes: Uint8Array) => string | Promise<string>>> = {
  crc32: (bytes) => {
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(bytes));
    return sum.toString("base64");
  },
  crc64nvme: async (bytes) => {
    const { Crc64Nvme } = await import("@aws-sdk/checksums/crc");
    const sum = new Crc64Nvme();
    sum.update(bytes);
    return Buffer.from(await sum.digest()).toString("base64");
  },
  sha256: (bytes) => createHash("sha256").update(bytes).digest("base64"),
  sha1: (bytes) => createHash("sha1").update(bytes).digest("base64"),
};

/** The check that an answer's headers ask for; null: they tell no checksum of the whole; "unknown": one of another algorithm. */
export function findCheck(headers: Readonly<Record<string, string>>): Check | null | "unknown" {
  let isTold = false;
  for (const [name, told] of Object.entries(headers)) {
    if (!name.startsWith(PREFIX) || name === TYPE_HEADER || OF_PARTS.test(told)) continue;
    isTold = true;
    const sumOf = ALGORITHMS[name.slice(PREFIX.length)];
    if (sumOf === undefined) continue;
    return async (bytes) => {
      const sum = await sumOf(bytes);
      if (sum !== told) throw new Error(`Checksum mismatch: ${name} says ${told}, the bytes that came have ${sum}`);
    };
  }
  return isTold ? "unknown" : null;
}
