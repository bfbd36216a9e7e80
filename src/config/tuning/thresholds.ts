/**
 * The numbers of the shipped rules that a configuration may change: default, range, unit, and why it is that number.
 *
 * Each stands in its rule too, as what any reader of Sigma sees; a test holds the two together. A number is a guess at
 * what no honest principal of most organisations reaches: yours may differ, which is why it is here.
 */
import { z } from "zod";

/** One number. `least` and `most` are what the rule can work with. */
export type ThresholdRow = {
  readonly value: number;
  readonly least: number;
  readonly most: number;
  /** What is counted, and within which time. */
  readonly unit: string;
  /** Why this number. */
  readonly why: string;
};

const COUNT = { least: 1, most: 1_000_000 } as const;
/** More Regions than AWS has would switch the rule off unseen. */
const REGIONS = { least: 2, most: 30 } as const;
/** Ten years: the longest that CloudWatch Logs keeps anything. */
const DAYS = { least: 1, most: 3653 } as const;

/** By name, as under `tuning.thresholds`. */
export const THRESHOLDS: Readonly<Record<string, ThresholdRow>> = {
  br_guardrail_block_burst: {
    ...COUNT,
    value: 5,
    unit: "answers that a guardrail stopped within 1 h by a principal",
    why: "people meet a guardrail now and then; five times in an hour somebody tries",
  },
  br_guardrail_pii_blocks: {
    ...COUNT,
    value: 6,
    unit: "calls that the policy for sensitive information blocked within 1 h by a principal",
    why: "a form that asks for too much is mended after a few",
  },
  br_invoke_burst: {
    ...COUNT,
    value: 500,
    unit: "model calls within 1 h by a session or key",
    why: "a person with an assistant makes tens of calls an hour, resold keys make thousands",
  },
  br_invoke_denied_burst: {
    ...COUNT,
    value: 5,
    unit: "denied model calls within 1 h by a principal",
    why: "a missing permission is seen after one or two tries; who tries models in turn passes five at once",
  },
  br_model_enum_burst: {
    ...COUNT,
    value: 4,
    unit: "different reads of what Bedrock has within 10 min by a principal",
    why: "an application asks for one or two lists at its start, looking around asks for many",
  },
  br_model_spend: {
    ...COUNT,
    value: 50,
    unit: "US dollars of model calls within 1 h by a principal",
    why: "a team with assistants spends a few dollars an hour, resold keys spend hundreds",
  },
  br_multi_region_invoke: {
    ...REGIONS,
    value: 3,
    unit: "Regions with model calls within 1 h by a session or key",
    why: "one home and one fallback Region are usual",
  },
  cost_anomaly_ai: {
    ...COUNT,
    value: 10,
    unit: "US dollars above what AWS expected, of AI services and accelerators",
    why: "AWS itself tells of an anomaly only where it is one; what it costs by the time it is found grows by the hour",
  },
  cost_anomaly_impact: {
    ...COUNT,
    value: 100,
    unit: "US dollars above what AWS expected, of anything else",
    why: "AWS's own default for the mails of Cost Anomaly Detection",
  },
  cost_anomaly_percent: {
    ...COUNT,
    value: 40,
    unit: "per cent above what AWS expected, of anything else",
    why: "AWS's own default for the mails of Cost Anomaly Detection",
  },
  cost_anomaly_steep: {
    ...COUNT,
    value: 20,
    unit: "US dollars above what AWS expected, where it is so many per cent",
    why: "two fifths more of a few dollars is nothing that anybody must look at",
  },
  cost_daily_rise: {
    ...COUNT,
    value: 100,
    unit: "US dollars that a service costs more in a day than on the dearest of the 14 days before",
    why: "a host with eight GPUs costs several times as much in a day, ordinary work of a small team does not",
  },
  cost_daily_times: {
    ...COUNT,
    value: 3,
    unit: "times that day's cost of it",
    why: "load of weekdays and launches doubles a service, seldom more",
  },
  cost_new_usage_type: {
    ...COUNT,
    value: 10,
    unit: "US dollars in a day for accelerators, SageMaker or tokens that cost nothing in the 14 days before",
    why: "a try of a model or of a small host for some hours costs less",
  },
  gpu_dryrun_probe: {
    ...COUNT,
    value: 2,
    unit: "dry runs of a launch within 10 min by a principal",
    why: "one dry run is a check of a script, the second asks for something else",
  },
  gpu_large_launch_refused: {
    ...COUNT,
    value: 8,
    unit: "accelerators asked for in one refused launch",
    why: "the largest hosts of most families hold eight",
  },
  gpu_launch_failures: {
    ...COUNT,
    value: 3,
    unit: "refused launches within 15 min by a principal",
    why: "people read the first error and stop; a script goes on to the next type or Region",
  },
  gpu_launch_spike: {
    ...COUNT,
    value: 10,
    unit: "accelerators of EC2 within 1 h by a principal",
    why: "more than one large host, which single launches tell of already",
  },
  gpu_multi_region_launch: {
    ...REGIONS,
    value: 3,
    unit: "Regions with launches within 1 h by a principal",
    why: "work stays where its data is: one Region and perhaps a second",
  },
  log_bucket_expiry: {
    ...DAYS,
    value: 90,
    unit: "days; files of a log bucket that expire in fewer",
    why: "intrusions are often found weeks later; CloudTrail's own event history keeps 90 days",
  },
  log_group_retention: {
    ...DAYS,
    value: 30,
    unit: "days; a log group of AI workloads that is kept for fewer",
    why: "a month is what an investigation needs at the least",
  },
  s3_model_artifact_download: {
    ...COUNT,
    value: 5,
    unit: "reads of model files within 1 h by a principal from outside",
    why: "someone who looks at a model fetches one or two; a model in parts has more than five",
  },
  sm_bulk_delete: {
    ...COUNT,
    value: 5,
    unit: "deletions within 15 min by a principal",
    why: "an endpoint with its model, and a second try, are fewer; a sweep is more",
  },
  sm_bulk_endpoint_create: {
    ...COUNT,
    value: 5,
    unit: "endpoints within 1 h by a principal",
    why: "a deployment brings up one to three at once",
  },
  sm_gpu_spike: {
    ...COUNT,
    value: 16,
    unit: "accelerators of SageMaker within 1 h by a principal",
    why: "two of the largest hosts, one more than a single job is told for",
  },
  sm_job_burst: {
    ...COUNT,
    value: 10,
    unit: "jobs or pipeline runs within 1 h by a principal",
    why: "a person starts a handful in an hour; schedulers belong on `ml_automation`",
  },
  sm_quota_probe: {
    ...COUNT,
    value: 3,
    unit: "refusals for quota or capacity within 1 h by a principal",
    why: "who owns a workload knows the limits and meets one by mistake",
  },
  sm_training_accelerators: {
    ...COUNT,
    value: 8,
    unit: "accelerators of one training or tuning job",
    why: "the largest hosts of most families hold eight; such a job is planned",
  },
  sm_training_instances: {
    ...COUNT,
    value: 20,
    unit: "instances of one training job, or jobs side by side of one tuning",
    why: "the usual quota of an account for one instance type is 20 or fewer",
  },
};

/** Names of the numbers above. */
export const THRESHOLD_NAMES: readonly string[] = Object.keys(THRESHOLDS);

type Numbers = Readonly<Record<string, number>>;
type SomeNumbers = { readonly [name: string]: number | undefined };

/** By name; all of the table filled in. Names of rules of one's own may stand beside them. */
export const thresholdsSchema: z.ZodType<Numbers, SomeNumbers | undefined> = z
  .object(
    Object.fromEntries(
      Object.entries(THRESHOLDS).map(([name, { value, least, most, unit, why }]) => [
        name,
        z
          .int()
          .min(least)
          .max(most)
          .default(value)
          .describe(`${unit}. From ${least} to ${most}. Default ${value}: ${why}.`),
      ]),
    ),
  )
  .catchall(z.number())
  .prefault({})
  .describe(
    "Numbers of rules by name. Those of the shipped rules have a default here; a rule of your own gives a number a name by `x_engine.threshold` (docs/rule-language.md).",
  );
