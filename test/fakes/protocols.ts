/**
 * The server's half of the wire protocols that the AWS clients speak: JSON 1.0 and 1.1, REST-JSON, Query and EC2-Query.
 *
 * Finds which operation a request is for, reads its input with the client's own codec, and writes answers and errors as
 * that client reads them. Knows nothing of what a service does.
 */
import type { IncomingHttpHeaders } from "node:http";
import { escapeXml, readForm, writeMembers } from "./query-form.ts";
import { type Operation, operationsOf, type Schema, type ClientModule, toShape } from "./schema.ts";

/** A request as it came. */
export type WireRequest = {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
};
export type WireAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
};
export type WireError = { readonly code: string; readonly message: string; readonly status: number };

type Codec = {
  createDeserializer(): { read(schema: Schema, bytes: Uint8Array): unknown };
  createSerializer(): { write(schema: Schema, value: unknown): void; flush(): string | Uint8Array };
};
type ClientProtocol = {
  readonly serviceTarget?: string;
  readonly options?: { readonly version?: string; readonly xmlNamespace?: string };
  getShapeId(): string;
  getPayloadCodec?(): Codec;
};
type ProtocolName = "awsJson1_0" | "awsJson1_1" | "restJson1" | "awsQuery" | "ec2Query";

/** How one client speaks. */
export type Protocol = {
  readonly name: ProtocolName;
  readonly target: string;
  readonly version: string;
  readonly xmlNamespace: string;
  /** The service in the signature's scope: tells REST services apart. */
  readonly signingName: string;
  readonly codec: Codec | null;
  readonly operations: ReadonlyMap<string, Operation>;
};

type ClientConfig = { readonly protocol: ClientProtocol; readonly defaultSigningName?: string };

/** Reads how a client speaks from a client made for that. */
export function protocolOf(module: ClientModule): Protocol {
  const name = Object.keys(module).find((key) => key.endsWith("Client") && !key.startsWith("_"));
  if (name === undefined) throw new Error("the module exports no client");
  const Client = module[name] as new (settings: object) => { readonly config: ClientConfig };
  const credentials = { accessKeyId: "fake", secretAccessKey: "fake" };
  const { config } = new Client({ region: "us-east-1", credentials });
  const { protocol } = config;
  const id = protocol.getShapeId().split("#")[1] as ProtocolName;
  const isQuery = id === "awsQuery" || id === "ec2Query";
  return {
    name: id,
    target: protocol.serviceTarget ?? "",
    version: protocol.options?.version ?? "",
    xmlNamespace: protocol.options?.xmlNamespace ?? "",
    signingName: config.defaultSigningName ?? "",
    codec: isQuery ? null : (protocol.getPayloadCodec?.() ?? null),
    operations: operationsOf(module),
  };
}

/** An operation and what the path of a REST request says of its input. */
export type Found = { readonly operation: Operation; readonly labels: Readonly<Record<string, string>> };

/** The operation of a request, null when it is none of this protocol's. */
export function findOperation(protocol: Protocol, request: WireRequest): Found | null {
  const byName = (name: string | null | undefined): Found | null => {
    const operation = protocol.operations.get(name ?? "");
    return operation === undefined ? null : { operation, labels: {} };
  };
  const target = request.headers["x-amz-target"];
  if (typeof target === "string") {
    const [service, name] = [target.slice(0, target.lastIndexOf(".")), target.slice(target.lastIndexOf(".") + 1)];
    // Other SDKs write the long form of CloudTrail's target.
    const isMine = protocol.target !== "" && (service === protocol.target || toShort(service) === protocol.target);
    return isMine ? byName(name) : null;
  }
  if (isForm(request)) {
    const form = new URLSearchParams(request.body.toString());
    const isMine = protocol.codec === null && form.get("Version") === protocol.version;
    return isMine ? byName(form.get("Action")) : null;
  }
  return protocol.name === "restJson1" ? findRoute(protocol, request) : null;
}

