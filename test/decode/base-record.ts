/** A CloudTrail record, for the tests of its decoder to change. */

/** A record in the shape of a delivery file of 2026. */
export const base: Readonly<Record<string, unknown>> = {
  eventVersion: "1.11",
  userIdentity: {
    type: "AssumedRole",
    principalId: "AROAEXAMPLE:ci-run-42",
    arn: "arn:aws:sts::111122223333:assumed-role/deployer/ci-run-42",
    accountId: "111122223333",
    accessKeyId: "ASIAEXAMPLE",
    sessionContext: {
      sessionIssuer: {
        type: "Role",
        principalId: "AROAEXAMPLE",
        arn: "arn:aws:iam::111122223333:role/ml/deployer",
        accountId: "111122223333",
        userName: "deployer",
      },
      attributes: { creationDate: "2026-01-02T03:00:00Z", mfaAuthenticated: "false" },
    },
  },
  eventTime: "2026-01-02T03:04:05Z",
  eventSource: "sagemaker.amazonaws.com",
  eventName: "CreateEndpoint",
  awsRegion: "eu-west-1",
  sourceIPAddress: "203.0.113.7",
  userAgent: "aws-sdk-js/3.500",
  requestParameters: { endpointConfigName: "chat-config", endpointName: "chat" },
  responseElements: { endpointArn: "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/chat" },
  requestID: "3b1f2a6e-0000-4000-8000-000000000001",
  eventID: "6d9a0c1e-0000-4000-8000-000000000002",
  readOnly: false,
  eventType: "AwsApiCall",
  managementEvent: true,
  recipientAccountId: "111122223333",
  eventCategory: "Management",
};
