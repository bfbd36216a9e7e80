/**
 * Probes that all adapters over AWS share: who the credentials are, whether a role can be assumed, what the clock says.
 *
 * Each is named by what it asks, so that adapters with the same settings make one call between them.
 */
import type { Clock } from "../lib/clock.ts";
import { SagewatchError, toMessage } from "../model/errors.ts";
import type { Finding, Probe, ProbeBy } from "../model/probe.ts";
import { type Aws, type AwsLimits, type ClientSettings, createAws } from "./clients.ts";
import type { AwsCall } from "./errors.ts";
import { type AwsSettings, toRole } from "./settings.ts";

/** Below the deadline of a check, so that the reason is told. */
export const PROBE_LIMITS: AwsLimits = { answerMs: 5_000, silenceMs: 5_000, totalMs: 9_000 };
/** AWS refuses signatures that are 5 minutes off (S3 15); half a minute is the sign of a clock that nobody sets. */
const SKEW_MS = 30_000;

const UNREACHED =
  "check the network to it: routes, security groups, VPC endpoints, `endpoint`; AWS's own trouble passes";

type Closable = { destroy(): void };

/** Makes calls with a client of its own. Errors by code: aws_*. */
export async function withClient<Client extends Closable, Extra extends object, T>(
  { aws, type, extra }: { aws: Aws; type: new (settings: ClientSettings & Extra) => Client; extra: Extra },
  { signal }: Pick<ProbeBy, "signal">,
  use: (
    ask: <R>(call: AwsCall, send: (client: Client, abortSignal: AbortSignal) => Promise<R>) => Promise<R>,
  ) => Promise<T>,
): Promise<T> {
  const client = aws.open(type, PROBE_LIMITS, extra);
  try {
    return await use((call, send) =>
      aws.call(call, (abortSignal) => send(client, abortSignal), { limits: PROBE_LIMITS, signal }),
    );
  } finally {
    client.destroy();
  }
}

/** The probes of an identity: the credentials, the clock, and the role where one is assumed. Errors by code: config_invalid. */
export function identityProbes(settings: AwsSettings, accountId: string | null): readonly Probe[] {
  const role = toRole(settings, accountId);
  const { region, endpoint, profile } = settings;
  const own = { region, endpoint, profile };
  const place = [region, endpoint, profile].filter((text) => text !== undefined).join(", ");
  const base: readonly Probe[] = [
    { name: `credentials (${place})`, run: (by) => probeCaller(own, null, by) },
    { name: `clock (${place})`, run: (by) => probeClock(own, by) },
  ];
  if (role === null) return base;
  return [...base, { name: `role ${role.arn} (${place})`, run: (by) => probeCaller(settings, accountId, by) }];
}

async function probeCaller(settings: AwsSettings, accountId: string | null, by: ProbeBy): Promise<Finding> {
  const { arn } = await askCaller(settings, accountId, by);
  const role = toRole(settings, accountId);
  if (role === null) return { status: "ok", did: `sts:GetCallerIdentity: these are the credentials of ${arn}` };
  const id = role.externalId === null ? "without an external id" : "with its external id";
  return { status: "ok", did: `sts:AssumeRole ${id}, then sts:GetCallerIdentity: ${arn}` };
}

async function probeClock(settings: AwsSettings, by: ProbeBy): Promise<Finding> {
  const { dateMs, nowMs } = await askCaller(settings, null, by);
  if (dateMs === null) return { status: "not_tried", did: "the answer of STS has no date to compare the clock with" };
  const seconds = Math.round((nowMs - dateMs) / 1000);
  const did = `the clock is ${seconds === 0 ? "within a second of" : `${Math.abs(seconds)} s ${seconds > 0 ? "ahead of" : "behind"}`} the date of AWS's answer`;
  if (Math.abs(nowMs - dateMs) <= SKEW_MS) return { status: "ok", did };
  return {
    status: "fail",
    did,
    mend: "let the host set its clock by NTP (chrony, or the time service of the cloud): AWS refuses signatures that are minutes off, and records count as late or of the future",
  };
}

type Answered = { readonly arn: string; readonly dateMs: number | null; readonly nowMs: number };

async function askCaller(settings: AwsSettings, accountId: string | null, by: ProbeBy): Promise<Answered> {
  const { STSClient, GetCallerIdentityCommand } = await import("@aws-sdk/client-sts");
  const aws = createAws(settings, { clock: by.clock, accountId });
  const role = toRole(settings, accountId);
  const call =
    role === null
      ? { service: "sts", operation: "GetCallerIdentity", resource: settings.region }
      : { service: "sts", operation: "AssumeRole", resource: role.arn };
  return withClient({ aws, type: STSClient, extra: {} }, by, (ask) =>
    ask(call, async (client, abortSignal) => {
      const command = new GetCallerIdentityCommand({});
      const seen = noteDate(command, by.clock);
      const { Arn = "unknown" } = await client.send(command, { abortSignal });
      return { arn: Arn, ...seen() };
    }),
  );
}

type WithStack = { readonly middlewareStack: { add(middleware: never, options: never): void } };

/** The Date header of a command's answer, and what our clock said when it came. */
function noteDate(command: WithStack, clock: Clock): () => { readonly dateMs: number | null; readonly nowMs: number } {
  let noted = { dateMs: null as number | null, nowMs: clock.nowMs() };
  const middleware =
    (next: (args: unknown) => Promise<{ readonly response: unknown }>) =>
    async (args: unknown): Promise<unknown> => {
      const answer = await next(args);
      const headers = (answer.response as { readonly headers?: Readonly<Record<string, string>> }).headers ?? {};
      const dateMs = Date.parse(headers["date"] ?? "");
      noted = { dateMs: Number.isNaN(dateMs) ? null : dateMs, nowMs: clock.nowMs() };
      return answer;
    };
  command.middlewareStack.add(middleware as never, { step: "deserialize", priority: "low" } as never);
  return () => noted;
}

/** What an error comes to, for one of several calls: the action is named in the message. */
export function toFailure(error: unknown): Extract<Finding, { status: "fail" }> {
  if (!(error instanceof SagewatchError)) return { status: "fail", did: toMessage(error), mend: "see the message" };
  const [did = "", ...mend] = error.message.split("; ");
  if (error.code === "aws_unreachable") return { status: "fail", did, mend: UNREACHED };
  return { status: "fail", did, mend: mend.join("; ") || "see the message" };
}

/** A need that no harmless call tries. */
export function notTried(what: string, how: string): Finding {
  return { status: "not_tried", did: `${what}: ${how}` };
}
