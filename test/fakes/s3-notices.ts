/**
 * The notices that S3 sends of new objects, in each of its three forms, as their texts.
 *
 * Shapes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html (keys URL-encoded,
 * a space as "+"; s3:TestEvent when notifications are switched on) and …/ev-events.html (EventBridge, keys as they are).
 * A sequencer grows with each object of a key, in hex, of differing length. Pure but for that counter.
 */

/** An object a notice is of. */
export type Noticed = {
  readonly bucket: string;
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  readonly sequencer?: string;
};

let sequence = 0x0061a0_0000n;
/** The next sequencer. */
export function nextSequencer(): string {
  sequence += 1n;
  return sequence.toString(16).padStart(18, "0").toUpperCase();
}

/** A key as notices of S3 itself spell it. */
export function encodeKey(key: string): string {
  return encodeURIComponent(key)
    .replaceAll("%20", "+")
    .replaceAll("%2F", "/")
    .replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** One record of a direct notice. */
export function toNoticeRecord(noticed: Noticed, eventName: string = "ObjectCreated:Put"): object {
  const { bucket, key, size, etag, sequencer = nextSequencer() } = noticed;
  return {
    eventVersion: "2.1",
    eventSource: "aws:s3",
    awsRegion: "eu-west-1",
    eventTime: "2026-01-02T03:05:00.000Z",
    eventName,
    userIdentity: { principalId: "AWS:AROAEXAMPLE:regionalDeliverySession" },
    requestParameters: { sourceIPAddress: "192.0.2.1" },
    responseElements: { "x-amz-request-id": "R", "x-amz-id-2": "H" },
    s3: {
      s3SchemaVersion: "1.0",
      configurationId: "trail",
      bucket: { name: bucket, ownerIdentity: { principalId: "A" }, arn: `arn:aws:s3:::${bucket}` },
      object: { key: encodeKey(key), size, eTag: etag, sequencer },
    },
  };
}

/** A notice of S3 itself: straight to SQS, or the message of SNS. */
export function toNotice(...objects: readonly Noticed[]): string {
  return JSON.stringify({ Records: objects.map((noticed) => toNoticeRecord(noticed)) });
}

/** The notice by EventBridge. */
export function toEventBridgeNotice(noticed: Noticed): string {
  const { bucket, key, size, etag, sequencer = nextSequencer() } = noticed;
  return JSON.stringify({
    version: "0",
    id: "17793124-05d4-b198-2fde-7ededc63b103",
    "detail-type": "Object Created",
    source: "aws.s3",
    account: "111122223333",
    time: "2026-01-02T03:05:00Z",
    region: "eu-west-1",
    resources: [`arn:aws:s3:::${bucket}`],
    detail: {
      version: "0",
      bucket: { name: bucket },
      object: { key, size, etag, sequencer },
      "request-id": "R",
      requester: "cloudtrail.amazonaws.com",
      "source-ip-address": "192.0.2.1",
      reason: "PutObject",
    },
  });
}

/** What S3 sends when notifications are switched on. */
export function toTestNotice(bucket: string): string {
  const Time = "2026-01-02T03:00:00.000Z";
  return JSON.stringify({
    Service: "Amazon S3",
    Event: "s3:TestEvent",
    Time,
    Bucket: bucket,
    RequestId: "R",
    HostId: "H",
  });
}

/** A message as SNS delivers it to SQS (https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html). */
export function toSnsMessage(message: string, subject?: string): string {
  return JSON.stringify({
    Type: "Notification",
    MessageId: "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
    TopicArn: "arn:aws:sns:eu-west-1:111122223333:notices",
    ...(subject === undefined ? {} : { Subject: subject }),
    Message: message,
    Timestamp: "2026-01-02T03:05:00.000Z",
    SignatureVersion: "1",
    Signature: "EXAMPLE==",
    SigningCertURL: "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-example.pem",
    UnsubscribeURL: "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
  });
}
