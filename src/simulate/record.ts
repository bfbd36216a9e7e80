/**
 * Builds one CloudTrail record: the envelope around a call, with the keys in the order that AWS writes them.
 *
 * A *call* says what was asked (service, name, request, response, error), a *caller* who asks from where. Promised: every
 * record has the fields that real ones of its kind always have (management, data, service event, sign-in; Insight and
 * network-activity records are made in ./activity-rare.ts over `sealRecord`). Nothing here knows time zones or files.
 */
import type { Random } from "../lib/random.ts";
import { toUtcText } from "../lib/clock.ts";
import { CAPITALS, REGIONS, type Region } from "./world.ts";

/** A JSON object in the making. */
export type Json = Record<string, unknown>;

/** What is asked. */
export type Call = {
  /** Event source without `.amazonaws.com`. */
  readonly source: string;
  readonly name: string;
  readonly readOnly?: boolean;
  readonly request?: Json | null;
  readonly response?: Json | null;
  readonly error?: readonly [code: string, message?: string];
  /** `additionalEventData`. */
  readonly extra?: Json;
  readonly resources?: readonly Json[];
  /** True for a data event (S3 objects, endpoint invocations). */
  readonly isData?: boolean;
  /** Host of the TLS hello; default: that of the service in the Region. */
  readonly host?: string;
  /** The AWS service that makes the call on the caller's behalf: address, agent and `invokedBy` become its name. */
  readonly via?: string;
  /** Stands in place of the caller's identity: an AWS service acting for itself, a web identity. */
  readonly identity?: Json;
  /** Seconds after the call before it. Default 0. */
  readonly afterSeconds?: number;
  readonly region?: Region;
  readonly eventType?: "AwsApiCall" | "AwsServiceEvent" | "AwsConsoleSignIn";
  /** Extra top-level keys of service events and the like. */
  readonly top?: Json;
};

/** Who asks, from where. */
export type Caller = {
  readonly accountId: string;
  readonly identity: Json;
  readonly address: string;
  readonly userAgent: string;
  /** True for credentials of the web console. */
  readonly fromConsole?: boolean;
  readonly vpcEndpointId?: string;
};

/** A finished record on its way to a file. */
export type SimulatedRecord = {
  readonly eventId: string;
  /** Event time, epoch ms, whole seconds. */
  readonly timeMs: number;
  readonly accountId: string;
  readonly region: Region;
  readonly kind: "management" | "data" | "insight" | "network";
  /** True for services that AWS keeps in us-east-1 and may deliver with the files of another Region. */
  readonly isGlobal: boolean;
  /** The record, one line of compact JSON. */
  readonly text: string;
};

/** Record format by service, as each service's records carry it in 2026. */
const EVENT_VERSIONS: Readonly<Record<string, string>> = {
  autoscaling: "1.09",
  config: "1.10",
  ec2: "1.10",
  ecr: "1.08",
  elasticloadbalancing: "1.10",
  guardduty: "1.09",
  health: "1.08",
  iam: "1.10",
  servicequotas: "1.10",
  signin: "1.08",
  sso: "1.08",
  tagging: "1.08",
};

/** Services without Regions: their records say us-east-1. */
const GLOBAL_SOURCES: ReadonlySet<string> = new Set(["iam", "organizations", "health"]);

/** Services whose TLS host is not `SOURCE.REGION.amazonaws.com`. */
function tlsHost(call: Call, region: Region): string {
  if (call.host !== undefined) return call.host;
  if (GLOBAL_SOURCES.has(call.source)) return `${call.source}.amazonaws.com`;
  if (call.source === "sagemaker") return `api.sagemaker.${region}.amazonaws.com`;
  if (call.source === "ecr") return `api.ecr.${region}.amazonaws.com`;
  return `${call.source}.${region}.amazonaws.com`;
}

const TLS_1_3 = { tlsVersion: "TLSv1.3", cipherSuite: "TLS_AES_128_GCM_SHA256" };
const TLS_1_2 = { tlsVersion: "TLSv1.2", cipherSuite: "ECDHE-RSA-AES128-GCM-SHA256" };

/** Writes a record that is complete but for its ids, and wraps it for delivery. */
export function sealRecord(record: Json, facts: Omit<SimulatedRecord, "text">): SimulatedRecord {
  return { ...facts, text: JSON.stringify(record) };
}

