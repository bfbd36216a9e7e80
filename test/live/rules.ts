/** Two rules of the runs over a live daemon: one that each marked call meets, and one that three calls of a group meet. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

export const MARK_RULE = "6b0b8a52-62a0-4f0c-8f13-0f5a1d3e7c01";
export const TRIO_RULE = "6b0b8a52-62a0-4f0c-8f13-0f5a1d3e7c02";

/** Their text; `note` changes nothing but the title, so that a reload finds another file. */
function toText(note: string): string {
  return `title: A marked call${note}
id: ${MARK_RULE}
logsource: {product: aws, service: cloudtrail}
detection:
  selection: {eventSource: s3.amazonaws.com, eventName: DeleteBucketPolicy, userAgent: sagewatch-mark}
  condition: selection
level: high
---
title: A call of a trio
name: trio
logsource: {product: aws, service: cloudtrail}
detection:
  selection: {eventSource: s3.amazonaws.com, eventName: GetBucketAcl, userAgent: sagewatch-mark}
  condition: selection
level: low
---
title: Three calls of a trio
id: ${TRIO_RULE}
correlation:
  type: event_count
  rules: [trio]
  group-by: [userIdentity.arn]
  timespan: 5m
  condition: {gte: 3}
level: high
`;
}

/** Writes the rules to `path` and gives it back. */
export function writeLiveRules(path: string, note = ""): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, toText(note));
  return path;
}
