/**
 * The configuration: one schema, every default in it, each key with its meaning, unit and the reason of its default.
 *
 * docs/config.md is generated from here and from the schemas of the source and sink registries. Unknown keys are refused
 * everywhere. What a key names elsewhere in the file (an account's calendar) is checked here too, so that `loadConfig`
 * can tell all faults at once. Reading files and variables is load.ts's task; nothing is read here.
 */
import { z } from "zod";
import { durationSchema, sizeSchema } from "../model/settings.ts";
import { type Adapters, adapterListSchema, type AdapterConfig, checkWhen } from "./adapters.ts";
import { type CalendarConfig, calendarsSchema } from "./calendars.ts";
import { type HttpConfig, httpSchema } from "./http.ts";
import { type EnrichConfig, enrichSchema } from "./enrich.ts";
import { type RepairConfig, repairSchema } from "./past/repair.ts";
import { SHIPPED_RULES, SHIPPED_WORD } from "./shipped.ts";
import { checkSilences, type SelfWatchConfig, selfWatchSchema } from "./watch/self-watch.ts";
import { type TelemetryConfig, telemetrySchema } from "./telemetry.ts";
import { type ListConfig, listsSchema } from "./tuning/lists.ts";
import { checkTuning, joinTuning, type TuningConfig, tuningSchema } from "./tuning/tuning.ts";

/** What is known of an AWS account. Empty texts where the file says nothing. */
export type AccountConfig = {
  readonly name: string;
  readonly env: string;
  readonly owner: string;
  readonly calendar: string;
};

/** The resolved configuration: defaults filled in, durations in ms, sizes in bytes. */
export type Config = {
  readonly state: {
    readonly dir: string;
    readonly memoryBytes: number;
    readonly ruleShare: number;
    readonly accountShare: number;
    readonly prompts: boolean;
  };
  readonly sources: readonly AdapterConfig[];
  readonly sinks: readonly AdapterConfig[];
  readonly rules: {
    /** Null: the rules that come with Sagewatch. */
    readonly paths: readonly string[] | null;
    readonly strict: boolean;
    readonly retired: boolean;
    readonly watch: boolean;
    /** Field → value, in lower case. */
    readonly logsource: Readonly<Record<string, string>>;
  };
  /** By account id. */
  readonly accounts: Readonly<Record<string, AccountConfig>>;
  /** All thresholds of the shipped rules, and the same lists and calendars as below. */
  readonly tuning: TuningConfig;
  /** By name. `business` is always there. */
  readonly calendars: Readonly<Record<string, CalendarConfig>>;
  /** By name, for `|expand`. */
  readonly lists: Readonly<Record<string, ListConfig>>;
  readonly limits: {
    readonly recordBytes: number;
    readonly depth: number;
    readonly gzipRatio: number;
  };
  readonly commit: {
    readonly intervalMs: number;
    readonly records: number;
    readonly bytes: number;
    readonly matches: number;
  };
  /** ms. */
  readonly updateEvery: number;
  readonly repair: RepairConfig;
  readonly enrich: EnrichConfig;
  readonly selfWatch: SelfWatchConfig;
  readonly log: { readonly level: LogLevel };
  readonly http: HttpConfig;
  readonly telemetry: TelemetryConfig;
};

