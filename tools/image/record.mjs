// Records that the tests of image and compose lay into the spool. Written by us, in the shape of CloudTrail's.

/** A CloudTrail record of somebody turning a trail off, now. `last`: the last digit of its eventID. */
export function stopLogging(last = "2") {
  const arn = "arn:aws:iam::111122223333:user/mallory";
  return {
    eventVersion: "1.11",
    userIdentity: {
      type: "IAMUser",
      principalId: "AIDAEXAMPLEMALLORY0001",
      arn,
      accountId: "111122223333",
      userName: "mallory",
    },
    eventTime: `${new Date().toISOString().slice(0, 19)}Z`,
    eventSource: "cloudtrail.amazonaws.com",
    eventName: "StopLogging",
    awsRegion: "eu-central-1",
    sourceIPAddress: "198.51.100.7",
    userAgent: "aws-cli/2.31.0",
    requestParameters: { name: "org-trail" },
    responseElements: null,
    requestID: "5c2f3d0e-0000-4000-8000-000000000001",
    eventID: `5c2f3d0e-0000-4000-8000-00000000000${last}`,
    readOnly: false,
    eventType: "AwsApiCall",
    managementEvent: true,
    recipientAccountId: "111122223333",
    eventCategory: "Management",
  };
}
