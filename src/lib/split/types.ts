/**
 * What a splitter takes and gives: its bounds, the items and faults it finds, and the sink that takes them.
 *
 * Types only, apart from split.ts so that who sorts items need not know how they are found.
 */
/** Why a piece of the stream is no item. `truncated`: the stream ended inside it. `cut`: as `finish` was told. */
export type Fault = "bad_json" | "truncated" | "too_big" | "too_deep" | "cut";

/** What was seen of an object: which keys, as bits by code; whether a followed key stands twice; the deepest nesting. */
export type Facts = {
  readonly seen: number;
  readonly seenPayload: number;
  readonly repeated: boolean;
  readonly deepest: number;
  /** Ranges of values by code, relative to the object. */
  readonly ranges: Int32Array;
  /** Present where the object is known to be plain JSON: places of values (plain.ts), relative to the object. */
  readonly places: Int32Array | null;
};

/** An item as found: its range in the window and what was seen of it. Valid only during the call. */
export type Item = {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly scan: Facts;
};

/** A piece that is no item. `bytes` is null when it was too large to be kept. Valid only during the call. */
export type Broken = {
  readonly fault: Fault;
  readonly detail: string;
  readonly bytes: Uint8Array | null;
  readonly sizeBytes: number;
  /** What was seen of an item before it was found broken; null when the piece never was one. */
  readonly scan: Facts | null;
};

/** Takes what is found, in the order of the stream. Both return true when the chunk shall be handed over now. */
export type SplitSink = {
  item(item: Item): boolean;
  fault(broken: Broken): boolean;
  /** The window leaves this chunk. True when ranges of it were taken, so that its memory is no longer the splitter's. */
  handOver(chunk: Uint8Array): boolean;
};

/** Bounds: bytes of an item, bytes of a chunk at first, usually, and at most (at least twice an item). */
export type SplitLimits = {
  readonly itemBytes: number;
  readonly chunkBytes: number;
  readonly chunkUsualBytes: number;
  readonly chunkMaxBytes: number;
};