/** Levels of the log, from the most talkative. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const MIB = 1024 * 1024;
const DEFAULT_STATE_DIR = "./sagewatch-state";

const rules = z
  .strictObject({
    paths: z
      .array(
        z
          .string()
          .min(1)
          .transform((path) => (path === SHIPPED_WORD ? SHIPPED_RULES : path)),
      )
      .min(1)
      .nullable()
      .default(null)
      .describe(
        "Rule files and folders, read in this order. Default: the rules that come with Sagewatch, so that a first start detects something. Naming paths takes their place; the word `shipped` among them keeps them.",
      ),
    strict: z
      .boolean()
      .default(false)
      .describe(
        "true: rules of your own must pass the strict checks that the shipped rules pass. Default false: rules written for other tools load when their meaning is clear.",
      ),
    retired: z
      .boolean()
      .default(false)
      .describe(
        "true: rules with the status `deprecated` or `unsupported` are loaded too. Default false: whoever retired them had a reason, and each that is left out is told by a warning.",
      ),
    watch: z
      .boolean()
      .default(true)
      .describe(
        "true: rule files are watched, and a change is in use 2 s after the last file changed. Default true: whoever mends a rule expects it to run, and a set with an error changes nothing and is told. false: only SIGHUP and `sagewatch rules reload` read rules again.",
      ),
    logsource: z
      .record(
        z
          .string()
          .regex(/^(?!(?:category|product|service|definition)$)[A-Za-z][\w-]{0,63}$/, "must be a name of your own"),
        z
          .string()
          .min(1)
          .transform((value) => value.toLowerCase()),
      )
      .default({})
      .describe(
        "Fields of your own that all inputs have beside category, product and service, such as `{tenant: acme}`: a rule that states them in its log source meets records where the values are the same, and `rules check` knows them. Default none.",
      ),
  })
  .describe("Which rules run.");

const accounts = z
  .record(
    z.string().regex(/^\d{12}$/, "must be an account id: 12 digits in quotes"),
    z.strictObject({
      name: z.string().default("").describe("Name that alerts show beside the id."),
      env: z.string().default("").describe("For example prod or dev."),
      owner: z.string().default("").describe("Who answers for the account."),
      calendar: z.string().default("business").describe("Name of one of `calendars`. Default `business`."),
    }),
  )
  .default({})
  .describe("Your AWS accounts by id (in quotes: a leading 0 counts). Default none: alerts then show the bare id.");

const limits = z
  .strictObject({
    recordBytes: sizeSchema({ least: 1024, most: MIB })
      .prefault("1 MiB")
      .describe(
        "Largest record. Larger ones go to quarantine (`too_big`). Default 1 MiB: CloudTrail records stay below 256 KiB.",
      ),
    depth: z
      .int()
      .min(8)
      .max(256)
      .default(64)
      .describe(
        "Deepest nesting of a record, checked before it is parsed (`too_deep`). Default 64: real records stay below 20.",
      ),
    gzipRatio: z
      .int()
      .min(10)
      .max(1100)
      .default(200)
      .describe(
        "A file may unpack to this many times its size after its first 1 MiB (`gzip_ratio`). Default 200: delivery files measure 9; a gzip bomb 1,000.",
      ),
  })
  .describe("Guards against hostile or broken input.");

const commit = z
  .strictObject({
    intervalMs: z
      .int()
      .min(10)
      .max(5000)
      .default(250)
      .describe(
        "Longest wait before a commit, in ms. Default 250: alerts leave in under a second and the disk syncs four times a second.",
      ),
    records: z
      .int()
      .min(1)
      .max(100_000)
      .default(6000)
      .describe(
        "Records that bring a commit forward. Default 6000: 50 to 100 ms of catching up, which is what a crash repeats.",
      ),
    bytes: sizeSchema({ least: 64 * 1024, most: 256 * MIB })
      .prefault("8 MiB")
      .describe("Bytes of records that bring a commit forward. Default 8 MiB: 6000 records of usual size."),
    matches: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(2000)
      .describe(
        "Matches of rules that bring a commit forward, once 2000 records are in it. Default 2000: groups that a commit opens stay in memory until its end, and a flood of principals takes 100 MiB more with 6000.",
      ),
  })
  .describe("When one transaction is written: at whichever of these comes first.");

const shareSchema = z.number().min(0.05).max(1).default(0.8);

const state = (defaultDir: string): z.ZodType<Config["state"]> =>
  z
    .strictObject({
      dir: z
        .string()
        .min(1)
        .default(defaultDir)
        .describe(
          "Folder of the state file, the lock and the socket; made with mode 0700. Default: $SAGEWATCH_STATE_DIR where set (the container image sets /var/lib/sagewatch), else ./sagewatch-state. Must be a local disk, not a network file system.",
        ),
      memoryBytes: sizeSchema({ least: 16 * MIB, most: 64 * 1024 * MIB })
        .prefault("512 MiB")
        .describe(
          "Memory that correlations may take over the 100 MiB of an idle engine; 144 MiB of it, or a quarter, is room to work in. When it is full the groups that are farthest from their rule's threshold are forgotten, and an alert says so. Default 512 MiB: over a million groups of few events.",
        ),
      ruleShare: shareSchema.describe(
        "Share of memoryBytes that one rule may take. Default 0.8: a flood that one rule counts leaves a fifth to the others.",
      ),
      accountShare: shareSchema.describe(
        "Share of memoryBytes that the events of one account may take. Default 0.8: a flood in one account leaves a fifth to the others, and who has one account loses little.",
      ),
      prompts: z
        .boolean()
        .default(false)
        .describe(
          "Keep what people and models said, which Bedrock's model-invocation log has, in the records that stand beside alerts and in the quarantine. Default false: kept are tokens, model, identity and what a guardrail did, and of a broken record of that log its place alone. Alerts that sinks get have none of it either way.",
        ),
    })
    .describe("Where Sagewatch keeps what it knows.");

const log = z
  .strictObject({
    level: z
      .enum(LOG_LEVELS)
      .default("info")
      .describe("Least level that is written. Default info: a few lines a minute."),
  })
  .describe("The log: JSON lines on stderr.");

/** Defaults that the surroundings may override. */
export type OuterDefaults = { readonly stateDir?: string | undefined; readonly http?: HttpConfig };

/** Builds the schema for the adapters at hand. */
export function createConfigSchema(adapters: Adapters, defaults: OuterDefaults = {}): z.ZodType<Config> {
  return z
    .strictObject({
      state: state(defaults.stateDir ?? DEFAULT_STATE_DIR).prefault({}),
      sources: adapterListSchema("source", adapters.sources).describe(
        "Where records come from, each with a `type`. Default none: `run` needs at least one.",
      ),
      sinks: adapterListSchema("sink", adapters.sinks).describe(
        "Where alerts go, each with a `type`. Default none: `run` needs at least one.",
      ),
      rules: rules.prefault({}),
      accounts,
      tuning: tuningSchema,
      calendars: calendarsSchema,
      lists: listsSchema,
      limits: limits.prefault({}),
      commit: commit.prefault({}),
      updateEvery: durationSchema({ least: 1000, most: 86_400_000 })
        .prefault("60s")
        .describe(
          "An alert that grows is sent again at most once in this time, and once more when it is final. Default 60s: people see growth, receivers see no flood.",
        ),
      repair: repairSchema,
      enrich: enrichSchema.prefault({}),
      selfWatch: selfWatchSchema,
      log: log.prefault({}),
      http: httpSchema(defaults.http),
      telemetry: telemetrySchema,
    })
    .superRefine((config, check) => {
      const calendars = { ...config.calendars, ...config.tuning.calendars };
      for (const [id, account] of Object.entries(config.accounts)) {
        if (Object.hasOwn(calendars, account.calendar)) continue;
        const message = `no calendar has this name; there are: ${Object.keys(calendars).join(", ")}`;
        check.addIssue({ code: "custom", path: ["accounts", id, "calendar"], message, input: account.calendar });
      }
      checkTuning(config, check);
      checkWhen(config, check);
      checkSilences(config, check);
    })
    .transform(joinTuning);
}
