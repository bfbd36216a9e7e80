/**
 * Streaming gunzip: whole streams, damage at every place, bombs. What could be read always comes out.
 */
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createUnpacker } from "../../src/lib/gunzip.ts";
import { isGzip } from "../../src/lib/gzip-frame.ts";

type Unpacked = { readonly bytes: Buffer; readonly fault: string | null };

async function unpack(input: Uint8Array, pieceBytes = 65_536, maxRatio = 200): Promise<Unpacked> {
  const unpacker = createUnpacker(maxRatio);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < input.length; at += pieceBytes)
    pieces.push(...(await unpacker.push(input.subarray(at, at + pieceBytes))));
  const fault = unpacker.end();
  unpacker.close();
  return { bytes: Buffer.concat(pieces), fault: fault?.fault ?? null };
}

const text = Buffer.from(Array.from({ length: 1500 }, (_, at) => `{"eventID":"${(at * 7919) % 10_007}"}\n`).join(""));
const packed = gzipSync(text);

describe("whole streams", () => {
  test.for([1, 7, 1000, 65_536])("in pieces of %i bytes", async (pieceBytes, { expect }) => {
    expect(await unpack(packed, pieceBytes)).toEqual({ bytes: text, fault: null });
  });

  test.for([
    [
      "several members",
      Buffer.concat([packed, gzipSync("x"), gzipSync(""), packed]),
      Buffer.concat([text, Buffer.from("x"), text]),
    ],
    ["zeros behind the end", Buffer.concat([packed, Buffer.alloc(5000)]), text],
    [
      "a header with extra field, name, comment and checksum",
      Buffer.concat([
        Buffer.from([31, 139, 8, 30, 0, 0, 0, 0, 0, 3, 2, 0, 1, 2]),
        Buffer.from("name\0comment\0"),
        Buffer.alloc(2),
        packed.subarray(10),
      ]),
      text,
    ],
    ["an empty text", gzipSync(""), Buffer.alloc(0)],
  ] as const)("%s", async ([, input, wanted], { expect }) => {
    for (const pieceBytes of [1, 100, 65_536])
      expect(await unpack(input, pieceBytes)).toEqual({ bytes: wanted, fault: null });
  });

  test("gzip is told by its first bytes", () => {
    expect([isGzip(packed), isGzip(text), isGzip(new Uint8Array(1))]).toEqual([true, false, false]);
  });
});

describe("damage", () => {
  test.for([1, 100, 65_536])(
    "a truncated stream gives all that its bytes hold, pieces of %i",
    async (pieceBytes, { expect }) => {
      for (const share of [0.1, 0.5, 0.9, 0.999]) {
        const { bytes, fault } = await unpack(packed.subarray(0, Math.floor(packed.length * share)), pieceBytes);
        expect(fault).toBe("truncated");
        expect(text.subarray(0, bytes.length).equals(bytes)).toBe(true);
        expect(bytes.length).toBeGreaterThan(text.length * share * 0.7 - 1000);
      }
    },
  );

  test.for([
    ["a stream without its last byte", packed.subarray(0, -1), "truncated"],
    ["junk behind the end", Buffer.concat([packed, Buffer.from("junk")]), "bad"],
    ["junk behind zeros behind the end", Buffer.concat([packed, Buffer.alloc(3000), Buffer.from("junk")]), "bad"],
    ["a second member that is none", Buffer.concat([packed, Buffer.from([31, 139, 9])]), "bad"],
    ["a second member cut in its header", Buffer.concat([packed, packed.subarray(0, 5)]), "truncated"],
    ["a wrong checksum", Buffer.concat([packed.subarray(0, -8), Buffer.alloc(8, 1)]), "bad"],
  ] as const)("%s", async ([, input, fault], { expect }) => {
    for (const pieceBytes of [1, 100, 65_536]) expect(await unpack(input, pieceBytes)).toEqual({ bytes: text, fault });
  });

  test("any change of a byte is told or harmless, and never crashes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(packed.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.integer({ min: 50, max: 5000 }),
        async (at, flip, pieceBytes) => {
          const harmed = Buffer.from(packed);
          harmed[at]! ^= flip;
          const { bytes, fault } = await unpack(harmed, pieceBytes);
          // Of the header, flags, time and system name may change without harm.
          return fault !== null || bytes.equals(text);
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe("bombs", () => {
  test("a bomb is stopped early, with what came before", async () => {
    const { bytes, fault } = await unpack(gzipSync(Buffer.alloc(100 << 20)));
    expect(fault).toBe("ratio");
    expect(bytes.length).toBeGreaterThan(0);
    expect(bytes.length).toBeLessThan(14 << 20);
  });

  test("the first MiB is free, and a usual ratio never counts", async () => {
    expect((await unpack(gzipSync(Buffer.alloc(1 << 20)))).fault).toBeNull();
    expect(
      (await unpack(gzipSync(Buffer.concat(Array.from({ length: 40 }, () => text))), 65_536, 60)).fault,
    ).toBeNull();
  });
});
