/**
 * Open Cybersecurity Schema Framework (class API Activity, 6003) to CloudTrail records.
 *
 * The correspondence is that of OpenSearch Security Analytics for the log type CloudTrail
 * (https://github.com/opensearch-project/security-analytics, OSMapping/cloudtrail_logtype.json), whose 1.0 and 1.1 names
 * both stand here, with names that the schema itself defines for the same thing (https://schema.ocsf.io). Data only.
 */
import type { NameTable } from "./name-table.ts";

const IDENTITY = "userIdentity";
const SESSION = `${IDENTITY}.sessionContext`;
const CONSTANT = "leave it out: it is the same in every record of CloudTrail";
const CLASSES = "write the operations that are meant under api.operation";

/** OCSF names. */
export const OCSF: NameTable = {
  fields: {
    "actor.idp.name": `${IDENTITY}.identityProvider`,
    "actor.invoked_by": `${IDENTITY}.invokedBy`,
    "actor.session.created_time_dt": `${SESSION}.attributes.creationDate`,
    "actor.session.is_mfa": `${SESSION}.attributes.mfaAuthenticated`,
    "actor.session.issuer": `${SESSION}.sessionIssuer.arn`,
    "actor.session.mfa": `${SESSION}.attributes.mfaAuthenticated`,
    "actor.user.account.uid": `${IDENTITY}.accountId`,
    "actor.user.account_uid": `${IDENTITY}.accountId`,
    "actor.user.credential_uid": `${IDENTITY}.accessKeyId`,
    "actor.user.name": `${IDENTITY}.userName`,
    "actor.user.type": `${IDENTITY}.type`,
    "actor.user.uid": `${IDENTITY}.arn`,
    "actor.user.uid_alt": `${IDENTITY}.principalId`,
    "actor.user.uuid": `${IDENTITY}.arn`,
    "api.operation": "eventName",
    "api.request.data": "requestParameters",
    "api.request.uid": "requestID",
    "api.response.data": "responseElements",
    "api.response.error": "errorCode",
    "api.response.message": "errorMessage",
    "api.service.name": "eventSource",
    "api.version": "apiVersion",
    "cloud.account.uid": "recipientAccountId",
    "cloud.region": "awsRegion",
    "dst_endpoint.svc_name": "additionalEventData.LoginTo",
    "http_request.user_agent": "userAgent",
    "metadata.event_code": "eventType",
    "metadata.product.feature.name": "eventCategory",
    "metadata.product.version": "eventVersion",
    "metadata.uid": "eventID",
    "resources.account_uid": "resources.accountId",
    "resources.owner.account.uid": "resources.accountId",
    "resources.type": "resources.type",
    "resources.uid": "resources.ARN",
    "src_endpoint.ip": "sourceIPAddress",
    "src_endpoint.uid": "vpcEndpointId",
    time_dt: "eventTime",
    "tls.cipher": "tlsDetails.cipherSuite",
    "tls.sni": "tlsDetails.clientProvidedHostHeader",
    "tls.version": "tlsDetails.tlsVersion",
    "user.name": ["requestParameters.userName", "requestParameters.roleSessionName"],
    "user.uid": "requestParameters.roleArn",
  },
  prefixes: {
    "api.request.data": "requestParameters.",
    "api.response.data": "responseElements.",
    unmapped: "",
  },
  outcomes: {
    status: { success: "success", failure: "failure" },
    status_id: { success: "1", failure: "2" },
  },
  refused: {
    activity_id: CLASSES,
    activity_name: CLASSES,
    category_uid: CONSTANT,
    class_uid: CONSTANT,
    "cloud.provider": CONSTANT,
    is_mfa: "write unmapped.additionalEventData.MFAUsed with Yes or No",
    mfa: "write unmapped.additionalEventData.MFAUsed with Yes or No",
    "metadata.product.name": CONSTANT,
    "metadata.product.vendor_name": CONSTANT,
    time: "write time_dt: records have texts, not milliseconds",
    type_uid: CLASSES,
  },
};
