/**
 * The `sqs-eventbridge` source: what EventBridge puts on a queue, directly or by way of SNS.
 *
 * CloudTrail API calls, GuardDuty findings and the envelopes that are events themselves. The queue keeps the place: a
 * message is deleted when what it brought is committed, and comes again otherwise. What cannot be read goes into the
 * quarantine, with its reason, and is deleted then. Live; watermarks wait after a start until what was in flight before
 * has come again. It never ends but by an abort, and only a queue that does not exist is an error.
 */
import { z } from "zod";
import type { Aws } from "../aws/clients.ts";
import type { SqsConsumer, SqsMessage } from "../aws/sqs-types.ts";
import type { Batch, Source } from "../contracts.ts";
import type { Logsource } from "../model/event.ts";
import { durationSchema } from "../model/settings.ts";
import { createRecordScanners } from "./records/batches.ts";
import type { SourceDeps, SourceType } from "./settings.ts";
import { type PackOptions, packMessages } from "./sqs/bodies.ts";
import { type Canary, createCanary, isCanary } from "./sqs/canary.ts";
import { canaryNeeds, canaryProbes, queueNeeds, queueProbes } from "./sqs/needs.ts";
import {
  createConsumer,
  createQueueAws,
  queueName,
  type QueueSettings,
  queueShape,
  sourceNameSchema,
  withRareWarnings,
} from "./sqs/settings.ts";

/** Settings, defaults filled in; durations in ms. */
export type SqsEventBridgeConfig = QueueSettings & {
  readonly type: "sqs-eventbridge";
  readonly name: string;
  readonly lateness: number;
  readonly idle: number;
  /** Null: none are sent. */
  readonly canary: number | null;
  readonly canaryWithin: number;
};

const MINUTE_MS = 60_000;

const CARRIED: readonly Logsource[] = ["aws/cloudtrail", "aws/guardduty", "aws/eventbridge", "aws/cost"];

const schema: SourceType<SqsEventBridgeConfig>["schema"] = z.strictObject({
  type: z.literal("sqs-eventbridge"),
  name: sourceNameSchema("sqs-eventbridge"),
  ...queueShape,
  lateness: durationSchema()
    .default(15 * MINUTE_MS)
    .describe(
      "How far behind the newest event a record may be before it is late. Default 15m: EventBridge delivers within a minute and tries again for hours; what waits in the queue holds the watermark by itself.",
    ),
  idle: durationSchema()
    .default(5 * MINUTE_MS)
    .describe("A queue quiet for so long no longer holds back other sources."),
  canary: durationSchema({ least: 10_000, most: 86_400_000 })
    .nullable()
    .default(null)
    .describe(
      "How often a harmless event is put on the queue, to see that it comes through to the commit; needs `sqs:SendMessage`. 5m is a good choice. Default none: the source then only reads.",
    ),
  canaryWithin: durationSchema({ least: 10_000, most: 3_600_000 })
    .prefault("2m")
    .describe(
      "A canary that takes longer is told of by `sagewatch.canary_missing`. Default 2m: a healthy queue takes a second or two, a short backlog a minute.",
    ),
});

/** Messages of one batch, and their bytes (contracts.ts). */
const BATCH_MESSAGES = 500;
const BATCH_BYTES = 4 * 1024 * 1024;

/** Messages held: each tenth costs a call a minute while it is undecided. */
const HELD_MESSAGES = 20_000;

/** Makes the source. Errors by code, from `read`: aws_missing (no such queue), config_invalid (see toRole). */
export function createSqsEventBridge(config: SqsEventBridgeConfig, deps: SourceDeps): Source {
  return {
    name: config.name,
    logsources: CARRIED,
    timing: { mode: "live", latenessMs: config.lateness, idleMs: config.idle, followMs: null },
    read: (_positions, signal) => readQueue(config, withRareWarnings(deps), signal),
  };
}

/** The registry's entry. */
export const sqsEventBridgeSource: SourceType<SqsEventBridgeConfig> = {
  schema,
  create: createSqsEventBridge,
  needs: (config) => [...queueNeeds(config), ...(config.canary === null ? [] : canaryNeeds(config))],
  probes: (config) => [...queueProbes(config), ...(config.canary === null ? [] : canaryProbes(config))],
};

async function* readQueue(config: SqsEventBridgeConfig, deps: SourceDeps, signal: AbortSignal): AsyncGenerator<Batch> {
  const aws = createQueueAws(config, deps.clock);
  const reader = createConsumer(config, { aws, deps, creditMessages: HELD_MESSAGES });
  const canary = openCanary(config, aws, deps);
  const consumer: SqsConsumer = {
    ...reader,
    done: (messages) => {
      reader.done(messages);
      canary?.committed(messages);
    },
  };
  const options: PackOptions = {
    source: config.name,
    queue: queueName(config.queue),
    limits: deps.limits,
    scanners: createRecordScanners(deps.limits),
  };
  let rest: (readonly SqsMessage[])[] = [];
  signal.addEventListener("abort", () => consumer.release(rest.flat()), { once: true });
  const over = new AbortController();
  const flight = canary?.fly(AbortSignal.any([signal, over.signal]));
  try {
    for await (const messages of consumer.read(BATCH_MESSAGES, signal)) {
      rest = [...toGroups(messages)];
      for (let group = rest.shift(); group !== undefined; group = rest.shift()) {
        yield toBatch(group, consumer, options);
        if (signal.aborted) return;
      }
    }
  } finally {
    over.abort();
    await flight;
  }
}

function openCanary(config: SqsEventBridgeConfig, aws: Aws, { clock, canary }: SourceDeps): Canary | null {
  if (config.canary === null) return null;
  return createCanary({
    aws,
    clock,
    queueUrl: config.queue,
    queue: queueName(config.queue),
    everyMs: config.canary,
    withinMs: config.canaryWithin,
    tell: (outcome) => canary?.(outcome),
  });
}

/** Messages that fit one batch, in their order. */
function toGroups(messages: readonly SqsMessage[]): readonly (readonly SqsMessage[])[] {
  const groups: SqsMessage[][] = [];
  let bytes = Infinity;
  for (const message of messages) {
    if (bytes + message.sizeBytes > BATCH_BYTES) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(message);
    bytes += message.sizeBytes;
  }
  return groups;
}

/** The batch of a group, with those of other kinds in it; the group is decided when the last of them settled. */
function toBatch(group: readonly SqsMessage[], consumer: SqsConsumer, options: PackOptions): Batch {
  const packed = packMessages(
    group.filter((message) => !isCanary(message)),
    options,
  );
  const canaries = group.filter(isCanary).length;
  const floorMs = consumer.floorMs();
  let open = packed.length;
  let isGivenUp = false;
  const settle = (error?: unknown): void => {
    open -= 1;
    isGivenUp ||= error !== undefined;
    if (open > 0) return;
    if (isGivenUp) consumer.forget(group);
    else consumer.done(group);
  };
  const [one, ...also] = packed.map((batch): Batch => ({ ...batch, positions: [], floorMs, settle })) as [
    Batch,
    ...Batch[],
  ];
  const first = canaries === 0 ? one : { ...one, skipped: { ...one.skipped, canary: canaries } };
  return also.length === 0 ? first : { ...first, also };
}
