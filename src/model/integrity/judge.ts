/**
 * Judges a signed digest file: whether it follows the one before it, and whether each log file that it lists was read as it
 * was delivered. Pure: what is known is handed in, what is to be done and told comes out.
 *
 * A chain begins where Sagewatch first meets it: what came before is not asked for. From there on every digest file must
 * name the one before it, and one that is missing is looked for. A log file that was not read is waited for (`isPatient`),
 * then fetched; only what S3 has no more is missing.
 */
import { toUtcText } from "../../lib/clock.ts";
import { sha256Hex } from "../../lib/canonical.ts";
import { DIGEST_FAULTS, type Digest, type Faulty } from "./digest.ts";
import {
  type DigestRow,
  type FileRow,
  FINDINGS,
  type FindingName,
  type IntegrityFinding,
  type JudgedDigest,
  type ReadDigest,
} from "./notes.ts";
import type { DigestPlace } from "./place.ts";

/** How a digest file hangs on the one before it. `wait`: that is yet to be read; `fetch`: nothing is known of it. */
export type Link = {
  readonly is: "whole" | "wait" | "fetch" | "broken";
  readonly finding: IntegrityFinding | null;
};

/** Who and when a finding is about. */
type About = Pick<DigestRow, "uri" | "accountId" | "region" | "startMs" | "endMs">;

/** Names shown in a sentence. */
const NAMED = 3;
const NAME_MAX = 300;

/** What a signed digest file says, as it is kept: of signatures the hash. */
export function toSaid({ startMs, endMs, hash, signature, previous }: Digest): NonNullable<ReadDigest["said"]> {
  const digestOf = (text: string): string => sha256Hex(text.toLowerCase());
  const before = previous === null ? null : { ...previous, signature: digestOf(previous.signature) };
  return { startMs, endMs, hash, signature: digestOf(signature), previous: before };
}

/**
 * `previous`: what is known of the one that it names; `older`: the newest signed one of its chain that ends before it. A hole
 * before it is told, and leaves what it covers itself proven; what contradicts the one before it proves nothing.
 */
export function judgeLink(
  digest: DigestRow,
  { previous, older }: { readonly previous: DigestRow | null; readonly older: DigestRow | null },
): Link {
  const { uri, isBackfill, previous: named } = digest;
  const whole: Link = { is: "whole", finding: null };
  if (named === null) {
    // Backfill digest files may stand alone.
    if (older === null || isBackfill || older.endMs >= digest.startMs) return whole;
    const off = { ...digest, startMs: older.endMs, endMs: digest.startMs };
    const why = `${toSpan(off)} no digest file covers: ${cut(uri)} begins a new chain.`;
    return { is: "whole", finding: toFinding("chain_restarted", off, { files: 1, why }) };
  }
  if (previous === null) return older === null ? whole : { is: "fetch", finding: null };
  // What is wrong with the one before was told with it.
  if (previous.fault !== null) return whole;
  if (previous.state === "noticed") return { is: "wait", finding: null };
  if (previous.hash !== named.hash || previous.signature !== named.signature) {
    const why = `${cut(uri)} names ${cut(named.uri)} with another hash or signature than it has.`;
    return { is: "broken", finding: toFinding("chain_broken", digest, { files: 1, why }) };
  }
  if (previous.endMs >= digest.startMs || isBackfill) return whole;
  const hole = { ...digest, startMs: previous.endMs, endMs: digest.startMs };
  const why = `${toSpan(hole)} no digest file covers, though ${cut(uri)} follows ${cut(previous.uri)}.`;
  return { is: "whole", finding: toFinding("chain_broken", hole, { files: 1, why }) };
}

/** What comes of the log files of a digest file. */
export type FilesJudged = {
  readonly note: JudgedDigest;
  readonly findings: readonly IntegrityFinding[];
  /** URIs of log files to be fetched now. */
  readonly wanted: readonly string[];
};

/**
 * Judges the open log files of a digest file. `isLinked` null: how it hangs on the one before it is yet to be seen.
 * `isPatient`: what was not read may still come by itself.
 */
