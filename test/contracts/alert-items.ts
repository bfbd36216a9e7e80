/**
 * Alerts as the outbox hands them to a sink, for the sink exam and for processes that it starts.
 */
import type { OutboxItem } from "../../src/contracts.ts";
import { endpointBurst } from "../encode/alerts.ts";

/** An alert of its own for every `number`, opened in its first revision and updated in later ones. */
export function item(number: number, revision = 1): OutboxItem {
  const id = number.toString(16).padStart(64, "0");
  return { alert: { ...endpointBurst, id, revision }, opened: revision === 1 };
}
