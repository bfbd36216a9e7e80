/**
 * How far a shard was read: the positions of the `kinesis` source.
 *
 * A position's key is "STREAM@CREATED/SHARD": a stream that was deleted and made again has other sequence numbers. Its
 * value is "IS|SEQUENCE|UP-TO|COMPLETE": everything that arrived before COMPLETE (epoch ms) was read. Pure.
 */

/**
 * `after`: up to this sequence number. `inside`: before it, and the first `upTo` records in it. `time`: all that had
 * arrived by `completeMs`, and no record yet. `end`: to the end of a shard that was split or merged.
 */
export type Place = {
  readonly is: "after" | "inside" | "time" | "end";
  readonly sequence: string;
  readonly upTo: number;
  readonly completeMs: number;
};

const KINDS: ReadonlySet<string> = new Set(["after", "inside", "time", "end"]);

/** Text of a place. */
export function formatPlace({ is, sequence, upTo, completeMs }: Place): string {
  return `${is}|${sequence}|${upTo}|${completeMs}`;
}

/** The place that a text tells of; null when it tells of none. */
export function parsePlace(text: string | undefined): Place | null {
  const [is = "", sequence = "", upTo = "", completeMs = ""] = text?.split("|") ?? [];
  if (!KINDS.has(is)) return null;
  return { is: is as Place["is"], sequence, upTo: Number(upTo), completeMs: Number(completeMs) || 0 };
}

/** Whether sequence number `one` comes behind `other` ("" comes before all). They are decimal, of differing length. */
export function isBehind(one: string, other: string): boolean {
  return one.length === other.length ? one > other : one.length > other.length;
}
