/**
 * The fields of CloudTrail records whose names never depend on the operation, as a tree.
 *
 * From the AWS CloudTrail user guide, "CloudTrail record contents", "userIdentity element" and the insights events' page.
 * A field whose content depends on the service is open: anything may stand below it.
 */

/** Members by name; null for a value, "open" for anything below. */
export type FieldTree = { readonly [name: string]: FieldTree | null | "open" };

const SESSION_ISSUER: FieldTree = { type: null, principalId: null, arn: null, accountId: null, userName: null };

const USER_IDENTITY: FieldTree = {
  type: null,
  principalId: null,
  arn: null,
  accountId: null,
  accessKeyId: null,
  userName: null,
  userId: null,
  invokedBy: null,
  identityProvider: null,
  credentialId: null,
  identityStoreArn: null,
  onBehalfOf: { userId: null, identityStoreArn: null },
  inScopeOf: "open",
  invokedByDelegate: "open",
  sessionContext: {
    attributes: { creationDate: null, mfaAuthenticated: null },
    sessionIssuer: SESSION_ISSUER,
    webIdFederationData: "open",
    sourceIdentity: null,
    ec2RoleDelivery: null,
    assumedRoot: null,
    sessionCredentialFromConsole: null,
  },
};

/** Top-level fields of a record. */
export const RECORD_FIELDS: FieldTree = {
  additionalEventData: "open",
  addendum: "open",
  apiVersion: null,
  awsRegion: null,
  edgeDeviceDetails: "open",
  errorCode: null,
  errorMessage: null,
  eventCategory: null,
  eventContext: "open",
  eventID: null,
  eventName: null,
  eventSource: null,
  eventTime: null,
  eventType: null,
  eventVersion: null,
  insightDetails: "open",
  managementEvent: null,
  readOnly: null,
  recipientAccountId: null,
  requestID: null,
  requestParameters: "open",
  resources: "open",
  responseElements: "open",
  serviceEventDetails: "open",
  sessionCredentialFromConsole: null,
  sharedEventID: null,
  sourceIPAddress: null,
  tlsDetails: { tlsVersion: null, cipherSuite: null, clientProvidedHostHeader: null, keyExchange: null },
  userAgent: null,
  userIdentity: USER_IDENTITY,
  vpcEndpointAccountId: null,
  vpcEndpointId: null,
};
