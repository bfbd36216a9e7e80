/**
 * What is told of each log file that is read: the hash of its content as unpacked, which its digest file will list.
 */
import { createHash } from "node:crypto";
import type { Rejected } from "../../../model/event.ts";
import type { FileLoss, SeenFile } from "../../../model/integrity/notes.ts";
import { toLogPlace } from "../../../model/integrity/place.ts";
import { toUri } from "../places.ts";
import { UNPACKED_MAX_BYTES } from "../split.ts";

type ObjectPlace = { readonly bucket: string; readonly key: string };

/** Hashes a log file as it is read. `end`: with what was rejected of its last records. */
export type FileHash = { add(plain: Uint8Array): void; end(rejected: readonly Pick<Rejected, "reason">[]): SeenFile };

/** Null: the object is none of CloudTrail's log files. */
export function createFileHash(source: string, object: ObjectPlace): FileHash | null {
  const place = toLogPlace(object.key);
  if (place === null) return null;
  const hash = createHash("sha256");
  let sizeBytes = 0;
  return {
    add: (plain) => {
      sizeBytes += plain.length;
      hash.update(plain);
    },
    end: (rejected) => {
      const seen = { is: "file", source, uri: toUri(object), ...place } as const;
      // A bomb is not unpacked to its end: of what was not read nothing is said.
      const isCut = sizeBytes > UNPACKED_MAX_BYTES || rejected.some(({ reason }) => reason === "gzip_ratio");
      return isCut ? { ...seen, hash: null, lost: "unreadable" } : { ...seen, hash: hash.digest("hex"), lost: null };
    },
  };
}

/** A log file that will never be read; null: it is none of CloudTrail's. */
export function toLostFile(source: string, object: ObjectPlace, why: "gone" | "refused" | "large"): SeenFile | null {
  const place = toLogPlace(object.key);
  const lost: FileLoss = why === "gone" ? "gone" : "unreadable";
  return place === null ? null : { is: "file", source, uri: toUri(object), ...place, hash: null, lost };
}