/** The identity of `caller` for `call`: with `invokedBy` when a service acts on the caller's behalf. */
function identityFor(caller: Caller, call: Call): Json {
  if (call.identity !== undefined) return call.identity;
  return call.via === undefined ? caller.identity : { ...caller.identity, invokedBy: call.via };
}

/** Where the call comes from, and with which agent; S3 writes agents in brackets. */
function originFor(caller: Caller, call: Call): readonly [address: string, userAgent: string] {
  if (call.via !== undefined) return [call.via, call.via];
  const invokedBy = call.identity?.["invokedBy"];
  if (typeof invokedBy === "string") return [invokedBy, invokedBy];
  return [caller.address, call.source === "s3" ? `[${caller.userAgent}]` : caller.userAgent];
}

/** The keys up to the agent, in AWS's order. */
function opening(caller: Caller, call: Call, at: { region: Region; timeMs: number }): Json {
  const [address, userAgent] = originFor(caller, call);
  return {
    eventVersion: EVENT_VERSIONS[call.source] ?? "1.11",
    userIdentity: identityFor(caller, call),
    eventTime: toUtcText(at.timeMs),
    eventSource: `${call.source}.amazonaws.com`,
    eventName: call.name,
    awsRegion: at.region,
    sourceIPAddress: address,
    userAgent,
  };
}

/** The keys of request, response and error. */
function body(call: Call): Json {
  const keys: Json = {};
  if (call.error !== undefined) keys["errorCode"] = call.error[0];
  if (call.error?.[1] !== undefined) keys["errorMessage"] = call.error[1];
  keys["requestParameters"] = call.request ?? null;
  keys["responseElements"] = call.response ?? null;
  if (call.extra !== undefined) keys["additionalEventData"] = call.extra;
  return keys;
}

/** The last keys, which only calls of the caller's own making have: TLS, endpoint, console. */
function closing(caller: Caller, call: Call, at: { region: Region; random: Random }): Json {
  const isOwn = call.via === undefined && typeof call.identity?.["invokedBy"] !== "string";
  if (!isOwn || !isApiCall(call)) return {};
  const tls = at.random.chance(0.85) ? TLS_1_3 : TLS_1_2;
  const keys: Json = { tlsDetails: { ...tls, clientProvidedHostHeader: tlsHost(call, at.region) } };
  if (caller.fromConsole === true) keys["sessionCredentialFromConsole"] = "true";
  return keys;
}

/** False for sign-ins and service events, which have no request id. */
function isApiCall(call: Call): boolean {
  return call.eventType === undefined || call.eventType === "AwsApiCall";
}

/**
 * Makes the record of one call.
 * @param at Region and event time of the call (epoch ms), and where ids are drawn from; the Region of a global service
 * is replaced by us-east-1.
 */
export function buildRecord(
  caller: Caller,
  call: Call,
  at: { region: Region; timeMs: number; random: Random },
): SimulatedRecord {
  const { timeMs, random } = at;
  const isGlobal = GLOBAL_SOURCES.has(call.source) || call.host === "sts.amazonaws.com";
  const region = isGlobal ? (REGIONS[0] as Region) : (call.region ?? at.region);
  const eventId = random.uuid();
  const isData = call.isData === true;
  const record = { ...opening(caller, call, { region, timeMs }), ...body(call) };
  if (isApiCall(call)) record["requestID"] = call.source === "s3" ? random.text(CAPITALS, 16) : random.uuid();
  record["eventID"] = eventId;
  record["readOnly"] = call.readOnly ?? false;
  if (call.resources !== undefined) record["resources"] = call.resources;
  record["eventType"] = call.eventType ?? "AwsApiCall";
  record["managementEvent"] = !isData;
  record["recipientAccountId"] = caller.accountId;
  if (caller.vpcEndpointId !== undefined && call.via === undefined) record["vpcEndpointId"] = caller.vpcEndpointId;
  Object.assign(record, call.top);
  record["eventCategory"] = isData ? "Data" : "Management";
  Object.assign(record, closing(caller, call, { region, random }));
  const kind = isData ? "data" : "management";
  const facts = { eventId, timeMs, accountId: caller.accountId, region, kind } as const;
  return sealRecord(record, { ...facts, isGlobal: isGlobal || call.source === "signin" });
}

/** A read call without request parameters, or with the given ones. */
export function readCall(source: string, name: string, request: Json | null = null): Call {
  return { source, name, readOnly: true, request };
}
