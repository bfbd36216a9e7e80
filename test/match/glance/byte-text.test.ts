/** Texts read from bytes are what a decoder makes of them, whatever was read before. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { createByteTexts } from "../../../src/match/glance/byte-text.ts";

test("any texts in any order", () => {
  const toText = createByteTexts();
  const anyText = fc.oneof(
    fc.array(fc.constantFrom("a", "b", "é", "ÿ"), { maxLength: 4 }).map((parts) => parts.join("")),
    fc.string({ unit: "grapheme", maxLength: 300 }),
  );
  fc.assert(
    fc.property(fc.array(anyText, { maxLength: 8 }), (texts) => {
      for (const text of texts) {
        const bytes = new TextEncoder().encode(`x${text}y`);
        expect(toText(bytes, 1, bytes.length - 1)).toBe(text.toWellFormed());
      }
    }),
  );
});
