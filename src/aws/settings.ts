/**
 * Settings that all adapters over AWS share: Region, endpoint, role and external id.
 *
 * Keys themselves never stand in the configuration: they come from the SDK's chain (environment, shared files, container,
 * instance), and a role is assumed on top. Nothing is read here.
 */
import { z } from "zod";
import { SagewatchError } from "../model/errors.ts";

/** Where calls go and as whom. Defaults filled in. */
export type AwsSettings = {
  readonly region: string;
  readonly endpoint?: string | undefined;
  /** Name or ARN of a role; undefined: the chain's own identity. */
  readonly role?: string | undefined;
  /** External id of the role, one for all accounts or one an account. */
  readonly externalId?: string | Readonly<Record<string, string>> | undefined;
  /** Profile of the shared files. */
  readonly profile?: string | undefined;
};

const ROLE = /^(?:arn:aws[a-z-]*:iam::\d{12}:role\/)?[\w+=,.@/-]{1,512}$/;
/** Length and letters of an external id: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
const EXTERNAL_ID = /^[\w+=,.@:/-]{2,1224}$/;

const externalId = z.string().regex(EXTERNAL_ID, "must be 2 to 1224 letters, digits or any of + = , . @ : / - _");

/** The keys, to be spread into the schema of an adapter. */
export const awsShape: {
  readonly region: z.ZodType<string>;
  readonly endpoint: z.ZodType<string | undefined>;
  readonly role: z.ZodType<string | undefined>;
  readonly externalId: z.ZodType<AwsSettings["externalId"]>;
  readonly profile: z.ZodType<string | undefined>;
} = {
  region: z
    .string()
    .regex(/^[a-z]{2}(?:-[a-z]+)+-\d$/, 'must be an AWS Region such as "eu-west-1"')
    .describe("AWS Region that is called. No default: a wrong one finds nothing and says nothing."),
  endpoint: z
    .url({ protocol: /^https?$/, error: 'must be a URL such as "http://127.0.0.1:4566"' })
    .optional()
    .describe("Where all calls go instead of AWS: an emulator or a VPC endpoint. Default: AWS."),
  role: z
    .string()
    .regex(ROLE, "must be the name or the ARN of an IAM role")
    .optional()
    .describe(
      "Role to assume for all calls: an ARN, or a name that each account has. Default: the identity of the credentials found in environment, shared files, container or instance.",
    ),
  externalId: z
    .union([externalId, z.record(z.string().regex(/^\d{12}$/, "must be an account id in quotes"), externalId)])
    .optional()
    .describe("External id that the role's trust policy asks for: one for all accounts, or one by account id."),
  profile: z
    .string()
    .min(1)
    .optional()
    .describe("Profile of the shared AWS files. Default: AWS_PROFILE, else default."),
};

/** The role to assume in an account, with its external id; null when none is configured. */
export type RoleRef = { readonly arn: string; readonly externalId: string | null };

/**
 * The role for calls in `accountId` (null: wherever the ARN says). A name becomes the ARN in that account.
 * Errors by code: config_invalid (a name, and no account to look for it in).
 */
export function toRole(settings: AwsSettings, accountId: string | null): RoleRef | null {
  const { role, region, externalId } = settings;
  if (role === undefined) return null;
  const isArn = role.startsWith("arn:");
  if (!isArn && accountId === null) {
    const message = `role ${JSON.stringify(role)} is a name, and nothing says in which account; give its ARN (arn:aws:iam::ACCOUNT:role/${role})`;
    throw new SagewatchError("config_invalid", message);
  }
  const arn = isArn ? role : `arn:${toPartition(region)}:iam::${accountId}:role/${role}`;
  const account = accountId ?? arn.split(":")[4] ?? "";
  const id = typeof externalId === "object" ? externalId[account] : externalId;
  return { arn, externalId: id ?? null };
}

/** Partition of a Region: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html */
export function toPartition(region: string): string {
  if (region.startsWith("cn-")) return "aws-cn";
  return region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
}
