/**
 * Tokens for MSK's IAM log-in (SASL OAUTHBEARER): a signed URL of the action kafka-cluster:Connect, in base64url.
 *
 * Made here and sent to nobody but the brokers; a token holds for 15 minutes, and the client asks for a new one before its
 * session ends. Credentials are fetched anew when they near their end.
 * https://github.com/aws/aws-msk-iam-sasl-signer-js (src/index.ts)
 */
import { createCredentials, type CredentialsDeps } from "../aws/credentials.ts";
import { presign } from "../aws/presign.ts";
import { type AwsSettings, toPartition } from "../aws/settings.ts";

/** What the official signers take; MSK refuses more. */
const EXPIRES_SECONDS = 900;
const AGENT = "sagewatch";

/** Gives tokens. What chain, STS or settings refuse is thrown. Errors by code: config_invalid (see toRole). */
export function createTokens(settings: AwsSettings, deps: CredentialsDeps): () => Promise<string> {
  const { region } = settings;
  const credentials = createCredentials(settings, null, deps);
  const host = `kafka.${region}.${toPartition(region) === "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com"}`;
  return async () => {
    const query = { Action: "kafka-cluster:Connect" };
    const signed = { region, service: "kafka-cluster", host, query, expiresSeconds: EXPIRES_SECONDS };
    const url = await presign(signed, await credentials(), deps.clock);
    return Buffer.from(`${url}&User-Agent=${AGENT}`).toString("base64url");
  };
}
