/**
 * S3's GetObject for a third of what the SDK's command costs (docs/adr/004-lean-get.md).
 *
 * The SDK asks for the first object of a bucket, and what it sent is noted: host, path, headers, Region of the signature.
 * Later requests are made after that MODEL, signed by the SDK's signer and sent by the client's own handler with its limits.
 * Only an answer that is an object, with a checksum known here, stays so: any other answer, and a fault before it, is handed
 * to the SDK's command as that of its first try, so that errors, pauses, further tries, redirects and a clock that is wrong
 * are the SDK's business alone, and cost no request more.
 */
import type { GetObjectCommand, GetObjectCommandOutput, S3Client } from "@aws-sdk/client-s3";
import type { HttpRequest, HttpResponse } from "@smithy/core/protocols";
import type { SignatureV4 } from "@smithy/signature-v4";
import type { Clock } from "../lib/clock.ts";
import { type Check, findCheck } from "./object-checksum.ts";

/** What S3 says of an object, and its bytes as they come. */
export type ObjectAnswer = Pick<
  GetObjectCommandOutput,
  "ContentLength" | "ETag" | "Metadata" | "SSECustomerAlgorithm" | "ServerSideEncryption"
> & {
  /** Pieces; reading them throws what breaks on the way. `destroy` gives up the rest, and the socket. */
  readonly body: AsyncIterable<Uint8Array> & { destroy?(): void };
  /** Compares all bytes with S3's checksum, and throws where they differ; null: there is none, or the body itself does. */
  readonly check: Check | null;
};

/** Gets an object. Throws what the SDK's client throws. */
export type ObjectGet = (place: ObjectPlace, abortSignal: AbortSignal) => Promise<ObjectAnswer>;
type ObjectPlace = { readonly bucket: string; readonly key: string };

/** What the requests for the objects of a bucket have in common. */
type Model = {
  readonly request: Pick<HttpRequest, "method" | "protocol" | "hostname" | "port" | "query" | "headers">;
  readonly before: string;
  readonly signer: SignatureV4;
};
/** What came of a request made after a model. */
type First = { readonly response: HttpResponse } | { readonly error: unknown };
type Sdk = {
  readonly client: S3Client;
  readonly clock: Clock;
  readonly Command: typeof GetObjectCommand;
  readonly Signer: typeof SignatureV4;
  readonly Sha256: ConstructorParameters<typeof SignatureV4>[0]["sha256"];
  readonly encode: (text: string) => string;
};

/** Made anew with each try, or by the signer. */
const OWN_HEADERS = new Set([
  "authorization",
  "x-amz-date",
  "x-amz-security-token",
  "amz-sdk-invocation-id",
  "amz-sdk-request",
]);
/** What the signature is for: Region and service. Any other signature (SigV4a, a session of S3 Express) makes no model. */
const SIGNED = /^AWS4-HMAC-SHA256 Credential=[^,]*\/([a-z0-9-]+)\/(s3)\/aws4_request,/;
const EXPRESS_HEADER = "x-amz-s3session-token";

/** The getting by `client`. */
export async function openObjectGet(client: S3Client, clock: Clock): Promise<ObjectGet> {
  const [{ GetObjectCommand: Command }, { SignatureV4: Signer }, { Sha256 }, { extendedEncodeURIComponent }] =
    await Promise.all([
      import("@aws-sdk/client-s3"),
      import("@smithy/signature-v4"),
      import("@smithy/core/checksum"),
      import("@smithy/core/protocols"),
    ]);
  const encode = (key: string): string => key.split("/").map(extendedEncodeURIComponent).join("/");
  const sdk: Sdk = { client, clock, Command, Signer, Sha256, encode };
  const models = new Map<string, Model>();
  return async (place, abortSignal) => {
    const model = models.get(place.bucket);
    const first = model === undefined ? null : await ask(model, place, { sdk, abortSignal });
    const answer = first !== null && "response" in first ? toAnswer(first.response) : null;
    if (answer !== null) return answer;
    const note = (made: Model): void => void models.set(place.bucket, made);
    return askBySdk(place, { sdk, abortSignal, first, note });
  };
}

