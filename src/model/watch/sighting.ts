/**
 * Over which ways an event of an alert came: EventBridge, S3, LookupEvents, a topic … each is a source of the configuration.
 *
 * They stand beside the alert and are no part of its content: another way makes no new revision. Types only.
 */

/** An event came by a source, `delayMs` after it happened (ms, 0 or more); null when that says nothing, as in a replay. */
export type Sighting = { readonly key: string; readonly source: string; readonly delayMs: number | null };

/** A way over which evidence of an alert came: how many of its events, and how long after they happened, ms. */
export type Path = {
  readonly source: string;
  readonly events: number;
  readonly minDelayMs: number | null;
  readonly maxDelayMs: number | null;
};
