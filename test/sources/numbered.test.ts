/** Records that one hand gave one number are alike, byte for byte, in the fields that the number stands for. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { cloudtrailGlance } from "../../src/decode/glance.ts";
import { createRecordBatcher } from "../../src/sources/records/batches.ts";
import { LIMITS } from "./records.ts";

const { fields, numbered, width } = cloudtrailGlance;

// Two of them fall into one place of the memory: they share their ends but for the last character.
const anyText = fc.constantFrom("a", "b", "", "é", "role-1", "role-2");
/** Of few, so that records are often alike in all four fields of a call: a memory that mostly misses rests. */
const anyName = fc.constantFrom("a", "role-1", "role-2");
const anyRecord = fc.record(
  {
    eventVersion: fc.constant("1.11"),
    eventTime: fc.constant("2026-03-10T08:00:00Z"),
    eventSource: anyName,
    eventName: anyName,
    errorCode: anyName,
    userAgent: fc.oneof(anyText, fc.integer({ min: 0, max: 2 })),
    userIdentity: fc.record({ type: anyName, arn: anyText }, { requiredKeys: [] }),
  },
  { requiredKeys: ["eventVersion", "eventTime", "eventSource", "eventName", "userIdentity"] },
);

/** Rows of a file's records: what stands in the fields of each list, and the number that it was given. */
function numberedIn(records: readonly unknown[]): { list: number; number: string; texts: string }[] {
  const bytes = Buffer.from(JSON.stringify({ Records: records }));
  const options = { source: "trail", path: "a.json", limits: LIMITS, sizeHint: bytes.length, skip: 0 };
  const batcher = createRecordBatcher(options);
  return [...batcher.push(bytes), ...batcher.end()].flatMap(({ chunk, glances, indexes }) =>
    [...indexes.keys()].flatMap((at) => {
      const row = glances?.subarray(at * width, (at + 1) * width) ?? new Int32Array(0);
      const [by, ...numbers] = row.subarray(2 * fields.length);
      const textOf = (field: string): string | null => {
        const [start = -1, end = -1] = row.subarray(2 * fields.indexOf(field));
        return start === -1 ? null : Buffer.from(chunk.subarray(start, end)).toString();
      };
      return numbers.map((number, list) => ({
        list,
        number: `${by} ${number}`,
        texts: JSON.stringify(numbered[list]?.map(textOf)),
      }));
    }),
  );
}

test("over many files, whatever stands in them", () => {
  const texts = new Map<string, string>();
  const alike = numbered.map(() => 0);
  fc.assert(
    fc.property(fc.array(anyRecord, { minLength: 1, maxLength: 20 }), (records) => {
      const found = numberedIn(records);
      expect(found).toHaveLength(records.length * numbered.length);
      for (const one of found) {
        if (one.number.endsWith(" -1")) continue;
        const name = `${one.list} ${one.number}`;
        const before = texts.get(name);
        if (before !== undefined) alike[one.list]! += 1;
        expect(before ?? one.texts).toBe(one.texts);
        texts.set(name, one.texts);
      }
    }),
    { numRuns: 400 },
  );
  // Else it proves nothing of a list.
  expect(Math.min(...alike)).toBeGreaterThan(100);
});
