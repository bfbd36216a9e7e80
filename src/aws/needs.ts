/**
 * What an adapter needs of AWS: IAM actions on named resources, as whom, and why.
 *
 * Each source and sink declares its own beside its schema, from its settings alone; `sagewatch doctor --policy` makes the
 * policy of them. An ARN is as narrow as the settings allow: what they do not say (the account of the credentials, the id
 * of a key or a detector) is "*" in its place. Pure.
 */
import { type AwsSettings, toPartition, toRole } from "./settings.ts";

/** Condition block of a statement: operator, key, values. */
export type Condition = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

/** Who calls: a role that is assumed, or (null) the identity that Sagewatch runs as. */
export type Caller = { readonly role: string; readonly externalId: string | null } | null;

/** One action on one resource. */
export type Need = {
  readonly by: Caller;
  readonly action: string;
  /** ARN; "*" where the action knows no resources. */
  readonly resource: string;
  readonly condition?: Condition;
  /** For the table of docs/permissions.md and for people: one line. */
  readonly why: string;
};

/** Place of an ARN. `account` null: that of the credentials, which the settings do not say. */
export type ArnPlace = { readonly service: string; readonly region: string; readonly account: string | null };

/** An ARN. */
export function toArn({ service, region, account }: ArnPlace, resource: string): string {
  return `arn:${toPartition(region)}:${service}:${region}:${account ?? "*"}:${resource}`;
}

/** Who calls in `accountId` by these settings. Errors by code: config_invalid (see toRole). */
export function toCaller(settings: AwsSettings, accountId: string | null): Caller {
  const role = toRole(settings, accountId);
  return role === null ? null : { role: role.arn, externalId: role.externalId };
}

/** The account that calls are made in: that of the role, else null. */
export function accountOf(caller: Caller): string | null {
  return caller?.role.split(":")[4] ?? null;
}

/** `needs` by `caller`, and what the own identity needs to become it. */
export function withCaller(caller: Caller, needs: readonly Omit<Need, "by">[]): readonly Need[] {
  const own = needs.map((need) => ({ by: caller, ...need }));
  if (caller === null) return own;
  return [{ by: null, action: "sts:AssumeRole", resource: caller.role, why: "to call as the role" }, ...own];
}

/** ARN of a queue by its URL; "*" for what the URL does not say. */
export function queueArn(url: string, region: string): string {
  const [, account = null, name = "*"] = /^\/(\d{12})\/([^/]+)/.exec(new URL(url).pathname) ?? [];
  return toArn({ service: "sqs", region, account }, name);
}

/** Account in a queue's URL, null when there is none. */
export function queueAccount(url: string): string | null {
  return /^\/(\d{12})\//.exec(new URL(url).pathname)?.[1] ?? null;
}

const ENCRYPTED = {
  kinesis: "the stream is",
  s3: "the objects are",
  sns: "the topic is",
  sqs: "the queue is",
} as const;

/**
 * Use of a customer's key through a service only, where the resource may be encrypted with one; which key it is stands
 * nowhere in the settings. https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
 */
export function keyNeed(
  action: "kms:Decrypt" | "kms:GenerateDataKey",
  via: keyof typeof ENCRYPTED,
  region: string,
): Omit<Need, "by"> {
  const partition = toPartition(region);
  const domain = partition === "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com";
  return {
    action,
    resource: `arn:${partition}:kms:${region}:*:key/*`,
    condition: { StringEquals: { "kms:ViaService": [`${via}.${region}.${domain}`] } },
    why: `where ${ENCRYPTED[via]} encrypted with a key of yours`,
  };
}