/** "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101" is "CloudTrail_20131101". */
function toShort(target: string): string {
  return target.slice(target.lastIndexOf(".") + 1);
}

function isForm({ headers }: WireRequest): boolean {
  return (headers["content-type"] ?? "").startsWith("application/x-www-form-urlencoded");
}

/** Service in the scope of the signature, "" for an unsigned request. */
export function signingNameOf(headers: IncomingHttpHeaders): string {
  return /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//.exec(headers.authorization ?? "")?.[1] ?? "";
}

function findRoute(protocol: Protocol, request: WireRequest): Found | null {
  const signed = signingNameOf(request.headers);
  if (signed !== "" && signed !== protocol.signingName) return null;
  const found = [...protocol.operations.values()].flatMap((operation) => {
    if (operation.http?.[0] !== request.method) return [];
    const labels = matchPath(operation.http[1], request.url.pathname);
    return labels === null ? [] : [{ operation, labels }];
  });
  // The path with the fewest labels is the closest.
  return found.toSorted((a, b) => Object.keys(a.labels).length - Object.keys(b.labels).length)[0] ?? null;
}

function matchPath(pattern: string, path: string): Readonly<Record<string, string>> | null {
  const [bare = ""] = pattern.split("?");
  const names = [...bare.matchAll(/\{(\w+)\+?\}/g)].map(([, name]) => name as string);
  const source = bare.replaceAll(/\{\w+\+\}/g, "(.+)").replaceAll(/\{\w+\}/g, "([^/]+)");
  const match = new RegExp(`^${source}/?$`).exec(path);
  return match === null
    ? null
    : Object.fromEntries(names.map((name, at) => [name, decodeURIComponent(match[at + 1] as string)]));
}

/** Keys of a JSON body that the input's schema does not have: AWS refuses them, the codec passes over them. */
export function unknownKeys(operation: Operation, protocol: Protocol, body: Buffer): readonly string[] {
  if (protocol.codec === null || body.length === 0) return [];
  const shape = toShape(operation.input);
  if (!shape.isStructSchema()) return [];
  const names = new Set(
    [...shape.structIterator()].map(([key, member]) => {
      const { jsonName } = member.getMergedTraits() as { jsonName?: string };
      return jsonName ?? key;
    }),
  );
  const isPayload = [...shape.structIterator()].some(([, member]) => "httpPayload" in member.getMergedTraits());
  return isPayload ? [] : Object.keys(JSON.parse(body.toString()) as object).filter((key) => !names.has(key));
}

/** The input of a request. */
export async function readInput(
  { operation, labels }: Found,
  protocol: Protocol,
  request: WireRequest,
): Promise<Record<string, unknown>> {
  const { input } = operation;
  const { body } = request;
  if (protocol.codec === null) {
    const form = new URLSearchParams(body.toString());
    const isEc2 = protocol.name === "ec2Query";
    return readForm(toShape(input), form, { prefix: "", isEc2 }) as Record<string, unknown>;
  }
  const bound = protocol.name === "restJson1" ? readBound(operation, request) : { payload: null, values: {} };
  if (bound.payload !== null) return { ...labels, ...bound.values, [bound.payload]: body };
  if (body.length === 0) return { ...labels, ...bound.values };
  const read = (await protocol.codec.createDeserializer().read(input, body)) as Record<string, unknown>;
  const given = Object.entries(read).filter(([, value]) => value !== undefined);
  return { ...labels, ...bound.values, ...Object.fromEntries(given) };
}

