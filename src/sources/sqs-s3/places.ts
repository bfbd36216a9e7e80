/**
 * Which objects were read, and how far: positions, and what this run has added to them.
 *
 * A position's key is the object's URI, its value "UP-TO|ETAG|SEQUENCER" ("done" for UP-TO at the end). An object is the
 * same again when its ETag is, or when the notice's sequencer is not above that of the one that was read: sequencers are
 * hexadecimal, of differing length, and compared from the left, filled with zeros on the right
 * (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html). Rows go after 35 days.
 */
import type { NoticedObject } from "../../decode/envelope-notice.ts";

/** How far an object was read; `upTo` null: to its end. */
export type Place = { readonly upTo: number | null; readonly etag: string; readonly sequencer: string };

export type Places = {
  /** True when this very object, or a newer one under its key, was read to its end and committed. */
  isDone(object: NoticedObject): boolean;
  /** Records of the object with this ETag that are committed. */
  skip(object: NoticedObject, etag: string): number;
  /** A commit of this run. */
  note(uri: string, place: Place): void;
};

/** Objects of this run that are remembered beside the store's. */
const NOTED_MAX = 200_000;
const DONE = "done";

/** URI of an object: its position's key and its records' path. */
export function toUri({ bucket, key }: { readonly bucket: string; readonly key: string }): string {
  return `s3://${bucket}/${key}`;
}

/** Text of a place. */
export function formatPlace({ upTo, etag, sequencer }: Place): string {
  return `${upTo ?? DONE}|${etag}|${sequencer}`;
}

function parsePlace(text: string): Place {
  const [upTo = "", etag = "", sequencer = ""] = text.split("|");
  return { upTo: upTo === DONE ? null : Number(upTo), etag, sequencer };
}

/** What the positions of the last commit say, and what comes. */
export function createPlaces(positions: ReadonlyMap<string, string>): Places {
  const noted = new Map<string, Place>();
  const placeOf = (uri: string): Place | null => {
    const text = positions.get(uri);
    return noted.get(uri) ?? (text === undefined ? null : parsePlace(text));
  };
  return {
    isDone: (object) => {
      const place = placeOf(toUri(object));
      if (place === null || place.upTo !== null) return false;
      if (object.etag !== "" && object.etag === place.etag) return true;
      return object.sequencer !== "" && place.sequencer !== "" && isNotAbove(object.sequencer, place.sequencer);
    },
    skip: (object, etag) => {
      const place = placeOf(toUri(object));
      return place !== null && place.upTo !== null && place.etag === etag ? place.upTo : 0;
    },
    note: (uri, place) => {
      noted.delete(uri);
      noted.set(uri, place);
      if (noted.size <= NOTED_MAX) return;
      for (const oldest of noted.keys()) return void noted.delete(oldest);
    },
  };
}

/** Whether sequencer `one` is not above `other`. */
function isNotAbove(one: string, other: string): boolean {
  const length = Math.max(one.length, other.length);
  return one.toUpperCase().padEnd(length, "0") <= other.toUpperCase().padEnd(length, "0");
}
