/**
 * Settings of a connection to Kafka, which the sink and the source share: where the brokers are, TLS, and log-in.
 *
 * Separate from the connection, so that the configuration can be checked and documented without loading a Kafka client.
 * Nothing is read here.
 */
import { z } from "zod";
import { type AwsSettings, awsShape } from "../aws/settings.ts";
import type { Secret } from "../model/secret.ts";
import { durationSchema, secretSchema } from "../model/settings.ts";

/** Where to connect and as whom. Durations ms. */
export type KafkaSettings = {
  /** Where to begin; the others of the cluster are learned. host:port. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Without an answer for so long a connection is taken for dead. */
  readonly requestTimeout: number;
  readonly tls?: KafkaTls | undefined;
  readonly sasl?: KafkaSasl | undefined;
};

/** `ca` and `cert` are paths of PEM files, read at each connecting. */
export type KafkaTls = {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: Secret | undefined;
};

/** Username and password, or with aws-msk-iam what a token is signed with; the schema lets no mixture pass. */
export type KafkaSasl = {
  readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512" | "aws-msk-iam";
  readonly username?: string | undefined;
  readonly password?: Secret | undefined;
  readonly region?: string | undefined;
} & Pick<AwsSettings, "role" | "externalId" | "profile">;

const tls = z
  .strictObject({
    ca: z.string().min(1).optional().describe("PEM file of the authority. Default: those that Node trusts."),
    cert: z.string().min(1).optional().describe("PEM file of the client's certificate, for mutual TLS."),
    key: secretSchema().optional().describe("The certificate's key, PEM."),
  })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
    message: "needs both `cert` and `key`, or neither",
  })
  .optional()
  .describe("TLS to the brokers. Leave it out for plain connections; `tls: {}` is enough with a public authority.");

const sasl = z
  .strictObject({
    mechanism: z
      .enum(["plain", "scram-sha-256", "scram-sha-512", "aws-msk-iam"])
      .describe(
        "How the password is shown; aws-msk-iam: no password, but a token signed with AWS credentials, for MSK.",
      ),
    username: z.string().min(1).optional().describe("Who Sagewatch is to the brokers. Not with aws-msk-iam."),
    password: secretSchema().optional().describe("The password. Not with aws-msk-iam."),
    region: awsShape.region.optional().describe("aws-msk-iam: AWS Region of the MSK cluster."),
    role: awsShape.role.describe(
      "aws-msk-iam: ARN of a role to assume first. Default: the identity of the credentials.",
    ),
    externalId: awsShape.externalId.describe("aws-msk-iam: external id that the role's trust policy asks for."),
    profile: awsShape.profile.describe(
      "aws-msk-iam: profile of the shared AWS files. Default: AWS_PROFILE, else default.",
    ),
  })
  .superRefine((given, check) => {
    const isIam = given.mechanism === "aws-msk-iam";
    const needed = isIam ? (["region"] as const) : (["username", "password"] as const);
    const unfit = isIam ? (["username", "password"] as const) : (["region", "role", "externalId", "profile"] as const);
    for (const key of needed)
      if (given[key] === undefined)
        check.addIssue({ code: "custom", path: [key], message: `is needed with ${given.mechanism}` });
    for (const key of unfit)
      if (given[key] !== undefined)
        check.addIssue({ code: "custom", path: [key], message: `does not go with ${given.mechanism}` });
    if (isIam && given.role !== undefined && !given.role.startsWith("arn:"))
      check.addIssue({
        code: "custom",
        path: ["role"],
        message: "must be the ARN of a role: a name is in no account here",
      });
  })
  .optional()
  .describe("Log-in by SASL. Default none.");

/** The keys, to be spread into the schema of an adapter. */
export const kafkaShape: {
  readonly brokers: z.ZodType<readonly string[]>;
  readonly clientId: z.ZodType<string>;
  readonly requestTimeout: z.ZodType<number>;
  readonly tls: z.ZodType<KafkaTls | undefined>;
  readonly sasl: z.ZodType<KafkaSasl | undefined>;
} = {
  brokers: z
    .array(z.string().regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:,/[\]]+):\d{1,5}$/, "must be host:port"))
    .min(1)
    .describe("Brokers to begin with, host:port; two or three are enough, the rest is learned."),
  clientId: z.string().min(1).max(100).default("sagewatch").describe("Name in the brokers' logs, metrics and quotas."),
  requestTimeout: durationSchema({ least: 1000, most: 120_000 })
    .prefault("5s")
    .describe(
      "Without an answer for so long a connection is given up and made anew. Default 5s: brokers answer in milliseconds.",
    ),
  tls,
  sasl,
};

/** Name of a topic. https://github.com/apache/kafka/blob/4.0/clients/src/main/java/org/apache/kafka/common/internals/Topic.java */
export function topicSchema(): z.ZodString {
  return z.string().regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/, "must be 1 to 249 letters, digits, '.', '_' or '-'");
}

/** What a schema with these keys is refined with: no password and no token in the clear. */
export function isSafeLogin({ sasl, tls }: Pick<KafkaSettings, "sasl" | "tls">): boolean {
  return tls !== undefined || (sasl?.mechanism !== "plain" && sasl?.mechanism !== "aws-msk-iam");
}

/** What is said where it is not. */
export const UNSAFE_LOGIN: { path: string[]; message: string } = {
  path: ["sasl", "mechanism"],
  message: "plain and aws-msk-iam send what they log in with as it is: use them with `tls`, or a scram mechanism",
};

/** Who Sagewatch is to the brokers, for messages; null where no name says it. */
export function toUser({ sasl }: Pick<KafkaSettings, "sasl">): string | null {
  return sasl?.username ?? null;
}
