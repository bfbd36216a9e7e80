/**
 * What a user agent claims to be, in a few words: a tool of AWS, an SDK, a browser, a service.
 *
 * A user agent is whatever the caller wrote: the kind helps to read a story and proves nothing, so no rule may rest on it.
 * Pure.
 */

/** Beginnings or parts of user agents, and what to call them. The first that fits counts. */
const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^aws internal/i, "AWS itself"],
  [/console\.amazonaws\.com|^\[?s3console/i, "AWS console"],
  [/^\[?aws-cli\//i, "AWS CLI"],
  [/^\[?boto(?:3|core)\//i, "Python (boto3)"],
  [/^\[?aws-sdk-(?:js|nodejs)/i, "AWS SDK for JavaScript"],
  [/^\[?aws-sdk-([a-z+-]+)/i, "AWS SDK"],
  [/terraform/i, "Terraform"],
  [/pulumi/i, "Pulumi"],
  [/^\[?mozilla\//i, "browser"],
  [/^\[?(?:curl|wget|python-requests|python-urllib|go-http-client|okhttp|axios)/i, "HTTP client"],
];
const SERVICE = /^([a-z0-9.-]+)\.amazonaws\.com(?:\.cn)?$/i;
/** Characters of an agent of no known kind. */
const OTHER_CHARS = 40;

/** "Python (boto3)", "AWS CLI", "service sagemaker"; the beginning of any other; empty for none. */
export function toAgentKind(agent: string): string {
  if (agent === "") return "";
  const service = SERVICE.exec(agent)?.[1];
  if (service !== undefined) return `service ${service}`;
  const known = KINDS.find(([pattern]) => pattern.test(agent))?.[1];
  if (known !== undefined) return known;
  if (agent.length <= OTHER_CHARS) return `client ${agent}`;
  // No half of a character that takes two code units.
  return `client ${agent.slice(0, OTHER_CHARS).replace(/[\uD800-\uDBFF]$/, "")}…`;
}
