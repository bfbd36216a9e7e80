/**
 * What is kept of CloudTrail's digest files and the log files that they list, and what a source tells of them.
 *
 * A source tells by notes; they are committed with the batch that carries them. DIGEST FILES are noticed, then listed (they
 * are signed, and their log files known), then proven or broken. LOG FILES are kept while something is open: seen (read, in
 * no digest file yet), listed (not read yet), or found altered, missing, unread or unlisted. Of a proven one nothing is kept
 * but the count of its hour. Types, and the words for people.
 */
import type { DigestFault, ListedFile } from "./digest.ts";
import type { DigestPlace } from "./place.ts";

export type DigestState = "noticed" | "listed" | "proven" | "broken";

/** A digest file as the store has it. Hashes are SHA-256, hex; times epoch ms, 0 before it was read. */
export type DigestRow = DigestPlace & {
  readonly uri: string;
  readonly state: DigestState;
  readonly startMs: number;
  readonly hash: string;
  /** SHA-256 of its signature's text. */
  readonly signature: string;
  /** The one before it, as it names it; null: it begins a chain. */
  readonly previous: { readonly uri: string; readonly hash: string; readonly signature: string } | null;
  /** Whether it follows that one; null: yet to be seen. */
  readonly isLinked: boolean | null;
  readonly fault: DigestFault | null;
  /** When it was read and found signed. */
  readonly readMs: number;
  readonly files: number;
};

/** What is known of a log file. `read`: its bytes were hashed; `gone`: S3 has it no more; `unreadable`: it is not to be had. */
export type FileRow = {
  readonly uri: string;
  readonly state: "seen" | "listed" | "altered" | "missing" | "unread" | "unlisted";
  readonly hourMs: number;
  /** Hash of what was read; null: it was not read. */
  readonly readHash: string | null;
  /** Hash that a digest file lists; null: none does yet. */
  readonly listedHash: string | null;
  /** What was read differs from what was read before. */
  readonly isChanged: boolean;
  readonly lost: FileLoss | null;
};
export type FileLoss = "gone" | "unreadable";

/** A log file was read, or could not be. */
export type SeenFile = {
  readonly is: "file";
  readonly source: string;
  readonly uri: string;
  readonly accountId: string;
  readonly region: string;
  readonly hourMs: number;
  readonly hash: string | null;
  readonly lost: FileLoss | null;
};
/** There is a digest file. */
export type NoticedDigest = {
  readonly is: "digest";
  readonly source: string;
  readonly uri: string;
  readonly place: DigestPlace;
};
/** A digest file was read: it is signed, or has a fault. */
export type ReadDigest = {
  readonly is: "read";
  readonly source: string;
  readonly uri: string;
  readonly place: DigestPlace;
  readonly fault: DigestFault | null;
  /** Epoch ms. */
  readonly readMs: number;
  /** What it says; null with a fault. */
  readonly said: Pick<DigestRow, "startMs" | "endMs" | "hash" | "signature" | "previous"> | null;
  readonly files: readonly ListedFile[];
  /** Read anew because of log files that no digest file seems to list: no log file becomes known by it. */
  readonly isAgain: boolean;
};
/** Log files of a digest file were judged; the digest file too where `state` is one. */
export type JudgedDigest = {
  readonly is: "judged";
  readonly uri: string;
  readonly state: "listed" | "proven" | "broken";
  readonly isLinked: boolean | null;
  readonly files: readonly { readonly uri: string; readonly state: FileRow["state"] | "proven" }[];
};
/** Log files that no digest file lists. */
export type UnlistedFiles = { readonly is: "unlisted"; readonly uris: readonly string[] };
/** Something is wrong that a person must know of. */
export type IntegrityFinding = {
  readonly is: "finding";
  readonly finding: FindingName;
  readonly accountId: string;
  readonly region: string;
  /** Tells apart what one name can be about. */
  readonly key: string;
  /** Span that it is about, epoch ms. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly files: number;
  readonly why: string;
};

export type IntegrityNote = SeenFile | NoticedDigest | ReadDigest | JudgedDigest | UnlistedFiles | IntegrityFinding;

/** What may be wrong, beside the faults of a digest file itself. */
export const FINDINGS = {
  log_altered: "log files were altered after CloudTrail delivered them",
  log_missing: "log files that CloudTrail delivered are missing",
  log_unlisted: "log files are in the bucket that no digest file lists",
  chain_restarted: "the chain of digest files began anew: logging or validation was off in between",
  chain_broken: "a digest file does not follow the one before it",
  digest_overdue: "digest files come no more",
} as const;
export type FindingName = keyof typeof FINDINGS | `digest_${DigestFault}`;

/** What the store can be asked. */
export type IntegrityLog = {
  /** Digest files of a source that are neither proven nor broken, the oldest first. */
  open(source: string): readonly DigestRow[];
  digest(uri: string): DigestRow | null;
  /** The newest digest file of a chain that is signed and ends by `atMs`. */
  before(of: { readonly source: string; readonly chain: string }, atMs: number): DigestRow | null;
  /** The newest digest file of each chain of a source, whatever came of it. */
  newest(source: string): readonly DigestRow[];
  /** Log files of a digest file of which something is open. */
  files(digest: string): readonly FileRow[];
  /** Signed digest files of an account and Region that touch a span, epoch ms. */
  covering(
    of: { readonly source: string; readonly accountId: string; readonly region: string },
    fromMs: number,
    toMs: number,
  ): readonly DigestRow[];
  /** Log files that were read and that no digest file lists, of hours that ended by `atMs`. */
  seen(source: string, atMs: number): readonly (FileRow & { readonly accountId: string; readonly region: string })[];
};
