/**
 * Credentials that can be thrown away: the SDK's chain, and a role on top of it.
 *
 * Why not the SDK's own memory of them: it keeps credentials until they say they expire, so that ones which AWS has
 * revoked or cut short are used for ever (measured: after ExpiredToken neither is the provider asked again nor the call
 * tried again). Here whoever meets ExpiredToken calls `drop`, and the next call gets new ones. Concurrent calls share one
 * request, which ends in time: one that is never answered would hold up every call for ever. Nothing is written anywhere.
 */
import type { fromNodeProviderChain } from "@aws-sdk/credential-providers";
import { type Clock, orAborted, startDeadline } from "../lib/clock.ts";
import { toRole, type AwsSettings, type RoleRef } from "./settings.ts";

/** Credentials as the SDK has them. */
export type AwsCredentialIdentity = Awaited<ReturnType<ReturnType<typeof fromNodeProviderChain>>>;

/** Gives credentials; `drop` forgets those that it gave. */
export type Credentials = {
  (): Promise<AwsCredentialIdentity>;
  /** They were refused as expired. Those given since stay, so that many calls that fail together drop once. */
  drop(refused: string): void;
};

/** Asks once for new credentials so long before they end, ms: what SDK clients do. */
const EARLY_MS = 300_000;
/** Until credentials are given up, ms: as long as any other call may take. */
const FETCH_MS = 45_000;
const SESSION_NAME = "sagewatch";

/** Gets credentials anew; the signal ends it. */
type Fetch = (signal: AbortSignal) => Promise<AwsCredentialIdentity>;

/** Credentials from `fetch`, kept until they end or are dropped. */
function keepCredentials(fetch: Fetch, clock: Clock): Credentials {
  let kept: AwsCredentialIdentity | null = null;
  let asked: Promise<AwsCredentialIdentity> | null = null;
  const isOver = ({ expiration }: AwsCredentialIdentity): boolean =>
    expiration !== undefined && expiration.getTime() - EARLY_MS <= clock.nowMs();
  const ask = async (): Promise<AwsCredentialIdentity> => {
    const ended = startDeadline(FETCH_MS, { clock });
    try {
      kept = await orAborted(fetch(ended.signal), ended.signal);
      return kept;
    } catch (error) {
      throw ended.isLate() ? new Error(`no credentials were given within ${FETCH_MS} ms`, { cause: error }) : error;
    } finally {
      ended.stop();
      asked = null;
    }
  };
  const give = (): Promise<AwsCredentialIdentity> => {
    if (kept !== null && !isOver(kept)) return Promise.resolve(kept);
    asked ??= ask();
    return asked;
  };
  return Object.assign(give, {
    drop: (refused: string) => {
      if (kept?.accessKeyId === refused) kept = null;
    },
  });
}

/** Needs of createCredentials; `chain` takes the place of the SDK's chain. */
export type CredentialsDeps = {
  readonly clock: Clock;
  readonly chain?: (() => Promise<AwsCredentialIdentity>) | undefined;
};

/**
 * Credentials for calls in `accountId` (null: the role's own account, or no role).
 * Errors by code: config_invalid (see toRole). What the chain or STS refuse surfaces from the call that needs them.
 */
export function createCredentials(settings: AwsSettings, accountId: string | null, deps: CredentialsDeps): Credentials {
  const role = toRole(settings, accountId);
  const base = keepCredentials(deps.chain ?? (() => readChain(settings)), deps.clock);
  if (role === null) return base;
  const assumed = keepCredentials((signal) => assume(role, settings, { base, signal }), deps.clock);
  return Object.assign(() => assumed(), {
    drop: (refused: string) => assumed.drop(refused),
  });
}

/** A chain made anew reads files and metadata again; one that is kept would remember. */
async function readChain({ region, profile }: AwsSettings): Promise<AwsCredentialIdentity> {
  const { fromNodeProviderChain } = await import("@aws-sdk/credential-providers");
  const chain = fromNodeProviderChain({
    ignoreCache: true,
    clientConfig: { region },
    ...(profile === undefined ? {} : { profile }),
  });
  return chain();
}

async function assume(
  role: RoleRef,
  settings: AwsSettings,
  { base, signal }: { readonly base: Credentials; readonly signal: AbortSignal },
): Promise<AwsCredentialIdentity> {
  const { STSClient, AssumeRoleCommand } = await import("@aws-sdk/client-sts");
  const { region, endpoint } = settings;
  const identity = await base();
  const client = new STSClient({ region, credentials: identity, ...(endpoint === undefined ? {} : { endpoint }) });
  try {
    const { Credentials: given } = await client.send(
      new AssumeRoleCommand({
        RoleArn: role.arn,
        RoleSessionName: SESSION_NAME,
        ...(role.externalId === null ? {} : { ExternalId: role.externalId }),
      }),
      { abortSignal: signal },
    );
    const { AccessKeyId = "", SecretAccessKey = "", SessionToken = "", Expiration } = given ?? {};
    return {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: SessionToken,
      ...(Expiration === undefined ? {} : { expiration: Expiration }),
    };
  } catch (error) {
    // The base may be what has run out.
    base.drop(identity.accessKeyId);
    throw error;
  } finally {
    client.destroy();
  }
}
