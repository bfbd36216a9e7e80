/**
 * From messages to jobs: what each notice is of, and what is passed over.
 *
 * Digest files are known by their folder: they hold no records, and where they are verified that is done by itself. So are
 * the bodies that Bedrock stores beside its log: a prompt is nothing to be read as a record, nor to be kept. A notice that is
 * broken, in whole or in part, goes into the quarantine with the message's text; the objects that it does name are read all
 * the same.
 */
import type { SqsConsumer, SqsMessage } from "../../aws/sqs-types.ts";
import { type NoticedObject, parseNotice } from "../../decode/envelope-notice.ts";
import type { Rejected, SkipReason } from "../../model/event.ts";
import type { NoticedDigest } from "../../model/integrity/notes.ts";
import { toDigestPlace } from "../../model/integrity/place.ts";
import { BEDROCK_BODY } from "./bodies.ts";
import type { Jobs } from "./jobs.ts";
import { type Places, toUri } from "./places.ts";

export type IntakeBy = {
  readonly source: string;
  readonly queue: string;
  readonly consumer: SqsConsumer;
  readonly jobs: Jobs;
  readonly places: Places;
  /** Whether a key is one to be read. */
  readonly isWanted: (key: string) => boolean;
  /** Whether digest files are verified. */
  readonly verifies: boolean;
  /** Jobs that may wait before no more messages are taken. */
  readonly room: number;
  readonly signal: AbortSignal;
};

/** Messages taken at a time. */
const MESSAGES = 10;
const DIGEST_FOLDER = /(?:^|\/)CloudTrail-Digest\//;
/** Why an object of a notice is passed over, null when it is to be read. */
export function toSkipReason(object: NoticedObject, by: Pick<IntakeBy, "places" | "isWanted">): SkipReason | null {
  if (DIGEST_FOLDER.test(object.key)) return "digest_file";
  if (BEDROCK_BODY.test(object.key)) return "bedrock_body";
  if (!by.isWanted(object.key)) return "other_object";
  return by.places.isDone(object) ? "repeated_object" : null;
}

/** Takes messages until the signal. Throws what the consumer throws. */
export async function takeNotices(by: IntakeBy): Promise<void> {
  for await (const messages of by.consumer.read(MESSAGES, by.signal)) {
    for (const message of messages) takeNotice(message, by);
    while (by.jobs.ahead().length >= by.room && !by.signal.aborted) await by.jobs.changed();
  }
}

function takeNotice(message: SqsMessage, by: IntakeBy): void {
  const notice = parseNotice(message.body);
  const tracked = by.jobs.track(message);
  const skipped: Partial<Record<SkipReason, number>> = {};
  const skip = (reason: SkipReason, count = 1): void => {
    if (count > 0) skipped[reason] = (skipped[reason] ?? 0) + count;
  };
  if (notice.isTest) skip("test_notice");
  skip("other_object", notice.others);
  const integrity: NoticedDigest[] = [];
  for (const object of notice.objects) {
    const reason = toSkipReason(object, by);
    if (reason !== null) skip(reason);
    if (reason === "digest_file" && by.verifies) integrity.push(...toNoticed(object, by));
    if (reason === null && !by.jobs.add(object, { message: tracked, sweptMs: null })) skip("repeated_object");
  }
  const isEmpty = notice.objects.length + notice.others + notice.faults.length === 0 && !notice.isTest;
  const faults = isEmpty ? ["the notice names no object"] : notice.faults;
  const rejected = faults.map((detail, index) => toRejected(message, { detail, index }, by));
  if (rejected.length > 0 || Object.keys(skipped).length > 0)
    by.jobs.note({ rejected, skipped, positions: [], integrity, message: tracked });
}

function toNoticed(object: NoticedObject, { source }: IntakeBy): readonly NoticedDigest[] {
  const place = toDigestPlace(object);
  return place === null ? [] : [{ is: "digest", source, uri: toUri(object), place }];
}

function toRejected(
  message: SqsMessage,
  { detail, index }: { readonly detail: string; readonly index: number },
  { source, queue }: IntakeBy,
): Rejected {
  const bytes: Uint8Array = Uint8Array.from(Buffer.from(message.body));
  const pointer = { source, path: `sqs://${queue}/${message.id}`, index };
  return { reason: "bad_notice", pointer, detail, bytes, sizeBytes: bytes.length, kind: "" };
}