type AskBy = { readonly sdk: Sdk; readonly abortSignal: AbortSignal };

async function ask({ request, before, signer }: Model, { key }: ObjectPlace, by: AskBy): Promise<First> {
  const { client, clock, encode } = by.sdk;
  const signingDate = new Date(clock.nowMs() + client.config.systemClockOffset);
  const signed = await signer.sign({ ...request, path: before + encode(key) }, { signingDate });
  try {
    return await client.config.requestHandler.handle(signed as HttpRequest, { abortSignal: by.abortSignal });
  } catch (error) {
    if (by.abortSignal.aborted) throw error;
    return { error };
  }
}

/** Null for what the SDK has to look at. */
function toAnswer({ statusCode, headers, body }: HttpResponse): ObjectAnswer | null {
  const check = statusCode === 200 ? findCheck(headers) : "unknown";
  if (check === "unknown") return null;
  const length = headers["content-length"];
  const metadata = Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith("x-amz-meta-") ? [[name.slice("x-amz-meta-".length), value]] : [],
  );
  return {
    ContentLength: length === undefined ? undefined : Number(length),
    ETag: headers["etag"],
    Metadata: Object.fromEntries(metadata) as Record<string, string>,
    SSECustomerAlgorithm: headers["x-amz-server-side-encryption-customer-algorithm"],
    ServerSideEncryption: headers["x-amz-server-side-encryption"] as ObjectAnswer["ServerSideEncryption"],
    body: body as ObjectAnswer["body"],
    check,
  };
}

type SdkBy = AskBy & { readonly first: First | null; readonly note: (model: Model) => void };

async function askBySdk({ bucket, key }: ObjectPlace, { sdk, abortSignal, first, note }: SdkBy): Promise<ObjectAnswer> {
  const command = new sdk.Command({ Bucket: bucket, Key: key });
  let given = first;
  command.middlewareStack.add(
    (next) => async (args) => {
      if (given !== null) {
        const told = given;
        given = null;
        if ("error" in told) throw told.error;
        if (isBroken(told.response)) throw Object.assign(new Error("the answer broke off"), { code: "ECONNRESET" });
        return told;
      }
      const result = await next(args);
      const request = args.request as HttpRequest;
      const model = (result.response as HttpResponse).statusCode === 200 ? toModel(request, key, sdk) : null;
      if (model !== null) note(model);
      return result;
    },
    // Next to the handler: what the SDK does with an answer is done with the one that is given to it.
    { step: "deserialize", priority: "low", name: "sagewatchFirstTry" },
  );
  const { Body, ...about } = await sdk.client.send(command, { abortSignal });
  return { ...about, body: (Body ?? []) as ObjectAnswer["body"], check: null };
}

/**
 * Whether its connection was lost while the SDK asked for credentials: such a body says neither that it broke nor that it
 * ended to whoever comes to it later, who would wait for ever.
 */
function isBroken({ body }: HttpResponse): boolean {
  return (body as { readonly destroyed?: boolean }).destroyed === true;
}

/** Null where requests for other objects cannot be made after it. */
function toModel(request: HttpRequest, key: string, { client, Signer, Sha256, encode }: Sdk): Model | null {
  const [, region, service] = SIGNED.exec(request.headers["authorization"] ?? "") ?? [];
  const path = encode(key);
  const isOther = request.method !== "GET" || EXPRESS_HEADER in request.headers || !request.path.endsWith(`/${path}`);
  if (region === undefined || service === undefined || isOther) return null;
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !OWN_HEADERS.has(name)));
  const { method, protocol, hostname, port, query } = request;
  const { credentials } = client.config;
  const signer = new Signer({ credentials, region, service, sha256: Sha256, uriEscapePath: false });
  const before = request.path.slice(0, -path.length);
  const common = { method, protocol, hostname, query, headers, ...(port === undefined ? {} : { port }) };
  return { request: common, before, signer };
}
