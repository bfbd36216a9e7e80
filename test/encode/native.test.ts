import fc from "fast-check";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { encodeNative } from "../../src/encode/native.ts";
import type { Alert } from "../../src/model/alert.ts";
import { anyAlert, bareAlert, endpointBurst, hostileFinding } from "./alerts.ts";

const parse = (line: string): Record<string, unknown> => JSON.parse(line) as Record<string, unknown>;

test("the form on disk is the documented one", async () => {
  const lines = [endpointBurst, hostileFinding, bareAlert].map((alert) => `${encodeNative(alert)}\n`);
  await expect(lines.join("")).toMatchFileSnapshot("../golden/native.ndjson");
});

test("members stand in the documented order", () => {
  expect(Object.keys(parse(encodeNative(hostileFinding)))).toEqual(
    "id revision ruleId ruleName title severity accountId accountName region principal firstEventTime lastEventTime eventIds eventCount attack atlas why group evidence late seenTime".split(
      " ",
    ),
  );
});

test("an alert built or read back in another order of keys gives the same text", () => {
  const shuffled = Object.fromEntries(
    Object.entries({
      ...endpointBurst,
      group: { b: "2", a: "1" },
      evidence: endpointBurst.evidence.map((row) => Object.fromEntries(Object.entries(row).toReversed())),
    }).toReversed(),
  ) as unknown as Alert;
  expect(encodeNative(shuffled)).toBe(encodeNative({ ...endpointBurst, group: { a: "1", b: "2" } }));
});

test("any alert is one printable line that parses to the alert itself", () => {
  fc.assert(
    fc.property(anyAlert, (alert) => {
      const line = encodeNative(alert);
      expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/);
      expect(parse(line)).toEqual(JSON.parse(JSON.stringify(alert)));
    }),
  );
});

test("the records come byte for byte, and where each was read in the documented order", () => {
  const pointers = [4, 5].map((index) => ({ index, path: "in/a.json.gz", source: "trail" }));
  const record = '{"eventID":"e",\n "size":12345678901234567890}';
  const line = encodeNative(bareAlert, { pointers, raw: [new TextEncoder().encode(record)] });
  expect(parse(line)["raw"]).toEqual([record]);
  expect(parse(line)["pointers"]).toEqual(pointers);
  expect(line).toContain('"pointers":[{"source":"trail","path":"in/a.json.gz","index":4},{"source"');
});

test("docs/alert.md has a row for each field of an alert and of its evidence", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/alert.md"), "utf8");
  const firstCells = page.split("\n").map((line) => line.split("|")[1] ?? "");
  const documented = new Set(firstCells.flatMap((cell) => cell.match(/(?<=`)\w+(?=`)/g) ?? []));
  const pointers = [{ source: "s", path: "p", index: 0 }];
  const alert = parse(encodeNative(hostileFinding, { pointers, raw: [new Uint8Array()] }));
  const fields = [...Object.keys(alert), ...Object.keys(hostileFinding.evidence[0]!)];
  expect(fields.filter((field) => !documented.has(field))).toEqual([]);
});