export function judgeFiles(
  digest: DigestRow,
  files: readonly FileRow[],
  { isLinked, isPatient }: Pick<DigestRow, "isLinked"> & { readonly isPatient: boolean },
): FilesJudged {
  const judged = files.map((file) => ({ uri: file.uri, state: toState(file), was: file.state }));
  const of = (state: string): readonly string[] => judged.filter((file) => file.state === state).map(({ uri }) => uri);
  const [altered, missing, waiting, unread] = [of("altered"), of("missing"), of("listed"), of("unread")];
  const isNew = (state: string): boolean => judged.some((file) => file.state === state && file.was !== state);
  const isOpen = waiting.length + unread.length > 0 || isLinked === null;
  const isBad = altered.length + missing.length > 0 || isLinked === false;
  const findings = [
    ...(isNew("altered") ? [toFileFinding("log_altered", digest, altered)] : []),
    ...(isNew("missing") ? [toFileFinding("log_missing", digest, missing)] : []),
  ];
  const changed = judged.filter(({ state, was }) => state !== was).map(({ uri, state }) => ({ uri, state }));
  const state = isOpen ? "listed" : isBad ? "broken" : "proven";
  return {
    note: { is: "judged", uri: digest.uri, state, isLinked, files: changed },
    findings,
    wanted: isPatient ? [] : [...waiting, ...unread],
  };
}

function toState({ readHash, listedHash, isChanged, lost }: FileRow): FileRow["state"] | "proven" {
  if (readHash !== null) return readHash === listedHash && !isChanged ? "proven" : "altered";
  if (lost === null) return "listed";
  return lost === "gone" ? "missing" : "unread";
}

function toFileFinding(
  name: "log_altered" | "log_missing",
  digest: DigestRow,
  uris: readonly string[],
): IntegrityFinding {
  const why = `${toCount(uris.length, "log file")} that CloudTrail delivered ${toSpan(digest)}: ${toNames(uris)}. Listed by ${cut(digest.uri)}.`;
  return toFinding(name, digest, { files: uris.length, why });
}

/** The finding that a digest file has a fault. */
export function toFaultFinding(uri: string, place: DigestPlace, { fault, detail }: Faulty): IntegrityFinding {
  // Its own times are not to be believed.
  const about = { uri, ...place, startMs: place.endMs };
  const why = `${cut(uri)}: ${detail}. Nothing of the hour until ${toUtcText(place.endMs)} is proven by it.`;
  return toFinding(`digest_${fault}`, about, { files: 1, why });
}

/** The finding that no digest file came behind `last` until `nowMs`. It says the same however often it is made. */
export function toOverdueFinding(last: DigestRow): IntegrityFinding {
  const why = `The last digest file of ${cut(last.chain)} covers until ${toUtcText(last.endMs)}, and for three hours none came: logging or validation is off, the trail is gone, or files are kept from being delivered.`;
  return toFinding("digest_overdue", { ...last, startMs: last.endMs }, { files: 1, why });
}

/** The finding that log files of an hour stand in no digest file. */
export function toUnlistedFinding(
  of: { readonly accountId: string; readonly region: string; readonly hourMs: number },
  uris: readonly string[],
): IntegrityFinding {
  const about = {
    ...of,
    uri: `${of.accountId}/${of.region}/${of.hourMs}`,
    startMs: of.hourMs,
    endMs: of.hourMs + 3_600_000,
  };
  const why = `${toCount(uris.length, "log file")} named as of ${toSpan(about)}: ${toNames(uris)}. CloudTrail signed for all that it delivered then, and these are not among it: somebody put them there, or changed them after they were proven. Or a second trail without log file validation delivers into the same folder: switch its validation on, give it another prefix, or set \`unlisted: false\` on the source.`;
  return toFinding("log_unlisted", about, { files: uris.length, why });
}

function toFinding(
  finding: FindingName,
  about: About,
  { files, why }: { files: number; why: string },
): IntegrityFinding {
  const { uri: key, accountId, region, startMs: fromMs, endMs: toMs } = about;
  return { is: "finding", finding, accountId, region, key, fromMs, toMs, files, why: `${toSentence(finding)}. ${why}` };
}

/** What a finding says, as the beginning of a sentence. */
function toSentence(finding: FindingName): string {
  const text =
    finding in FINDINGS
      ? FINDINGS[finding as keyof typeof FINDINGS]
      : DIGEST_FAULTS[finding.slice("digest_".length) as keyof typeof DIGEST_FAULTS];
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function toSpan({ startMs, endMs }: { readonly startMs: number; readonly endMs: number }): string {
  return `${toUtcText(startMs)} to ${toUtcText(endMs)}`;
}

function toCount(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function toNames(uris: readonly string[]): string {
  const more = uris.length > NAMED ? ` and ${uris.length - NAMED} more` : "";
  return uris.slice(0, NAMED).map(cut).join(", ") + more;
}

function cut(text: string): string {
  return text.length > NAME_MAX ? `${text.slice(0, NAME_MAX)}…` : text;
}
