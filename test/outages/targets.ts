/** Everything that can be gone, by the name that the command takes. */
import {
  openAlertTopic,
  openElastic,
  openEventBridge,
  openFile,
  openMessages,
  openPagerDuty,
  openSecurityHub,
  openSlack,
  openSplunk,
  openWebhook,
} from "./sinks.ts";
import { openBucket, openLookup, openQueue, openRecordTopic } from "./sources.ts";
import type { Target, TargetOptions } from "./target.ts";

/** `needsJava`: a broker of Kafka stands behind it. */
export type Entry = {
  readonly open: (options: TargetOptions) => Promise<Target>;
  readonly needsJava?: boolean;
};

export const TARGETS: Readonly<Record<string, Entry>> = {
  queue: { open: () => openQueue() },
  bucket: { open: openBucket },
  lookup: { open: openLookup },
  records: { open: openRecordTopic, needsJava: true },
  eventbridge: { open: openEventBridge },
  "security-hub": { open: openSecurityHub },
  sqs: { open: () => openMessages("sqs") },
  sns: { open: () => openMessages("sns") },
  "splunk-hec": { open: openSplunk },
  elastic: { open: openElastic },
  webhook: { open: openWebhook },
  slack: { open: openSlack },
  pagerduty: { open: openPagerDuty },
  topic: { open: openAlertTopic, needsJava: true },
  "file-away": { open: openFile },
};
