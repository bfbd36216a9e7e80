/**
 * What the SDK throws, as our coded errors: what failed, where, whether waiting helps, what to do.
 *
 * The SDK has tried again by itself before it throws (throttling, 5xx, connections that fail before an answer); what it
 * does not: refused credentials (clients.ts asks for new ones) and a body that breaks while it is read. Pure.
 * Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html,
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
 */
import { SagewatchError, toMessage } from "../model/errors.ts";

/** What was called: "sqs", "ReceiveMessage", and on what (URL, ARN, s3://bucket/key). */
export type AwsCall = { readonly service: string; readonly operation: string; readonly resource: string };

/** Credentials that have run out: with new ones the same call may work. */
const EXPIRED = new Set(["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"]);
/** Credentials that AWS does not know, or that cannot be had. */
const UNKNOWN_CREDENTIALS = new Set([
  "InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch",
  "InvalidSignatureException", "IncompleteSignature", "MissingAuthenticationToken", "CredentialsProviderError",
  "InvalidToken", "InvalidSecurity",
]); // prettier-ignore
const DENIED = new Set([
  "AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation", "UnauthorizedAccess",
  "KMS.AccessDeniedException", "KmsAccessDenied", "KMSAccessDeniedException", "Forbidden",
  "AllAccessDisabled", "InvalidAccessException",
]); // prettier-ignore
const MISSING = new Set([
  "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "NoSuchKey", "NoSuchBucket", "NoSuchVersion",
  "NotFound", "ResourceNotFoundException", "InvalidAddress",
]); // prettier-ignore
/** A 4xx that will be the same next time. */
const INVALID = new Set([
  "ValidationException", "ValidationError", "InvalidParameterValue", "InvalidParameterException", "BadRequestException",
  "InvalidArgumentException", "InvalidRequest", "InvalidBucketName", "PermanentRedirect", "AuthorizationHeaderMalformed", "InvalidObjectState",
  "DataUnavailableException",
]); // prettier-ignore

/** IAM actions that are not called as the operation is. */
const ACTIONS: Readonly<Record<string, string>> = {
  "s3:ListObjectsV2": "s3:ListBucket",
  "s3:HeadObject": "s3:GetObject",
  "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
  "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
};

/** The IAM action that a call needs. */
export function toAction({ service, operation }: Pick<AwsCall, "service" | "operation">): string {
  const plain = `${service}:${operation}`;
  return ACTIONS[plain] ?? plain;
}

/** Code of an SDK error: "NoSuchKey", "TimeoutError" … */
export function codeOf(error: unknown): string {
  return error instanceof Error ? ((error as { Code?: string }).Code ?? error.name) : "";
}

/** Whether new credentials may help: these have run out, or AWS does not know them, as after a key was replaced and deleted. */
export function needsFreshCredentials(error: unknown): boolean {
  const code = codeOf(error);
  return EXPIRED.has(code) || UNKNOWN_CREDENTIALS.has(code);
}

function statusOf(error: unknown): number {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode ?? 0;
}

/**
 * The error to throw for what the SDK threw. Codes: aws_denied, aws_missing, aws_credentials, aws_refused (not
 * retryable, but for credentials), aws_unreachable (retryable).
 */
export function toAwsError(error: unknown, call: AwsCall): SagewatchError {
  if (error instanceof SagewatchError) return error;
  const code = codeOf(error);
  const what = `${call.service} ${call.operation} on ${call.resource} failed: ${code}: ${toMessage(error).slice(0, 300)}`;
  const make = (ours: SagewatchError["code"], remedy: string, retryable: boolean): SagewatchError =>
    new SagewatchError(ours, `${what}; ${remedy}`, { cause: error, retryable });
  if (needsFreshCredentials(error))
    return make("aws_credentials", "check the credentials, the role and the host's clock", true);
  // HEAD and a few services answer without a code.
  if (DENIED.has(code) || (statusOf(error) === 403 && !INVALID.has(code)))
    return make("aws_denied", toRemedy(error, call), false);
  if (MISSING.has(code) || (statusOf(error) === 404 && code !== "TimeoutError"))
    return make("aws_missing", "check the name, the account and the Region", false);
  if (INVALID.has(code)) return make("aws_refused", "check the settings that the message names", false);
  return make("aws_unreachable", "it is tried again", true);
}

/** What to allow. AWS names the action that is missing, where that is not the call's own: kms:Decrypt, sts:AssumeRole. */
function toRemedy(error: unknown, call: AwsCall): string {
  const [, named] = /not authorized to perform: (\w+:\w+)/.exec(toMessage(error)) ?? [];
  const own = toAction(call);
  const spelt = [own, `${call.service}:${call.operation}`].map((one) => one.toLowerCase());
  // SQS spells actions in small letters, and a batch needs the single action.
  const isOwn = named === undefined || spelt.includes(named.toLowerCase().replace(/batch$/, ""));
  const other = isOwn ? null : named;
  const action = other ?? (codeOf(error).toLowerCase().startsWith("kms") ? "kms:Decrypt" : own);
  const owners: Readonly<Record<string, string>> = {
    sqs: "the queue's",
    s3: "the bucket's",
    kms: "the key's",
    sts: "the role's trust",
  };
  const owner = owners[action.split(":")[0] ?? ""] ?? "the resource's";
  return `allow ${action} for this identity in its IAM policy (\`sagewatch doctor --policy\` prints all of it), and where there is one in ${owner} policy`;
}
