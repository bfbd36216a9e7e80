/** Matches as the matcher makes them, texts of their own included: calls of principals that never come again, and of one that does. */
import type { Match } from "../../src/contracts.ts";
import type { Random } from "../../src/lib/random.ts";
import { toGroupKey } from "../../src/model/alert.ts";
import type { Correlation } from "../../src/sigma/ast.ts";

const AGENTS = Array.from(
  { length: 50 },
  (_, i) => `Boto3/1.34.${i} md/Botocore#1.34.${i} ua/2.0 os/linux#6.1 md/arch#x86_64 lang/python#3.11.8`,
);
/** Records in a delivery file. */
const FILE_RECORDS = 1024;

/** One call; `record` is what the store keeps of it. */
export function makeCall(
  rule: Correlation,
  call: { index: number; timeMs: number; principal: string; random: Random; record: Uint8Array | null },
): Match {
  const { index, timeMs, principal, random, record } = call;
  const eventId = random.uuid();
  const folder = "/spool/AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/10";
  return {
    ruleId: rule.id,
    ruleSem: rule.ruleSem,
    step: 0,
    kind: "cloudtrail",
    logsource: "aws/cloudtrail",
    key: `${eventId}/111122223333`,
    eventId,
    version: 0,
    timeMs,
    recordHash: random.hex(64),
    accountId: "111122223333",
    region: "eu-west-1",
    principal,
    group: toGroupKey([principal]),
    value: null,
    number: null,
    pointer: {
      source: "trail",
      path: `${folder}/${Math.floor(index / FILE_RECORDS)}.json.gz`,
      index: index % FILE_RECORDS,
    },
    evidence: {
      action: "bedrock:InvokeModel",
      ip: `203.0.${random.int(0, 255)}.${random.int(0, 255)}`,
      agent: random.pick(AGENTS),
      error: "",
      target: `anthropic.claude-${random.int(1, 9)}`,
    },
    record,
  };
}

/** A principal that no other call has. */
export function makePrincipal(random: Random, index: number): string {
  return `arn:aws:iam::111122223333:role/tenant-${random.hex(8)}-${index}`;
}
