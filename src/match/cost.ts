/**
 * What a row of costs comes to beside the days before it: the fields `enrich.cost.*`.
 *
 * Amounts are those of UnblendedCost, in the unit of the row (USD; CNY in China). `Earlier` is put into the row by the
 * source, which has the days before it in the same answer. Pure.
 */
import { ownValue } from "../lib/json.ts";
import type { Event, Json } from "../model/event.ts";

type Amounts = { readonly amount: number; readonly before: number | null };

function amountsOf({ kind, record }: Event): Amounts | null {
  if (kind !== "cost") return null;
  const amount = toNumber(ownValue(ownValue(ownValue(record, "Metrics"), "UnblendedCost"), "Amount"));
  return amount === null ? null : { amount, before: toNumber(ownValue(ownValue(record, "Earlier"), "Highest")) };
}

/** AWS writes amounts as texts, small ones with an exponent. */
function toNumber(value: unknown): number | null {
  if (typeof value !== "string" || value === "") return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}

/** The field `enrich.cost.amount`. */
export function amountField(event: Event): Json {
  return amountsOf(event)?.amount ?? null;
}

/** The field `enrich.cost.before`. */
export function beforeField(event: Event): Json {
  return amountsOf(event)?.before ?? null;
}

/** The field `enrich.cost.rise`, to a hundred-millionth. */
export function riseField(event: Event): Json {
  const { amount = 0, before = null } = amountsOf(event) ?? {};
  return before === null ? null : Math.round((amount - before) * 1e8) / 1e8;
}

/** The field `enrich.cost.times`; null where nothing was paid before. */
export function timesField(event: Event): Json {
  const { amount = 0, before = null } = amountsOf(event) ?? {};
  return before === null || before <= 0 ? null : Math.round((amount / before) * 1e4) / 1e4;
}
