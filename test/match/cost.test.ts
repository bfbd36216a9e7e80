/** What a row of costs comes to beside the days before it. */
import { expect, test } from "vitest";
import { decoders } from "../../src/decode/registry.ts";
import { FIELDS } from "../../src/match/fields.ts";
import type { Event, Json, JsonObject } from "../../src/model/event.ts";
import { anomaly, costRow } from "../support/costs.ts";

function fieldsOf(record: JsonObject): readonly Json[] {
  const event = decoders.cost.decode(Buffer.from(JSON.stringify(record)), { nowMs: null, duplicateKeys: false });
  return ["amount", "before", "rise", "times"].map(
    (name) => FIELDS[`enrich.cost.${name}`]?.compute(event as Event) ?? null,
  );
}

const row = (amount: string, earlier: JsonObject): JsonObject =>
  costRow({ Metrics: { UnblendedCost: { Amount: amount, Unit: "USD" } }, Earlier: earlier });

test.each<[string, JsonObject, readonly Json[]]>([
  ["dearer than before", row("642.1", { Periods: 14, Highest: "31.2" }), [642.1, 31.2, 610.9, 20.5801]],
  ["cheaper", row("12", { Periods: 14, Highest: "48" }), [12, 48, -36, 0.25]],
  ["nothing before: how many times is not known", row("5", { Periods: 14, Highest: "0" }), [5, 0, 5, null]],
  ["an amount with an exponent", row("3.1E-7", { Periods: 14, Highest: "1E-7" }), [3.1e-7, 1e-7, 2.1e-7, 3.1]],
  ["a row that nothing is known before", row("5", {}), [5, null, null, null]],
  ["an amount that is none", row("many", { Periods: 14, Highest: "1" }), [null, null, null, null]],
  ["an anomaly", anomaly(), [null, null, null, null]],
])("%s", (_what, record, expected) => {
  expect(fieldsOf(record)).toEqual(expected);
});
