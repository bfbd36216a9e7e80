/**
 * The sink `eventbridge`: alerts as events of a bus, from which rules start incident-response playbooks.
 *
 * The first delivery of an alert has the detail-type `Sagewatch Alert Opened`, every later revision `Sagewatch Alert
 * Updated`, so that a playbook on the first fires once an alert. The detail is the alert in native form with `action`
 * and `idempotencyKey`, the alert's id, which a playbook hands on where a step must not happen twice: delivery is at
 * least once. docs/sinks.md has the schema and patterns. Codes as entries.ts tells.
 */
import type { PutEventsRequestEntry } from "@aws-sdk/client-eventbridge";
import { z } from "zod";
import { type Need, toArn } from "../../aws/needs.ts";
import { awsShape, type AwsSettings } from "../../aws/settings.ts";
import type { OutboxItem, Sink } from "../../contracts.ts";
import { encodeNative } from "../../encode/native.ts";
import { systemClock } from "../../lib/clock.ts";
import { sizeSchema } from "../../model/settings.ts";
import { fitText } from "../fit.ts";
import { toLane } from "../lane.ts";
import { sharedShape, type SharedSettings, type SinkDeps, type SinkType } from "../settings.ts";
import { busProbe, createBusCheck } from "./bus.ts";
import { createLazyClient } from "./client.ts";
import { createEntrySend, type Entry, type EntryFault } from "./entries.ts";
import { sinkProbes, toNeeds } from "./needs.ts";

export type EventBridgeSinkConfig = SharedSettings &
  AwsSettings & {
    readonly type: "eventbridge";
    /** Name or ARN of the bus. */
    readonly bus: string;
    readonly source: string;
    readonly maxBytes: number;
  };

/** `Source` of every event: rules match on it. */
const SOURCE = "sagewatch";
export const OPENED = "Sagewatch Alert Opened";
export const UPDATED = "Sagewatch Alert Updated";

/** Entries of a PutEvents: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html */
const MAX_ITEMS = 10;
/** What the time of an entry counts: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html */
const TIME_BYTES = 14;
/** Codes of one entry that the same entry would get again. */
const FINAL = new Set(["MalformedDetail", "InvalidArgument", "NotAuthorizedForSourceException"]);

const schema = z.strictObject({
  type: z.literal("eventbridge"),
  ...sharedShape("eventbridge"),
  ...awsShape,
  bus: z
    .string()
    .regex(/^[\w./:-]{1,1600}$/, "must be the name or the ARN of an event bus")
    .describe("Name or ARN of the event bus. No default: the default bus carries everything else of the account."),
  source: z
    .string()
    .regex(/^(?!aws\.)[\w./-]{1,256}$/, 'must be 1 to 256 letters, digits or any of . - / _ and not begin with "aws."')
    .default(SOURCE)
    .describe("`source` of the events, which rules match on. Default sagewatch."),
  maxBytes: sizeSchema({ least: 16 * 1024, most: 1024 * 1024 })
    .prefault("256 KiB")
    .describe(
      "Largest event, and all events of one call together. Default 256 KiB, which every target takes; larger alerts lose evidence and say so.",
    ),
}) satisfies z.ZodType<EventBridgeSinkConfig>;

export function createEventBridgeSink(config: EventBridgeSinkConfig, deps: SinkDeps): Sink {
  const client = createLazyClient(
    config,
    deps,
    async () => (await import("@aws-sdk/client-eventbridge")).EventBridgeClient,
  );
  const { name, bus, maxBytes } = config;
  const findBus = createBusCheck({ bus, client, clock: deps.clock ?? systemClock });
  return {
    name,
    limits: { maxItems: MAX_ITEMS, maxBytes, lane: toLane, part: () => "" },
    send: createEntrySend<PutEventsRequestEntry>({
      maxItems: MAX_ITEMS,
      maxBytes,
      toEntry: (item) => toEntry(item, config),
      request: async (Entries, signal) => {
        await findBus(signal);
        const { PutEventsCommand } = await import("@aws-sdk/client-eventbridge");
        const call = { service: "events", operation: "PutEvents", resource: bus };
        const answer = await client.call(call, signal, (eventBridge, abortSignal) =>
          eventBridge.send(new PutEventsCommand({ Entries: [...Entries] }), { abortSignal }),
        );
        return (answer.Entries ?? []).map(({ ErrorCode: code }): EntryFault =>
          code === undefined ? null : { code, isFinal: FINAL.has(code) },
        );
      },
    }),
    close: async () => client.close(),
  };
}

function toEntry(
  item: OutboxItem,
  { bus, source, maxBytes }: EventBridgeSinkConfig,
): ReturnType<Parameters<typeof createEntrySend<PutEventsRequestEntry>>[0]["toEntry"]> {
  const detailType = item.opened ? OPENED : UPDATED;
  const around = Buffer.byteLength(source) + detailType.length + TIME_BYTES;
  const detail = fitText(item, encodeDetail, maxBytes - around);
  if (typeof detail !== "string") return detail;
  const time = new Date(item.alert.lastEventTime);
  const entry: Entry<PutEventsRequestEntry> = {
    entry: {
      EventBusName: bus,
      Source: source,
      DetailType: detailType,
      Detail: detail,
      ...(Number.isNaN(time.getTime()) ? {} : { Time: time }),
    },
    sizeBytes: Buffer.byteLength(detail) + around,
  };
  return entry;
}

/** The native form with `action` and `idempotencyKey` before it. */
function encodeDetail({ alert, opened, pointers, additions }: OutboxItem): string {
  const head = JSON.stringify({ action: opened ? "opened" : "updated", idempotencyKey: alert.id });
  return `${head.slice(0, -1)},${encodeNative(alert, { pointers, additions }).slice(1)}`;
}

function eventBridgeNeeds(config: EventBridgeSinkConfig): readonly Need[] {
  const { bus, region } = config;
  const toResource = (account: string | null): string =>
    bus.startsWith("arn:") ? bus : toArn({ service: "events", region, account }, `event-bus/${bus}`);
  return toNeeds(config, (account) => [
    { action: "events:PutEvents", resource: toResource(account), why: "to put alerts on the bus" },
    {
      action: "events:DescribeEventBus",
      resource: toResource(account),
      why: "to know that the bus is there: PutEvents takes events for one that is not, and drops them",
    },
  ]);
}

/** Registry entry of `type: eventbridge`. */
export const eventBridgeSink: SinkType<EventBridgeSinkConfig> = {
  schema,
  create: createEventBridgeSink,
  needs: eventBridgeNeeds,
  probes: (config) => [
    ...sinkProbes(
      config,
      eventBridgeNeeds(config).filter(({ action }) => action !== "events:DescribeEventBus"),
    ),
    busProbe(config),
  ],
};
