/**
 * What the accelerators that some calls ask for cost an hour, by the fields that rules read.
 *
 * Calls that failed are counted as if they had got what they asked for, and said so; calls without a known price are left
 * out of the sum, and said so. Pure functions of events and of checked-in tables.
 */
import type { Event } from "../model/event.ts";
import { acceleratorAsks, acceleratorsOf } from "./gpu.ts";
import { usdField } from "./price.ts";
import { CALLS } from "./tables/calls.ts";

export type Burn = {
  readonly accelerators: number;
  readonly models: readonly string[];
  /** List price, USD; null where none is known. */
  readonly usdPerHour: number | null;
  /** Calls that ask for accelerators; of them without a known price; of them failed. */
  readonly calls: number;
  readonly unpriced: number;
  readonly failed: number;
};

/** True for an action, as evidence has it ("sagemaker:CreateEndpoint"), of a call that can ask for accelerators. */
export function mayBurn(action: string): boolean {
  return CALLS.has(action.slice(action.indexOf(":") + 1));
}

/** The sum over events; null where none asks for accelerators. */
export function toBurn(events: readonly Event[]): Burn | null {
  let [accelerators, usd, calls, unpriced, failed] = [0, 0, 0, 0, 0];
  const models = new Set<string>();
  for (const event of events) {
    const asks = acceleratorAsks(event);
    if (asks.length === 0) continue;
    calls += 1;
    for (const ask of asks) {
      const [each, model] = acceleratorsOf(ask.type);
      accelerators += each * ask.count;
      models.add(model);
    }
    const price = usdField(event);
    if (typeof price === "number") usd += price;
    else unpriced += 1;
    if (event.evidence.error !== "") failed += 1;
  }
  if (accelerators === 0) return null;
  const usdPerHour = unpriced === calls ? null : Math.round(usd * 100) / 100;
  return { accelerators, models: [...models], usdPerHour, calls, unpriced, failed };
}
