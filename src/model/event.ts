/**
 * The event: a neutral envelope of fixed shape around an untouched raw record, and the words for records that never
 * become events.
 *
 * Sigma rules read `record` by the record's own field names; everything else in Sagewatch reads the envelope only, so
 * that a new record kind changes nothing outside decode/. The identity of an event is (kind, key, version).
 */

/** Parsed JSON as JSON.parse gives it. Objects may own keys such as `__proto__`: read own properties only. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json };

/** The record kinds that have a decoder. The kind is also the Sigma `service` of the record's logsource. */
export const KINDS = ["cloudtrail", "guardduty", "eventbridge", "bedrock", "cost"] as const;
export type Kind = (typeof KINDS)[number];

/** Sigma logsource of a kind: `product: aws`, `service: KIND`. Written "aws/cloudtrail" where one text is needed. */
export type Logsource = `aws/${Kind}`;
/** Every logsource that a decoder makes. */
export const LOGSOURCES: readonly Logsource[] = KINDS.map((kind): Logsource => `aws/${kind}`);

/** Who acted. All texts may be empty when the record does not say. */
export type Principal = {
  /**
   * First of sessionIssuer.arn, arn, principalId, invokedBy that is neither missing nor empty. Rotating session names
   * changes nothing: of the arn of a role's session the role's arn, without the role's path.
   */
  readonly id: string;
  /** Short readable name: the last part of the id's path. */
  readonly name: string;
  readonly kind: "human" | "workload" | "service" | "root" | "unknown";
  /** Session name of an assumed role, else empty. */
  readonly session: string;
};

/** Facts of one event that an analyst reads first. The whole takes at most 300 bytes of UTF-8 (longer texts are cut with "…"). */
export type Evidence = {
  /** Service and action, e.g. "sagemaker:CreateEndpoint"; for a finding its type. */
  readonly action: string;
  /** sourceIPAddress as it stands; may be a service name. */
  readonly ip: string;
  readonly agent: string;
  /** errorCode, empty on success. */
  readonly error: string;
  /** The resource that the call names, or empty. */
  readonly target: string;
};

/** A decoded record. */
export type Event = {
  readonly provider: "aws";
  readonly kind: Kind;
  readonly logsource: Logsource;
  /** Identity inside the kind, any text. CloudTrail: eventID and recipientAccountId; GuardDuty: finding id; EventBridge: the envelope's id; Bedrock: the request's; costs: period and dimensions, or the anomaly's id. */
  readonly key: string;
  /** The id that people search for: CloudTrail eventID, GuardDuty finding id; else the key. */
  readonly eventId: string;
  /** 0 for kinds that are never revised; GuardDuty: updatedAt, costs: when they were retrieved, in epoch ms. A higher version of a key replaces a lower one. */
  readonly version: number;
  /** Event time, epoch ms UTC. */
  readonly timeMs: number;
  readonly accountId: string;
  readonly region: string;
  readonly principal: Principal;
  readonly evidence: Evidence;
  /** Oddities worth telling: "duplicate_keys", "loose_time", "delayed" (has `addendum`). */
  readonly flags: readonly EventFlag[];
  /** The raw record by its own field names (GuardDuty: in the camelCase of EventBridge, anomalies of costs: in the PascalCase of the API, whichever way they came). */
  readonly record: JsonObject;
};

/** `duplicate_keys`: a key stands twice (last wins); `loose_time`: eventTime was "yyyy-mm-dd hh:mm:ss" read as UTC; `delayed`: CloudTrail says so in `addendum`. */
export type EventFlag = "duplicate_keys" | "loose_time" | "delayed";

/** Why a record cannot be evaluated. docs/error-codes.md is generated from this table. */
export const REASONS = {
  bad_json: "The bytes are not JSON, or not a JSON object.",
  bad_utf8: "The bytes are not valid UTF-8.",
  too_big: "The record is larger than limits.recordBytes.",
  too_deep: "The record nests deeper than limits.depth.",
  no_event_time: "The event time is missing or cannot be read.",
  future_event: "The event time is more than 5 minutes ahead of the clock (live sources only).",
  gzip_ratio: "The file unpacks to more than limits.gzipRatio times its size after the first 1 MiB.",
  gzip_bad: "The gzip stream is damaged; what could be read before the damage was evaluated.",
  truncated: "The input ends in the middle of a record or of the gzip stream.",
  unknown_kind: "The record is JSON but of no kind that Sagewatch decodes.",
  schema: "The record lacks what its kind cannot be without (a finding without id or time).",
  aggregate_bad: "What the Kinesis Producer Library packed into one record of a stream cannot be taken apart.",
  batch_bad: "A record batch of a Kafka partition cannot be unpacked or taken apart; the detail says its offsets.",
  bad_notice: "The notice of a new object cannot be read, or does not say which object it is of.",
  object_missing: "The object of a notice does not exist: it was deleted before it was read.",
  object_refused: "The object of a notice cannot be read as it is stored (archived, for example).",
} as const;
export type Reason = keyof typeof REASONS;

/** Why an input was passed over on purpose. It counts as read and skipped. */
export const SKIP_REASONS = {
  digest_file: "A CloudTrail digest file: it lists log files and has no records. `sqs-s3` verifies it all the same.",
  bedrock_body:
    "What a model was given or answered, which Bedrock stores beside its invocation log where it is large, and the empty object that tries the bucket: the log's own record has all that is evaluated.",
  envelope: "An EventBridge envelope of a kind without a decoder (for example a scheduled event).",
  test_notice: "What S3 sends when notices are switched on; it is of no object.",
  repeated_object: "A notice of an object that was read already.",
  control_message: "What CloudWatch Logs sends to try whether a subscription's target can be reached.",
  canary: "What the source itself put on its queue, to see that it comes through.",
  tombstone: "A Kafka message without a value: it deletes its key in a compacted topic.",
  other_object: "A notice of something else than a new object, or of one that `pattern` leaves out.",
} as const;
export type SkipReason = keyof typeof SKIP_REASONS;

/** Where a record was read: enough to find and read it again. */
export type Pointer = {
  /** Name of the source in the configuration. */
  readonly source: string;
  /** File path, or object URI. */
  readonly path: string;
  /** Index of the record in that file, from 0, in reading order over all kinds. */
  readonly index: number;
};

/** Where the records of a batch stand. `further`: inputs whose records follow in the same batch, in order, from row `from` on. */
export type BatchOrigin = {
  readonly source: string;
  readonly path: string;
  readonly indexes: Int32Array;
  readonly further?: readonly { readonly path: string; readonly from: number }[];
};

/** A record that could not be evaluated, on its way to quarantine. */
export type Rejected = {
  readonly reason: Reason;
  readonly pointer: Pointer;
  /** What exactly was wrong, with the offending value, one line. */
  readonly detail: string;
  /** The record's bytes; null where they are not at hand (larger than 1 MiB): then only the pointer is kept. */
  readonly bytes: Uint8Array | null;
  readonly sizeBytes: number;
  readonly kind: Kind | "";
};
