/**
 * The IAM action that each request asks for, as the fault proxy saw it, and a rule that refuses all but a set of them.
 *
 * REST services are told by method and path; batches count as their single action, as IAM does.
 */
import type { FaultRule, Passed } from "./fault-proxy.ts";

const REST: readonly (readonly [RegExp, string])[] = [
  [/^GET \/detector$/, "guardduty:ListDetectors"],
  [/^GET \/detector\/[^/]+$/, "guardduty:GetDetector"],
  [/^POST \/detector\/[^/]+\/findings$/, "guardduty:ListFindings"],
  [/^POST \/detector\/[^/]+\/findings\/get$/, "guardduty:GetFindings"],
  [/^POST \/findings\/import$/, "securityhub:BatchImportFindings"],
];
const NAMED: Readonly<Record<string, string>> = {
  "s3:ListObjectsV2": "s3:ListBucket",
  "sns:PublishBatch": "sns:Publish",
  "sqs:SendMessageBatch": "sqs:SendMessage",
  "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
  "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
};

/** The action of a request. */
export function actionOf({ service, operation }: Pick<Passed, "service" | "operation">): string {
  const rest = REST.find(([pattern]) => pattern.test(operation))?.[1];
  const plain = `${service}:${operation}`;
  return rest ?? NAMED[plain] ?? plain;
}

/** Refuses every action but these, as AWS words it; GetCallerIdentity needs none. */
export function refuseAllBut(allowed: ReadonlySet<string>): FaultRule {
  return {
    when: (about) => {
      const action = actionOf(about);
      return action !== "sts:GetCallerIdentity" && !allowed.has(action);
    },
    fault: { kind: "error", code: "AccessDenied", status: 403, message: "not allowed by the policy of this test" },
  };
}
