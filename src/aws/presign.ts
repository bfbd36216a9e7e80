/**
 * A URL signed with AWS credentials (SigV4, query form), for receivers that take one as proof of who calls.
 */
import type { Clock } from "../lib/clock.ts";
import type { AwsCredentialIdentity } from "./credentials.ts";

/** What is signed. */
export type Presigned = {
  readonly region: string;
  readonly service: string;
  readonly host: string;
  readonly query: Readonly<Record<string, string>>;
  readonly expiresSeconds: number;
};

/** The URL of a GET of "/". */
export async function presign(
  { region, service, host, query, expiresSeconds }: Presigned,
  credentials: AwsCredentialIdentity,
  clock: Clock,
): Promise<string> {
  const [{ SignatureV4 }, { Sha256 }] = await Promise.all([
    import("@smithy/signature-v4"),
    import("@smithy/core/checksum"),
  ]);
  const signer = new SignatureV4({ credentials, region, service, sha256: Sha256, applyChecksum: false });
  const request = {
    method: "GET",
    protocol: "https:",
    hostname: host,
    path: "/",
    headers: { host },
    query: { ...query },
  };
  const signed = await signer.presign(request, { expiresIn: expiresSeconds, signingDate: new Date(clock.nowMs()) });
  const pairs = Object.entries(signed.query ?? {}).map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`,
  );
  return `https://${host}/?${pairs.join("&")}`;
}
