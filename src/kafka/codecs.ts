/**
 * Compressions that kafkajs does not bring, and gzip, which it unpacks without a bound: registered with it once, for the
 * whole process. Snappy and LZ4 are only read.
 */
import { promisify } from "node:util";
import { gunzip, gzip, zstdCompress, zstdDecompress } from "node:zlib";
import kafkajs from "kafkajs";
import { unpackLz4 } from "./lz4.ts";
import { unpackSnappy } from "./snappy.ts";

const { CompressionCodecs, CompressionTypes } = kafkajs;

/** Of one record batch, unpacked: brokers take 1 MiB packed by default, and what people send shrinks to a tenth. */
const BATCH_BYTES = 256 * 1024 * 1024;

type Unpack = (bytes: Buffer, mostBytes: number) => Buffer;

/** Registers them. */
export function registerCodecs(): void {
  CompressionCodecs[CompressionTypes.GZIP] = () => ({
    compress: (encoder: { buffer: Buffer }) => promisify(gzip)(encoder.buffer),
    decompress: (buffer: Buffer) => promisify(gunzip)(buffer, { maxOutputLength: BATCH_BYTES }),
  });
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: (encoder: { buffer: Buffer }) => promisify(zstdCompress)(encoder.buffer),
    decompress: (buffer: Buffer) => promisify(zstdDecompress)(buffer, { maxOutputLength: BATCH_BYTES }),
  });
  CompressionCodecs[CompressionTypes.LZ4] = () => toReader(unpackLz4);
  CompressionCodecs[CompressionTypes.Snappy] = () => toReader(unpackSnappy);
}

function toReader(unpack: Unpack): {
  readonly compress: () => Promise<never>;
  readonly decompress: (buffer: Buffer) => Promise<Buffer>;
} {
  return {
    compress: () => Promise.reject(new Error("nothing is sent in this compression")),
    decompress: async (buffer) => unpack(buffer, BATCH_BYTES),
  };
}
