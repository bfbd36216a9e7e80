/**
 * Notices of new objects in S3, in every form in which they come to a queue.
 *
 * Straight from S3 or by SNS (keys URL-encoded, several records a notice), by EventBridge (keys as they are), and those
 * that CloudTrail itself publishes. One that is broken in part gives the objects it names and says what is wrong with the
 * rest. Pure and total; the texts are written by AWS, their keys by whoever writes to the bucket.
 * Shapes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html, …/ev-events.html,
 * https://docs.aws.amazon.com/awscloudtrail/latest/userguide/configure-sns-notifications-for-cloudtrail.html
 */
import { isObject, ownValue, textAt } from "../lib/json.ts";

/** An object that a notice is of. Texts are empty, the size null, where the notice does not say. */
export type NoticedObject = {
  readonly bucket: string;
  readonly key: string;
  readonly etag: string;
  readonly sequencer: string;
  readonly sizeBytes: number | null;
};

/** What a message says: the objects, how many notices were of nothing new, whether it is S3's test, and what is wrong. */
export type Notice = {
  readonly objects: readonly NoticedObject[];
  readonly others: number;
  readonly isTest: boolean;
  readonly faults: readonly string[];
};

const NOTHING: Notice = { objects: [], others: 0, isTest: false, faults: [] };

/** Reads the body of a message. */
export function parseNotice(body: string): Notice {
  const parsed = parseJson(body);
  if (parsed === undefined) return broken("the message is no JSON");
  const isWrapped = textAt(parsed, "Type") === "Notification" && textAt(parsed, "TopicArn") !== "";
  if (!isWrapped) return toNotice(parsed);
  const inner = parseJson(textAt(parsed, "Message"));
  return inner === undefined ? broken("the message in SNS's envelope is no JSON") : toNotice(inner);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function broken(fault: string): Notice {
  return { ...NOTHING, faults: [fault] };
}

function toNotice(value: unknown): Notice {
  if (textAt(value, "Event") === "s3:TestEvent") return { ...NOTHING, isTest: true };
  const records = ownValue(value, "Records");
  if (Array.isArray(records)) return fromRecords(records);
  if (textAt(value, "source") === "aws.s3") return fromEventBridge(value);
  const keys = ownValue(value, "s3ObjectKey");
  if (Array.isArray(keys)) return fromCloudTrail(value, keys);
  return broken("an object with none of the keys of a notice");
}

function fromRecords(records: readonly unknown[]): Notice {
  const objects: NoticedObject[] = [];
  const faults: string[] = [];
  let others = 0;
  for (const [at, record] of records.entries()) {
    const isNew = /^(?:s3:)?ObjectCreated:/.test(textAt(record, "eventName"));
    if (isObject(record) && !isNew && textAt(record, "eventName") !== "") {
      others += 1;
      continue;
    }
    const object = ownValue(ownValue(record, "s3"), "object");
    const key = decodeKey(textAt(object, "key"));
    const bucket = textAt(record, "s3", "bucket", "name");
    if (key === null || key === "" || bucket === "") faults.push(`record ${at} names no bucket or no readable key`);
    else objects.push(toObject(object, { bucket, key, etag: textAt(object, "eTag") }));
  }
  return { objects, others, isTest: false, faults };
}

function fromEventBridge(value: unknown): Notice {
  if (textAt(value, "detail-type") !== "Object Created") return { ...NOTHING, others: 1 };
  const object = ownValue(ownValue(value, "detail"), "object");
  const [bucket, key] = [textAt(value, "detail", "bucket", "name"), textAt(object, "key")];
  if (bucket === "" || key === "") return broken("the event names no bucket or no key");
  return { ...NOTHING, objects: [toObject(object, { bucket, key, etag: textAt(object, "etag") })] };
}

function fromCloudTrail(value: unknown, keys: readonly unknown[]): Notice {
  const bucket = textAt(value, "s3Bucket");
  const good = keys.filter((key): key is string => typeof key === "string" && key !== "");
  if (bucket === "" || good.length < keys.length) return broken("the notice names no bucket or no key");
  const objects = good.map((key): NoticedObject => ({ bucket, key, etag: "", sequencer: "", sizeBytes: null }));
  return { ...NOTHING, objects };
}

function toObject(
  object: unknown,
  known: { readonly bucket: string; readonly key: string; readonly etag: string },
): NoticedObject {
  const size = ownValue(object, "size");
  return {
    ...known,
    etag: known.etag.replaceAll('"', ""),
    sequencer: textAt(object, "sequencer"),
    sizeBytes: typeof size === "number" && Number.isSafeInteger(size) && size >= 0 ? size : null,
  };
}

/** A key as S3's own notices spell it: URL-encoded, a space as "+". Null when the encoding is broken. */
function decodeKey(key: string): string | null {
  try {
    return decodeURIComponent(key.replaceAll("+", " "));
  } catch {
    return null;
  }
}
