/**
 * The `sqs-s3` source: CloudTrail's files in S3, by the notices of them on a queue.
 *
 * Notices come straight from S3, by SNS or by EventBridge. Each object is fetched whole, split into records, and its
 * message deleted when the last of them is committed; a restart goes on inside it. Objects of which no notice came are
 * found by listing. What is gone, refused or broken goes into the quarantine; what is denied or does not answer is told
 * and comes again. Live; it never ends but by an abort, and only a queue that does not exist is an error.
 */
import type { Batch, Source } from "../contracts.ts";
import { compileGlob } from "../lib/glob.ts";
import { LOGSOURCES } from "../model/event.ts";
import { createObjectPast } from "./past/objects.ts";
import { createRecordScanners } from "./records/batches.ts";
import type { SourceDeps, SourceType } from "./settings.ts";
import { createConsumer, createQueueAws, withRareWarnings } from "./sqs/settings.ts";
import { objectNeeds, objectProbes } from "./sqs-s3/needs.ts";
import { readNotices } from "./sqs-s3/read.ts";
import { type ObjectsConfig, type SqsS3Config, sqsS3Schema, toObjects } from "./sqs-s3/settings.ts";

/** Messages held: some seconds of work, and few enough to keep them ours. */
const HELD_MESSAGES = 500;

/** Makes the source. Errors by code, from `read`: aws_missing (no such queue), config_invalid (see toRole). */
export function createSqsS3(config: SqsS3Config, deps: SourceDeps): Source {
  return {
    name: config.name,
    logsources: LOGSOURCES,
    timing: { mode: "live", latenessMs: config.lateness, idleMs: config.idle, followMs: null },
    read: (positions, signal) => readObjects(toObjects(config), deps, { positions, signal }),
  };
}

/** The registry's entry. */
export const sqsS3Source: SourceType<SqsS3Config> = {
  schema: sqsS3Schema,
  create: createSqsS3,
  needs: (config) => objectNeeds(toObjects(config)),
  probes: (config) => objectProbes(toObjects(config)),
  past: (config, deps) => createObjectPast(toObjects(config), deps),
};

/** Batches of the objects that a queue tells of, until the signal. Errors by code: as createSqsS3. */
export async function* readObjects(
  config: ObjectsConfig,
  told: SourceDeps,
  { positions, signal }: { readonly positions: ReadonlyMap<string, string>; readonly signal: AbortSignal },
): AsyncGenerator<Batch> {
  const deps = withRareWarnings(told);
  const aws = createQueueAws(config, deps.clock);
  // What the queue lost is found by listing, from the last listing on.
  const { gap: _gap, ...others } = deps;
  const ofQueue = config.trails.length > 0 ? others : deps;
  // A queue that answers is half of it: while its objects cannot be had the source is unread.
  let isHad = true;
  const onAnswered = (): void => (isHad ? deps.onAnswered?.() : undefined);
  const consumer = createConsumer(config, {
    aws,
    deps: { ...ofQueue, onAnswered },
    creditMessages: HELD_MESSAGES,
  });
  const isWanted = config.pattern === undefined ? (): boolean => true : compileGlob(config.pattern);
  const scanners = createRecordScanners(deps.limits);
  const onFetched = (is: boolean): void => void (isHad = is);
  yield* readNotices({ config, deps, aws, consumer, positions, scanners, isWanted, onFetched }, signal);
}
