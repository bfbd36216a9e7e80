/**
 * Elastic Common Schema to CloudTrail records.
 *
 * The correspondence is that of Elastic's AWS integration, which makes ECS events of CloudTrail records
 * (https://github.com/elastic/integrations, packages/aws/data_stream/cloudtrail, ingest pipeline); names are checked
 * against ECS 9.4. Its own fields `aws.cloudtrail.*` are here too. Data only.
 */
import type { NameTable } from "./name-table.ts";

const IDENTITY = "userIdentity";
const SESSION = `${IDENTITY}.sessionContext`;
const ISSUER = `${SESSION}.sessionIssuer`;
const FLATTENED = "the integration keeps this as one text of its own form; write aws.cloudtrail.flattened.";
const CONSTANT = "leave it out: it is the same in every record of CloudTrail";

/** ECS names, with those of the integration. */
export const ECS: NameTable = {
  fields: {
    "@timestamp": "eventTime",
    "cloud.account.id": `${IDENTITY}.accountId`,
    "cloud.region": "awsRegion",
    "error.code": "errorCode",
    "error.message": "errorMessage",
    "event.action": "eventName",
    "event.id": "eventID",
    "event.provider": "eventSource",
    "group.id": "responseElements.group.groupId",
    "group.name": "requestParameters.groupName",
    "source.address": "sourceIPAddress",
    "source.ip": "sourceIPAddress",
    "tls.cipher": "tlsDetails.cipherSuite",
    "tls.client.server_name": "tlsDetails.clientProvidedHostHeader",
    "user.changes.name": "requestParameters.newUserName",
    "user.id": `${IDENTITY}.principalId`,
    "user.name": [`${IDENTITY}.userName`, `${ISSUER}.userName`],
    "user.target.id": "responseElements.user.userId",
    "user.target.name": "requestParameters.userName",
    "user_agent.original": "userAgent",
    "aws.cloudtrail.api_version": "apiVersion",
    "aws.cloudtrail.error_code": "errorCode",
    "aws.cloudtrail.error_message": "errorMessage",
    "aws.cloudtrail.event_category": "eventCategory",
    "aws.cloudtrail.event_type": "eventType",
    "aws.cloudtrail.event_version": "eventVersion",
    "aws.cloudtrail.management_event": "managementEvent",
    "aws.cloudtrail.read_only": "readOnly",
    "aws.cloudtrail.recipient_account_id": "recipientAccountId",
    "aws.cloudtrail.request_id": "requestID",
    "aws.cloudtrail.resources.account_id": "resources.accountId",
    "aws.cloudtrail.resources.arn": "resources.ARN",
    "aws.cloudtrail.resources.type": "resources.type",
    "aws.cloudtrail.shared_event_id": "sharedEventID",
    "aws.cloudtrail.user_identity.access_key_id": `${IDENTITY}.accessKeyId`,
    "aws.cloudtrail.user_identity.arn": `${IDENTITY}.arn`,
    "aws.cloudtrail.user_identity.invoked_by": `${IDENTITY}.invokedBy`,
    "aws.cloudtrail.user_identity.session_context.creation_date": `${SESSION}.attributes.creationDate`,
    "aws.cloudtrail.user_identity.session_context.mfa_authenticated": `${SESSION}.attributes.mfaAuthenticated`,
    "aws.cloudtrail.user_identity.session_context.session_issuer.account_id": `${ISSUER}.accountId`,
    "aws.cloudtrail.user_identity.session_context.session_issuer.arn": `${ISSUER}.arn`,
    "aws.cloudtrail.user_identity.session_context.session_issuer.principal_id": `${ISSUER}.principalId`,
    "aws.cloudtrail.user_identity.session_context.session_issuer.type": `${ISSUER}.type`,
    "aws.cloudtrail.user_identity.type": `${IDENTITY}.type`,
    "aws.cloudtrail.vpc_endpoint_id": "vpcEndpointId",
    "aws.cloudtrail.flattened.additional_eventdata": "additionalEventData",
    "aws.cloudtrail.flattened.insight_details": "insightDetails",
    "aws.cloudtrail.flattened.request_parameters": "requestParameters",
    "aws.cloudtrail.flattened.response_elements": "responseElements",
    "aws.cloudtrail.flattened.service_event_details": "serviceEventDetails",
  },
  prefixes: {
    "aws.cloudtrail.flattened.additional_eventdata": "additionalEventData.",
    "aws.cloudtrail.flattened.insight_details": "insightDetails.",
    "aws.cloudtrail.flattened.request_parameters": "requestParameters.",
    "aws.cloudtrail.flattened.response_elements": "responseElements.",
    "aws.cloudtrail.flattened.service_event_details": "serviceEventDetails.",
  },
  outcomes: { "event.outcome": { success: "success", failure: "failure" } },
  refused: {
    "aws.cloudtrail.additional_eventdata": `${FLATTENED}additional_eventdata.NAME`,
    "aws.cloudtrail.request_parameters": `${FLATTENED}request_parameters.NAME`,
    "aws.cloudtrail.response_elements": `${FLATTENED}response_elements.NAME`,
    "aws.cloudtrail.service_event_details": `${FLATTENED}service_event_details.NAME`,
    "aws.cloudtrail.console_login.additional_eventdata.mfa_used":
      "write aws.cloudtrail.flattened.additional_eventdata.MFAUsed with Yes or No",
    "cloud.provider": CONSTANT,
    "event.dataset": CONSTANT,
    "event.kind": CONSTANT,
    "event.module": CONSTANT,
    "event.category": "write the actions that are meant under event.action",
    "event.type": "write the actions that are meant under event.action",
    "tls.version": "write the rule in the names of the records: tlsDetails.tlsVersion has TLSv1.3 where ECS has 1.3",
  },
};
