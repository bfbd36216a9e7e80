/** Snappy and LZ4 by hand-made blocks; what Java packs is read in test/sources/kafka/kafka.test.ts. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { unpackLz4 } from "../../../src/kafka/lz4.ts";
import { unpackSnappy } from "../../../src/kafka/snappy.ts";

const MOST = 1_000_000;
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
const ascii = (text: string): string => Buffer.from(text).toString("hex");

/** Blocks of one literal each, as a packer may write that finds nothing to copy. */
const lz4Frame = (blocks: string): Buffer => hex(`04224d18 60 40 82 ${blocks} 00000000`);
const java = (blocks: string): Buffer => hex(`82534e4150505900 00000001 00000001 ${blocks}`);

describe("Snappy", () => {
  test.each([
    ["nothing", "00", ""],
    ["a literal", `05 10 ${ascii("hello")}`, "hello"],
    ["a literal of 61 bytes", `3d f0 3c ${ascii("x".repeat(61))}`, "x".repeat(61)],
    ["a copy with an offset of one byte", `08 0c ${ascii("abcd")} 01 04`, "abcdabcd"],
    ["a copy with an offset of two bytes", `06 08 ${ascii("abc")} 0a 0300`, "abcabc"],
    ["a copy with an offset of four bytes", `06 08 ${ascii("abc")} 0b 03000000`, "abcabc"],
    ["a copy of what it has just copied", `0a 00 ${ascii("a")} 22 0100`, "aaaaaaaaaa"],
  ])("%s", (_name, bytes, text) => {
    expect(unpackSnappy(hex(bytes), MOST).toString()).toBe(text);
  });

  test("the framing of Java, of several blocks", () => {
    const framed = java(`00000007 05 10 ${ascii("hello")} 00000003 01 00 ${ascii("!")}`);
    expect(unpackSnappy(framed, MOST).toString()).toBe("hello!");
  });

  test.each([
    ["no length", ""],
    ["a length without an end", "ffffffffff"],
    ["a literal that is cut off", `05 10 ${ascii("hel")}`],
    ["less than it says", `06 10 ${ascii("hello")}`],
    ["more than it says", `04 10 ${ascii("hello")}`],
    ["a copy from before the start", `08 0c ${ascii("abcd")} 01 05`],
    ["a copy of nothing", `08 0c ${ascii("abcd")} 01 00`],
    ["more than is allowed", "ffffff7f 00 61"],
    ["a block of a frame that is cut off", "82534e4150505900 00000001 00000001 00000009 05 10"],
  ])("%s is refused", (_name, bytes) => {
    expect(() => unpackSnappy(hex(bytes), MOST)).toThrow(/^broken Snappy: /);
  });
});

describe("LZ4", () => {
  test.each([
    ["nothing", "", ""],
    ["a literal", `06000000 50 ${ascii("hello")}`, "hello"],
    ["a block that is not packed", `05000080 ${ascii("hello")}`, "hello"],
    ["a long literal", `16000000 f0 05 ${ascii("x".repeat(20))}`, "x".repeat(20)],
    ["a copy of what it has just copied", `06000000 1f ${ascii("a")} 0100 01 00`, "a".repeat(21)],
    ["a copy out of the block before", `04000080 ${ascii("abcd")} 04000000 00 0400 00`, "abcdabcd"],
  ])("%s", (_name, blocks, text) => {
    expect(unpackLz4(lz4Frame(blocks), MOST).toString()).toBe(text);
  });

  test.each([
    ["no frame", hex("00112233445566")],
    ["nothing at all", hex("")],
    ["no end", hex(`04224d18 60 40 82 06000000 50 ${ascii("hello")}`)],
    ["a block that is cut off", lz4Frame(`ff000000 50 ${ascii("hello")}`)],
    ["a literal that is cut off", lz4Frame(`06000000 60 ${ascii("hello")}`)],
    ["a copy from before the start", lz4Frame(`05000000 10 ${ascii("a")} 0200 00`)],
    ["a length that is cut off", lz4Frame("02000000 f0 ff")],
    ["a larger frame than is allowed", lz4Frame(`10000000 1f ${ascii("a")} 0100 ${"ff".repeat(12)}`)],
  ])("%s is refused", (_name, bytes) => {
    expect(() => unpackLz4(bytes, 2000)).toThrow(/^broken LZ4: /);
  });
});

/** "unpacked" within what is allowed, or why not. */
function outcomeOf(unpack: typeof unpackLz4, bytes: Buffer): string {
  try {
    return unpack(bytes, 4096).length <= 4096 ? "unpacked" : "too much";
  } catch (error) {
    return (error as Error).message;
  }
}

test("any bytes are unpacked or refused, and nothing grows beyond what is allowed", () => {
  const heads = [Buffer.alloc(0), java(""), hex("04224d18 60 40 82")];
  fc.assert(
    fc.property(fc.constantFrom(...heads), fc.uint8Array({ maxLength: 64 }), (head, tail) => {
      const bytes = Buffer.concat([head, tail]);
      expect(outcomeOf(unpackSnappy, bytes)).toMatch(/^(unpacked|broken Snappy: .+)$/);
      expect(outcomeOf(unpackLz4, bytes)).toMatch(/^(unpacked|broken LZ4: .+)$/);
    }),
    { numRuns: 3000 },
  );
});
