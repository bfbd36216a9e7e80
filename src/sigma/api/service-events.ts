/**
 * Events and event sources of CloudTrail that are in no model of the AWS API: sign-in, the console, agents, and what
 * services do on their own.
 *
 * Beside the generated table, by hand, because no file lists them. A name that is missing here is told as unknown at
 * worst, so a line is added when it was seen in a record or in the user guide of its service, and says which.
 */

/** Event source → events that are no operations of its API. */
export const SERVICE_EVENTS: Readonly<Record<string, readonly string[]>> = {
  // AWS Sign-In user guide and records: signing in, changing roles, credentials of the root user.
  "signin.amazonaws.com": [
    "ConsoleLogin",
    "SwitchRole",
    "ExitRole",
    "RenewRole",
    "CheckMfa",
    "GetSigninToken",
    "CredentialChallenge",
    "CredentialVerification",
    "UserAuthentication",
    "PasswordRecoveryRequested",
    "PasswordRecoveryCompleted",
    "PasswordUpdated",
    "EmailUpdated",
  ],
  // IAM Identity Center user guide: its portal.
  "sso.amazonaws.com": ["Authenticate", "Federate", "Logout", "ListApplications", "GetRoleCredentials"],
  // Secrets Manager user guide, "non-API events"; the deletions stand in records.
  "secretsmanager.amazonaws.com": [
    "StartSecretVersionDelete",
    "CancelSecretVersionDelete",
    "EndSecretVersionDelete",
    "RotationStarted",
    "RotationAbandoned",
    "RotationSucceeded",
    "RotationFailed",
    "TestRotationStarted",
    "TestRotationSucceeded",
    "TestRotationFailed",
    "SecretMigration",
  ],
  // KMS developer guide: what the service does when a waiting time ends or a key is rotated.
  "kms.amazonaws.com": ["DeleteKey", "RotateKey", "SynchronizeMultiRegionKey", "DeleteExpiredKeyMaterial"],
  // Organizations user guide: the end of what a call began.
  "organizations.amazonaws.com": ["CreateAccountResult", "CloseAccountResult"],
  // ECR user guide: what lifecycle rules and replication do.
  "ecr.amazonaws.com": ["PolicyExecutionEvent", "ReplicateImage"],
  // The Systems Manager agent; seen in records, RegisterManagedInstance in the user guide of hybrid nodes.
  "ssm.amazonaws.com": [
    "ListInstanceAssociations",
    "UpdateInstanceAssociationStatus",
    "UpdateInstanceInformation",
    "RegisterManagedInstance",
  ],
  // The Bedrock console's page of model access, before it became automatic; seen in published attacks.
  "bedrock.amazonaws.com": ["PutFoundationModelEntitlement"],
  // Bedrock user guide, "Monitor bedrock-mantle API calls": no SDK has a model of this endpoint, so others may be right.
  "bedrock-mantle.amazonaws.com": [
    "ListModels",
    "GetModel",
    "CreateInference",
    "ListFineTuningJobs",
    "CreateFineTuningJob",
    "GetFineTuningJob",
    "CancelFineTuningJob",
    "ListProjects",
    "CreateProject",
    "GetProject",
    "UpdateProject",
    "ArchiveProject",
  ],
  // The S3 console; seen in records.
  "s3.amazonaws.com": ["GetStorageLensDashboardDataInternal"],
};

/** Event sources of services without a public API: agents and consoles; seen in records or in user guides. */
export const SERVICE_SOURCES: readonly string[] = [
  "aws-portal.amazonaws.com",
  "billingconsole.amazonaws.com",
  "cloudshell.amazonaws.com",
  "consolemobile.amazonaws.com",
  "opsworks.amazonaws.com",
  "robomaker.amazonaws.com",
  "ssmmessages.amazonaws.com",
  "trustedadvisor.amazonaws.com",
];
