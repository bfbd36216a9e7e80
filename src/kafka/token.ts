/**
 * Tokens for MSK's IAM log-in (SASL OAUTHBEARER): a signed URL of the action kafka-cluster:Connect, in base64url.
 *
 * Made here and sent to nobody but the brokers; a token holds for 15 minutes, and the client asks for a new one before its
 * session ends. Credentials are fetched anew when they near their end, and after a log-in that was refused: whoever met the
 * refusal says with which.
 * https://github.com/aws/aws-msk-iam-sasl-signer-js (src/index.ts)
 */
import { createCredentials, type CredentialsDeps } from "../aws/credentials.ts";
import { presign } from "../aws/presign.ts";
import { type AwsSettings, toPartition } from "../aws/settings.ts";

/** What the official signers take; MSK refuses more. */
const EXPIRES_SECONDS = 900;
const AGENT = "sagewatch";

/** A token, and whose it is: the id of the access key that signed it. */
export type Token = { readonly value: string; readonly accessKeyId: string };

/** Gives tokens; `drop` forgets credentials that were refused. */
export type Tokens = {
  (): Promise<Token>;
  drop(refused: string): void;
};

/** Makes tokens. What chain, STS or settings refuse is thrown. Errors by code: config_invalid (see toRole). */
export function createTokens(settings: AwsSettings, deps: CredentialsDeps): Tokens {
  const { region } = settings;
  const credentials = createCredentials(settings, null, deps);
  const host = `kafka.${region}.${toPartition(region) === "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com"}`;
  const give = async (): Promise<Token> => {
    const query = { Action: "kafka-cluster:Connect" };
    const signed = { region, service: "kafka-cluster", host, query, expiresSeconds: EXPIRES_SECONDS };
    const identity = await credentials();
    const url = await presign(signed, identity, deps.clock);
    return {
      value: Buffer.from(`${url}&User-Agent=${AGENT}`).toString("base64url"),
      accessKeyId: identity.accessKeyId,
    };
  };
  return Object.assign(give, { drop: (refused: string) => credentials.drop(refused) });
}
