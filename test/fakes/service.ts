/**
 * A fake of any AWS service, driven by the schemas of its own SDK client.
 *
 * `serve(module, handlers)` takes a client package and a typed function for each operation that a test needs;
 * `startFake` puts some of them behind one port on loopback. Each request is checked against the client's input schema
 * and refused as AWS would; each answer is walked against the output schema, and one that breaks it fails with what is
 * wrong, so that no test stands on an answer that AWS could not give. State is whatever the handlers close over.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { CommandImpl } from "@smithy/core/client";
import {
  findOperation,
  protocolOf,
  type Protocol,
  readInput,
  signingNameOf,
  unknownKeys,
  type WireAnswer,
  writeAnswer,
  writeError,
} from "./protocols.ts";
import { checkShape, type ClientModule, errorStatus } from "./schema.ts";

/** An error that a handler answers with: one of the service's own codes. The status is the model's where not given. */
export class FakeError extends Error {
  readonly code: string;
  readonly status: number | null;
  constructor(code: string, message: string = code, status: number | null = null) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** Who asks, beside the input. */
export type Call = { readonly accessKeyId: string; readonly region: string; readonly sessionToken: string };

type CommandOf<Module, Name extends string> = `${Name}Command` extends keyof Module ? Module[`${Name}Command`] : never;
type PartsOf<Command> = Command extends {
  new (...args: never[]): CommandImpl<infer In, infer Out, infer _C, infer _I, infer _O>;
}
  ? { readonly in: In; readonly out: Omit<Out, "$metadata"> }
  : never;
type NameOf<Module> = { [Key in keyof Module]: Key extends `${infer Name}Command` ? Name : never }[keyof Module];

/** A function for each operation that is needed, typed as the client types it. */
export type Handlers<Module> = {
  readonly [Name in NameOf<Module> & string]?: (
    input: PartsOf<CommandOf<Module, Name>>["in"],
    call: Call,
  ) => PartsOf<CommandOf<Module, Name>>["out"] | Promise<PartsOf<CommandOf<Module, Name>>["out"]>;
};

type Handler = (input: unknown, call: Call) => unknown;

/** A service that can be put behind a port. */
export type Served = {
  readonly protocol: Protocol;
  readonly module: ClientModule;
  readonly handlers: ReadonlyMap<string, Handler>;
  /** Code for a request that breaks its schema: the service's own where that is not ValidationException. */
  readonly invalidCode: string;
};

/** Makes a service of a client package. */
export function serve<Module extends object>(
  module: Module,
  handlers: Handlers<Module>,
  options: { readonly invalidCode?: string } = {},
): Served {
  const protocol = protocolOf(module as ClientModule);
  const isQuery = protocol.codec === null;
  const known = new Map(Object.entries(handlers) as [string, Handler][]);
  for (const name of known.keys())
    if (!protocol.operations.has(name)) throw new Error(`this client has no operation ${name}`);
  const invalidCode = options.invalidCode ?? (isQuery ? "ValidationError" : "ValidationException");
  return { protocol, module: module as ClientModule, handlers: known, invalidCode };
}

/** A request that a fake has had. `error` is the code it was answered with, null when it was served. */
export type SeenRequest = {
  readonly service: string;
  readonly operation: string;
  readonly input: unknown;
  readonly call: Call;
  readonly error: string | null;
};

export type Fake = {
  readonly url: string;
  /** In the order of their answers. */
  readonly requests: readonly SeenRequest[];
  /** Answers that broke the output schema: a fault of a handler, told again by close(). */
  readonly breaches: readonly string[];
  /** Throws when a handler broke its schema. */
  close(): Promise<void>;
};

/** Puts services behind one port of 127.0.0.1. */
export async function startFake(services: readonly Served[]): Promise<Fake> {
  const requests: SeenRequest[] = [];
  const breaches: string[] = [];
  const server = createServer((request, response) => {
    void answer(request, services, { requests, breaches }).then((made) => send(response, made));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    breaches,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      if (breaches.length > 0) throw new Error(`a fake broke the contract of AWS: ${breaches.join("; ")}`);
    },
  };
}

function send(response: ServerResponse, { status, headers, body }: WireAnswer): void {
  const length = Buffer.byteLength(body);
  response.writeHead(status, { "x-amzn-requestid": "fake", ...headers, "content-length": String(length) });
  response.end(body);
}

type Books = { readonly requests: SeenRequest[]; readonly breaches: string[] };

async function answer(message: IncomingMessage, services: readonly Served[], books: Books): Promise<WireAnswer> {
  const body = Buffer.concat(await message.toArray());
  const url = new URL(message.url ?? "/", "http://fake");
  const request = { method: message.method ?? "", url, headers: message.headers, body };
  const found = services.flatMap((service) => {
    const hit = findOperation(service.protocol, request);
    return hit === null ? [] : [{ service, hit }];
  })[0];
  if (found === undefined) {
    const what = `${request.method} ${url.pathname} ${String(message.headers["x-amz-target"] ?? "")}`;
    return writeError(null, { code: "UnknownOperationException", message: `no service has ${what}`, status: 404 });
  }
  const { service, hit } = found;
  const { operation } = hit;
  const call = toCall(message);
  const note = (input: unknown, error: string | null): void => {
    const name = signingNameOf(message.headers) || service.protocol.signingName;
    books.requests.push({ service: name, operation: operation.name, input, call, error });
  };
  let input: unknown = null;
  try {
    const strange = unknownKeys(operation, service.protocol, body);
    if (strange.length > 0) throw new FakeError("SerializationException", `unknown keys: ${strange.join(", ")}`);
    input = await readInput(hit, service.protocol, request);
    const faults = checkShape(operation.input, input);
    if (faults.length > 0) throw new FakeError(service.invalidCode, faults.join("; "), 400);
    const handler = service.handlers.get(operation.name);
    if (handler === undefined) throw new FakeError("NotImplemented", `this fake has no ${operation.name}`, 501);
    const output = ((await handler(input, call)) ?? {}) as Record<string, unknown>;
    const broken = checkShape(operation.output, output);
    if (broken.length > 0) {
      books.breaches.push(`${operation.name}: ${broken.join("; ")}`);
      throw new FakeError("InternalFailure", "the fake's answer breaks the schema", 500);
    }
    note(input, null);
    return writeAnswer(operation, service.protocol, output);
  } catch (error) {
    const { code, message: text, status } = toFakeError(error);
    note(input, code);
    if (!(error instanceof FakeError)) books.breaches.push(`${operation.name}: ${text}`);
    return writeError(service.protocol, {
      code,
      message: text,
      status: status ?? errorStatus(service.module, code) ?? 400,
    });
  }
}

function toFakeError(error: unknown): FakeError {
  if (error instanceof FakeError) return error;
  return new FakeError("InternalFailure", error instanceof Error ? error.message : String(error), 500);
}

function toCall({ headers }: IncomingMessage): Call {
  const [, accessKeyId = "", region = ""] =
    /Credential=([^/]+)\/\d+\/([^/]+)\//.exec(headers.authorization ?? "") ?? [];
  const token = headers["x-amz-security-token"];
  return { accessKeyId, region, sessionToken: typeof token === "string" ? token : "" };
}
