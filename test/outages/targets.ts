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
import { openCost, openGuardDuty, openLookup } from "./polled.ts";
import { openBucket, openQueue, openRecordTopic, openStream } from "./sources.ts";
import type { Target, TargetOptions } from "./target.ts";

/** `needsJava`: a broker of Kafka stands behind it. `leastMs`: in so long it is asked at least once, so it is gone so long in each way. */
export type Entry = {
  readonly open: (options: TargetOptions) => Promise<Target>;
  readonly needsJava?: boolean;
  readonly leastMs?: number;
};

export const TARGETS: Readonly<Record<string, Entry>> = {
  queue: { open: () => openQueue() },
  bucket: { open: openBucket },
  stream: { open: openStream },
  lookup: { open: openLookup, leastMs: 35_000 },
  guardduty: { open: openGuardDuty, leastMs: 12_000 },
  // Silence is noticed after 30 s, and the next round begins a minute after the last one did.
  cost: { open: openCost, leastMs: 70_000 },
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