/** What query string and headers say of a REST input; `payload` is the member that the raw body is. */
function readBound(
  operation: Operation,
  { url, headers }: WireRequest,
): { payload: string | null; values: Record<string, unknown> } {
  let payload: string | null = null;
  const values: Record<string, unknown> = {};
  for (const [key, member] of toShape(operation.input).structIterator()) {
    const traits = member.getMergedTraits() as { httpQuery?: string; httpHeader?: string; httpPayload?: unknown };
    if (traits.httpPayload !== undefined) payload = key;
    const header = headers[traits.httpHeader?.toLowerCase() ?? ""];
    if (header !== undefined) values[key] = header;
    if (traits.httpQuery === undefined || !url.searchParams.has(traits.httpQuery)) continue;
    const text = url.searchParams.get(traits.httpQuery) ?? "";
    if (member.isListSchema()) values[key] = url.searchParams.getAll(traits.httpQuery);
    else values[key] = member.isNumericSchema() ? Number(text) : text;
  }
  return { payload, values };
}

/** The answer of an operation as the client reads it. */
export function writeAnswer(operation: Operation, protocol: Protocol, output: Record<string, unknown>): WireAnswer {
  if (protocol.codec === null) return writeQuery(operation, protocol, output);
  if (protocol.name === "restJson1") return writeRest(operation, protocol.codec, output);
  const serializer = protocol.codec.createSerializer();
  serializer.write(operation.output, output);
  return { status: 200, headers: { "content-type": jsonType(protocol) }, body: serializer.flush() };
}

function jsonType(protocol: Protocol): string {
  return `application/x-amz-json-${protocol.name === "awsJson1_0" ? "1.0" : "1.1"}`;
}

function writeQuery(operation: Operation, protocol: Protocol, output: Record<string, unknown>): WireAnswer {
  const { name } = operation;
  const isEc2 = protocol.name === "ec2Query";
  const inner = writeMembers(toShape(operation.output), output, isEc2);
  const body = isEc2
    ? `<requestId>fake</requestId>${inner}`
    : `<${name}Result>${inner}</${name}Result><ResponseMetadata><RequestId>fake</RequestId></ResponseMetadata>`;
  const text = `<${name}Response xmlns="${protocol.xmlNamespace}">${body}</${name}Response>`;
  return { status: 200, headers: { "content-type": "text/xml" }, body: text };
}

function writeRest(operation: Operation, codec: Codec, output: Record<string, unknown>): WireAnswer {
  const headers: Record<string, string> = { "content-type": "application/json" };
  let status = operation.http?.[2] ?? 200;
  for (const [key, member] of toShape(operation.output).structIterator()) {
    const value = output[key];
    const traits = member.getMergedTraits() as {
      httpHeader?: string;
      httpPayload?: unknown;
      httpResponseCode?: unknown;
    };
    if (traits.httpPayload !== undefined)
      return { status, headers, body: (value as Uint8Array | undefined) ?? new Uint8Array(0) };
    if (traits.httpHeader !== undefined && value !== undefined)
      headers[traits.httpHeader] = `${value as string | number}`;
    if (traits.httpResponseCode !== undefined && typeof value === "number") status = value;
  }
  const serializer = codec.createSerializer();
  serializer.write(operation.output, output);
  return { status, headers, body: serializer.flush() };
}

/** An error as the client of `protocol` reads it. Null: no client is known. */
export function writeError(protocol: Protocol | null, { code, message, status }: WireError): WireAnswer {
  const detail = `<Code>${escapeXml(code)}</Code><Message>${escapeXml(message)}</Message>`;
  if (protocol?.name === "ec2Query") {
    const body = `<Response><Errors><Error>${detail}</Error></Errors><RequestID>fake</RequestID></Response>`;
    return { status, headers: { "content-type": "text/xml" }, body };
  }
  if (protocol?.name === "awsQuery") {
    const body = `<ErrorResponse xmlns="${protocol.xmlNamespace}"><Error><Type>Sender</Type>${detail}</Error><RequestId>fake</RequestId></ErrorResponse>`;
    return { status, headers: { "content-type": "text/xml" }, body };
  }
  const isRest = protocol?.name === "restJson1";
  const type = isRest || protocol === null ? "application/json" : jsonType(protocol);
  const headers = { "content-type": type, "x-amzn-errortype": code };
  return { status, headers, body: JSON.stringify({ __type: code, message }) };
}
