/**
 * Whether an event bus is there.
 *
 * EventBridge takes events for a bus that is not there, answers as if it had them, and drops them: PutEvents alone would lose
 * alerts without a word. https://github.com/aws/aws-cli/issues/9186 (2025-01), https://github.com/localstack/localstack/pull/8264
 * (2023-05, with a test that was run in AWS); DescribeEventBus tells. So the bus is asked for before it gets anything.
 */
import type { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import { createAws } from "../../aws/clients.ts";
import { toFailure, withClient } from "../../aws/probes.ts";
import type { AwsSettings } from "../../aws/settings.ts";
import type { Clock } from "../../lib/clock.ts";
import { toErrorCode } from "../../model/errors.ts";
import type { Finding, Probe, ProbeBy } from "../../model/probe.ts";
import type { LazyClient } from "./client.ts";

/** So long an answer holds, ms: what a bus that is deleted meanwhile costs, against a call with each delivery. */
const HOLDS_MS = 60_000;

const describeCall = (bus: string): { service: string; operation: string; resource: string } => ({
  service: "events",
  operation: "DescribeEventBus",
  resource: bus,
});

export type BusCheckBy = {
  readonly bus: string;
  readonly client: LazyClient<EventBridgeClient>;
  readonly clock: Clock;
};

/**
 * Asks for the bus, once a minute at most. Who may not ask sends all the same: `doctor` says so. Errors by code: aws_missing,
 * aws_credentials, aws_refused, aws_unreachable.
 */
export function createBusCheck({ bus, client, clock }: BusCheckBy): (signal: AbortSignal) => Promise<void> {
  let untilMs = -Infinity;
  return async (signal) => {
    if (clock.monotonicMs() < untilMs) return;
    const { DescribeEventBusCommand } = await import("@aws-sdk/client-eventbridge");
    try {
      await client.call(describeCall(bus), signal, (eventBridge, abortSignal) =>
        eventBridge.send(new DescribeEventBusCommand({ Name: bus }), { abortSignal }),
      );
    } catch (error) {
      if (toErrorCode(error) !== "aws_denied") throw error;
    }
    untilMs = clock.monotonicMs() + HOLDS_MS;
  };
}

/** The probe of a bus. */
export function busProbe(settings: AwsSettings & { readonly name: string; readonly bus: string }): Probe {
  return { name: `sink ${settings.name}: bus`, run: (by) => probeBus(settings, by) };
}

async function probeBus(settings: AwsSettings & { readonly bus: string }, by: ProbeBy): Promise<Finding> {
  const { bus } = settings;
  const { EventBridgeClient: type, DescribeEventBusCommand } = await import("@aws-sdk/client-eventbridge");
  const aws = createAws(settings, { clock: by.clock });
  try {
    await withClient({ aws, type, extra: {} }, by, (ask) =>
      ask(describeCall(bus), (client, abortSignal) =>
        client.send(new DescribeEventBusCommand({ Name: bus }), { abortSignal }),
      ),
    );
  } catch (error) {
    return toFailure(error);
  }
  return { status: "ok", did: `events:DescribeEventBus: ${bus} is there` };
}
