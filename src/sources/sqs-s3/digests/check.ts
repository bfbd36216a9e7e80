/**
 * Verifies CloudTrail's digest files: looks now and then which are open, reads and judges them, and tells what came of it.
 *
 * What is known stands in the store; each look begins from there, so that a restart goes on where it was. A digest file is
 * read when it is noticed, and judged until each log file that it lists is read, altered or gone. A log file that was not
 * read is fetched like any other; a digest file that another names and that nobody noticed is looked for. What cannot be had
 * at the moment is tried again, ever more seldom. Nothing is decided here: that is done in model/integrity.
 */
import { toErrorCode, toMessage } from "../../../model/errors.ts";
import { DIGEST_WAIT_MS } from "../../../model/integrity/hours.ts";
import { judgeFiles, judgeLink, toOverdueFinding } from "../../../model/integrity/judge.ts";
import type { DigestRow, IntegrityFinding, IntegrityNote, NoticedDigest } from "../../../model/integrity/notes.ts";
import { fromUri, toDigestPlace, toLogPlace } from "../../../model/integrity/place.ts";
import { createBackOff } from "./back-off.ts";
import { type DigestsBy, type Looking, readAndTell, tell } from "./read.ts";
import { findUnlisted } from "./unlisted.ts";

/** Longest time between two looks, ms. */
const EVERY_MS = 60_000;
/** Log files fetched for digest files at one look: the rest has its turn later, and notices theirs. */
const WANTED_MAX = 500;

/** Looks until the signal. Never throws. */
export async function checkDigests(by: DigestsBy): Promise<void> {
  const looking: Looking = {
    by,
    backOff: createBackOff(by.clock),
    busy: new Set(),
    overdue: new Set(),
    startedMs: by.clock.nowMs(),
  };
  const unlisted = findUnlisted(looking);
  while (!by.signal.aborted) {
    try {
      await look(looking);
      await unlisted();
    } catch (error) {
      if (!by.signal.aborted)
        by.warn(`CloudTrail's digest files are not verified at the moment: ${toMessage(error)}`, toErrorCode(error));
    }
    await by.clock.sleep(Math.min(EVERY_MS, by.waitMs / 4), by.signal);
  }
}

async function look(looking: Looking): Promise<void> {
  const { by, backOff, busy } = looking;
  let room = WANTED_MAX;
  for (const row of by.log.open(by.source)) {
    if (by.signal.aborted) return;
    if (busy.has(row.uri) || !backOff.isDue(row.uri)) continue;
    if (row.state === "noticed") await readAndTell(row, looking, false);
    else room -= judge(row, looking, room);
  }
  tellOverdue(looking);
}

/** Judges a signed digest file, and asks for the log files that are still to be read; how many. */
function judge(row: DigestRow, looking: Looking, room: number): number {
  const { by } = looking;
  const link = row.isLinked === null ? toLink(row, by) : { isLinked: row.isLinked, notes: [] };
  const isPatient = by.clock.nowMs() < row.readMs + by.waitMs;
  const { note, findings, wanted } = judgeFiles(row, by.log.files(row.uri), { isLinked: link.isLinked, isPatient });
  const { asked, unreadable } = ask(wanted, { row, looking, room });
  const isNew = note.state !== row.state || note.isLinked !== row.isLinked || note.files.length > 0;
  const notes = [...(isNew ? [note] : []), ...link.notes, ...findings, ...unreadable];
  if (notes.length > 0) tell(row.uri, notes, looking);
  return asked;
}

function toLink(
  row: DigestRow,
  { log, source }: DigestsBy,
): { readonly isLinked: boolean | null; readonly notes: readonly (IntegrityFinding | NoticedDigest)[] } {
  const previous = row.previous === null ? null : log.digest(row.previous.uri);
  const older = log.before({ source, chain: row.chain }, row.startMs);
  const link = judgeLink(row, { previous, older });
  if (link.is !== "fetch") {
    const isLinked = link.is === "wait" ? null : link.is === "whole";
    return { isLinked, notes: link.finding === null ? [] : [link.finding] };
  }
  const uri = row.previous?.uri ?? "";
  const place = toDigestPlace(fromUri(uri));
  if (place === null) return { isLinked: false, notes: [] };
  return { isLinked: null, notes: [{ is: "digest", source, uri, place }] };
}

/** Has log files fetched, as far as there is room; those that `pattern` leaves out are not. */
function ask(
  wanted: readonly string[],
  { row, looking, room }: { readonly row: DigestRow; readonly looking: Looking; readonly room: number },
): { readonly asked: number; readonly unreadable: readonly IntegrityNote[] } {
  const { by, backOff } = looking;
  const unreadable: IntegrityNote[] = [];
  let asked = 0;
  for (const uri of wanted) {
    if (asked >= room) break;
    if (!backOff.isDue(uri)) continue;
    // Whatever comes of it, it is not asked for at each look.
    backOff.failed(uri);
    const object = { ...fromUri(uri), etag: "", sequencer: "", sizeBytes: null };
    if (by.isWanted(object.key)) {
      asked += 1;
      by.jobs.add(object, { message: null, sweptMs: null });
    } else {
      const { accountId, region } = row;
      const hourMs = toLogPlace(object.key)?.hourMs ?? row.startMs;
      unreadable.push({
        is: "file",
        source: by.source,
        uri,
        accountId,
        region,
        hourMs,
        hash: null,
        lost: "unreadable",
      });
    }
  }
  return { asked, unreadable };
}

/** Chains of which no digest file came for too long, each told once; not of what may wait in the queue after a stop. */
function tellOverdue(looking: Looking): void {
  const { by, overdue, startedMs } = looking;
  for (const last of by.log.newest(by.source)) {
    if (overdue.has(last.uri) || Math.max(last.endMs, startedMs) + DIGEST_WAIT_MS > by.clock.nowMs()) continue;
    overdue.add(last.uri);
    tell(last.uri, [toOverdueFinding(last)], looking);
  }
}
