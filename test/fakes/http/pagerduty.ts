/** The Events API v2 of PagerDuty: what it wants of an event, and incidents by their dedup_key. */
import { type Receiver, type Reply, startReceiver } from "./receiver.ts";

export const ROUTING_KEY = "0123456789abcdef0123456789abcdef";

type Event = {
  readonly routing_key?: unknown;
  readonly event_action?: unknown;
  readonly dedup_key: string;
  readonly links?: readonly { readonly href: string; readonly text: string }[];
  readonly payload: Readonly<Record<string, unknown>> & { readonly custom_details: Record<string, unknown> };
};
export type PagerDuty = Receiver & { readonly events: Event[]; readonly bodies: string[] };

const LEVELS: ReadonlySet<unknown> = new Set(["critical", "error", "warning", "info"]);

function findErrors({ routing_key: key, event_action: action, dedup_key: dedup, payload }: Event): string[] {
  const { summary, source, severity, timestamp } = payload;
  return [
    key === ROUTING_KEY ? "" : "Invalid routing key: 'routing_key' is not known",
    action === "trigger" ? "" : "'event_action' is invalid",
    dedup.length <= 255 ? "" : "'dedup_key' is too long",
    typeof summary === "string" && summary !== "" && summary.length <= 1024 ? "" : "'payload.summary' is invalid",
    typeof source === "string" && source !== "" ? "" : "'payload.source' is missing or blank",
    LEVELS.has(severity) ? "" : "'payload.severity' is invalid",
    typeof timestamp === "string" && !Number.isNaN(Date.parse(timestamp)) ? "" : "'payload.timestamp' is invalid",
  ].filter((error) => error !== "");
}

export async function startPagerDuty(): Promise<PagerDuty> {
  const events: Event[] = [];
  const bodies: string[] = [];
  const receiver = await startReceiver(({ method, path, body }): Reply => {
    if (method !== "POST" || path !== "/v2/enqueue") return { status: 404 };
    if (Buffer.byteLength(body) > 512 * 1024) return { status: 413 };
    const event = JSON.parse(body) as Event;
    const errors = findErrors(event);
    const invalid = { status: "invalid event", message: "Event object is invalid", errors };
    if (errors.length > 0) return { status: 400, body: JSON.stringify(invalid) };
    events.push(event);
    bodies.push(body);
    const taken = { status: "success", message: "Event processed", dedup_key: event.dedup_key };
    return { status: 202, body: JSON.stringify(taken) };
  });
  return { ...receiver, events, bodies };
}
