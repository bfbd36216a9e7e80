/** What a user agent is called in a story. */
import { expect, test } from "vitest";
import { toAgentKind } from "../../src/encode/agent-kind.ts";

test.each([
  ["", ""],
  ["sagemaker.amazonaws.com", "service sagemaker"],
  ["[Boto3/1.34 md/Botocore#1.34]", "Python (boto3)"],
  ["aws-cli/2.15 Python/3.11", "AWS CLI"],
  ["aws-sdk-rust/1.3", "AWS SDK"],
  ["something/1", "client something/1"],
  ["x".repeat(41), `client ${"x".repeat(40)}…`],
  [`${"x".repeat(39)}🦊 and more`, `client ${"x".repeat(39)}…`],
])("%j is %j", (agent, kind) => {
  expect(toAgentKind(agent)).toBe(kind);
});
