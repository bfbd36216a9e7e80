/** A field read straight from the record is what its path gives, whatever the record holds. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { compilePath } from "../../../src/sigma/leaf/path.ts";
import { clearSlot, compileReader, createSlot, type Slot } from "../../../src/sigma/leaf/slot.ts";
import { eventOf } from "../../match/build.ts";

const key = fc.constantFrom("a", "b", "a.b", "", ".", "constructor", "toString", "__proto__", "a.", ".b", "length");
const { tree } = fc.letrec<{ tree: unknown; object: unknown }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(null, 0, 1, "t", "", true),
    fc.array(tie("tree"), { maxLength: 3 }),
    tie("object"),
  ),
  object: fc.dictionary(key, tie("tree"), { maxKeys: 4 }),
}));
const fields = [
  "a", "b", "a.b", "a.a", "a.b.a", "constructor", "a.constructor", "constructor.a", "__proto__", "a.__proto__", ".", ".b",
  "a.", "toString.name", "length", "a.length",
] as const; // prettier-ignore

/** What `fill` makes of an empty slot. */
function filled(field: string, fill: (slot: Slot) => void): unknown {
  const slot = createSlot(field);
  clearSlot(slot, 1);
  fill(slot);
  const { found, count, many, value } = slot;
  return [found, count, count === 0 ? [] : (many ?? [value])];
}

test("for any record and field", () => {
  fc.assert(
    fc.property(fc.dictionary(key, tree, { maxKeys: 5 }), (record) => {
      // As a parser makes it: a key named __proto__ is a key.
      const event = eventOf(JSON.parse(JSON.stringify(record)));
      for (const field of fields)
        expect(filled(field, (slot) => compileReader(field, null)(event, slot))).toEqual(
          filled(field, (slot) => compilePath(field)(event.record, slot)),
        );
    }),
    { numRuns: 500 },
  );
});
