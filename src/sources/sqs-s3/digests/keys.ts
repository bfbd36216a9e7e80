/**
 * The public keys with which CloudTrail's digest files are verified, by Region and fingerprint, asked for once each.
 *
 * A key is valid for a span of time, and only keys of a Region know its digest files; the account that asks does not matter.
 * https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListPublicKeys.html
 */
import type * as Sdk from "@aws-sdk/client-cloudtrail";
import { type Aws, CALL_LIMITS } from "../../../aws/clients.ts";

/** Which key is wanted: its fingerprint, and a span (epoch ms) in which it was valid. */
export type KeyChoice = {
  readonly region: string;
  readonly fingerprint: string;
  readonly fromMs: number;
  readonly toMs: number;
};

export type KeyRing = {
  /** The key, DER; null: CloudTrail has none. Errors by code: aws_*. */
  get(choice: KeyChoice, signal: AbortSignal): Promise<Uint8Array | null>;
  close(): void;
};

/** `awsOf`: calls in a Region. */
export function createKeyRing(awsOf: (region: string) => Aws): KeyRing {
  const clients = new Map<string, { readonly aws: Aws; readonly client: Sdk.CloudTrailClient }>();
  const known = new Map<string, Uint8Array>();
  const open = async (region: string) => {
    const { CloudTrailClient } = await import("@aws-sdk/client-cloudtrail");
    const standing = clients.get(region);
    if (standing !== undefined) return standing;
    const aws = awsOf(region);
    const opened = { aws, client: aws.open(CloudTrailClient, CALL_LIMITS, {}) };
    clients.set(region, opened);
    return opened;
  };
  return {
    get: async ({ region, fingerprint, fromMs, toMs }, signal) => {
      const name = `${region}/${fingerprint}`;
      const standing = known.get(name);
      if (standing !== undefined) return standing;
      const { ListPublicKeysCommand } = await import("@aws-sdk/client-cloudtrail");
      const { aws, client } = await open(region);
      const call = { service: "cloudtrail", operation: "ListPublicKeys", resource: region };
      for (let NextToken: string | undefined; ;) {
        const span = { StartTime: new Date(fromMs), EndTime: new Date(toMs) };
        const command = new ListPublicKeysCommand({ ...span, ...(NextToken === undefined ? {} : { NextToken }) });
        const send = (abortSignal: AbortSignal) => client.send(command, { abortSignal });
        const page = await aws.call(call, send, { limits: CALL_LIMITS, signal });
        for (const { Fingerprint, Value } of page.PublicKeyList ?? [])
          if (Fingerprint !== undefined && Value !== undefined) known.set(`${region}/${Fingerprint}`, Value);
        NextToken = page.NextToken;
        if (NextToken === undefined || NextToken === "" || known.has(name)) return known.get(name) ?? null;
      }
    },
    close: () => {
      for (const { client } of clients.values()) client.destroy();
    },
  };
}
