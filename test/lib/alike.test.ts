/** What is remembered for records that are alike is given for those alone. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Alike } from "../../src/lib/alike.ts";

const anyValue = fc.option(
  fc.array(fc.constantFrom("a", "b"), { maxLength: 5 }).map((parts) => `"${parts.join("")}"`),
  { nil: null },
);

test("fields that are missing, empty, or share their ends are told apart", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(anyValue, anyValue, anyValue), { maxLength: 40 }), (records) => {
      // The middle field is none of those that count.
      const alike = new Alike<string>([0, 4]);
      const known = new Map<string, string>();
      for (const values of records) {
        const chunk = new TextEncoder().encode(`x${values.map((value) => value ?? "").join("")}y`);
        let end = 1;
        const row = values.flatMap((value) => {
          const start = end;
          end += value?.length ?? 0;
          return value === null ? [-1, -1] : [start, end];
        });
        const glances = Int32Array.from([0, ...row]);
        const name = JSON.stringify([values[0], values[2]]);
        expect([undefined, known.get(name)]).toContain(alike.get(chunk, glances, 1));
        alike.set(chunk, glances, { row: 1, found: name });
        known.set(name, name);
        expect(alike.get(chunk, glances, 1)).toBe(name);
      }
    }),
  );
});

test("where records are never alike it rests, and remembers again when they are", () => {
  const alike = new Alike<string>([0]);
  const look = (text: string): string | undefined => {
    const chunk = new TextEncoder().encode(`"${text}"`);
    const glances = Int32Array.from([0, chunk.length]);
    const found = alike.get(chunk, glances, 0);
    if (found === undefined) alike.set(chunk, glances, { row: 0, found: text });
    return found;
  };
  for (let at = 0; at < 2_000; at += 1) expect(look(`new-${at}`)).toBeUndefined();
  look("old");
  expect(look("old")).toBeUndefined();
  for (let at = 0; at < 20_000; at += 1) look("old");
  expect(look("old")).toBe("old");
});

test("of some hundred kinds nearly all are remembered, also where names differ in their middle or their end alone", () => {
  const alike = new Alike<string>([0]);
  const accounts = ["111122223333", "444455556666", "777788889999", "123456789012", "012345678901"];
  const sessions = [
    "feature-sync",
    "scan-ff7fec",
    "scan-ff7fed",
    "i-06f44de2f374786d0",
    "i-06f44de2f374786d1",
    "GitHub",
  ];
  const roles = ["lambda", "runner", "scanner", "worker-instance", "apply"];
  const arns = accounts.flatMap((account) =>
    roles.flatMap((role) => sessions.map((session) => `"arn:aws:sts::${account}:assumed-role/${role}/${session}"`)),
  );
  const look = (arn: string): string | undefined => {
    const chunk = new TextEncoder().encode(arn);
    const glances = Int32Array.from([0, chunk.length]);
    const found = alike.get(chunk, glances, 0);
    if (found === undefined) alike.set(chunk, glances, { row: 0, found: arn });
    return found;
  };
  for (const arn of arns) look(arn);
  expect(arns.filter((arn) => look(arn) === arn).length).toBeGreaterThan(0.95 * arns.length);
});
