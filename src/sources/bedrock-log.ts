/**
 * The `bedrock-log` source: Bedrock's model-invocation log in S3, by the notices of its files on a queue.
 *
 * It reads as `sqs-s3` does, in the folder of the log alone. Outputs of more than 100 KB stand in objects of their own, to
 * which a record only points: they are read for what a guardrail did, and for nothing else; what was asked and answered
 * stays where it is. Live; only a queue that does not exist is an error.
 */
import type { Source } from "../contracts.ts";
import { LOGSOURCES } from "../model/event.ts";
import { createObjectPast } from "./past/objects.ts";
import type { SourceDeps, SourceType } from "./settings.ts";
import { readObjects } from "./sqs-s3.ts";
import { type BedrockLogConfig, bedrockLogSchema, toLogObjects } from "./sqs-s3/log-settings.ts";
import { objectNeeds, objectProbes } from "./sqs-s3/needs.ts";

/** Makes the source. Errors by code, from `read`: aws_missing (no such queue), config_invalid (see toRole). */
export function createBedrockLog(config: BedrockLogConfig, deps: SourceDeps): Source {
  return {
    name: config.name,
    logsources: LOGSOURCES,
    timing: { mode: "live", latenessMs: config.lateness, idleMs: config.idle, followMs: null },
    read: (positions, signal) => readObjects(toLogObjects(config), deps, { positions, signal }),
  };
}

/** The registry's entry. */
export const bedrockLogSource: SourceType<BedrockLogConfig> = {
  schema: bedrockLogSchema,
  create: createBedrockLog,
  needs: (config) => objectNeeds(toLogObjects(config)),
  probes: (config) => objectProbes(toLogObjects(config)),
  past: (config, deps) => createObjectPast(toLogObjects(config), deps),
};
