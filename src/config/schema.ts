/**
 * The configuration: one schema, every default in it, each key with its meaning, unit and the reason of its default.
 *
 * docs/config.md is generated from here and from the schemas of the source and sink registries. Unknown keys are refused
 * everywhere. What a key names elsewhere in the file (an account's calendar) is checked here too, so that `loadConfig`
 * can tell all faults at once. Reading files and variables is load.ts's task; nothing is read here.
 */
import { z } from "zod";
import { durationSchema, sizeSchema } from "../model/settings.ts";
import { type Adapters, adapterListSchema, type AdapterConfig } from "./adapters.ts";
import { type CalendarConfig, calendarsSchema, nameSchema } from "./calendars.ts";
import { SHIPPED_RULES, SHIPPED_WORD } from "./shipped.ts";

/** What a list holds; decides how rules compare with its values. */
export type ListConfig = {
  readonly type: "string" | "wildcard" | "cidr" | "regex" | "account";
  readonly values: readonly string[];
};

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
  };
  readonly sources: readonly AdapterConfig[];
  readonly sinks: readonly AdapterConfig[];
  readonly rules: {
    /** Null: the rules that come with Sagewatch. */
    readonly paths: readonly string[] | null;
    readonly strict: boolean;
    readonly watch: boolean;
  };
  /** By account id. */
  readonly accounts: Readonly<Record<string, AccountConfig>>;
  /** By name. `business` is always there. */
  readonly calendars: Readonly<Record<string, CalendarConfig>>;
  /** By name, for `|expand`. */
  readonly lists: Readonly<Record<string, ListConfig>>;
  readonly limits: {
    readonly recordBytes: number;
    readonly depth: number;
    readonly gzipRatio: number;
  };
  readonly commit: { readonly intervalMs: number; readonly records: number; readonly bytes: number };
  /** ms. */
  readonly updateEvery: number;
  readonly log: { readonly level: LogLevel };
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
    watch: z
      .boolean()
      .default(true)
      .describe(
        "true: rule files are watched, and a change is in use 2 s after the last file changed. Default true: whoever mends a rule expects it to run, and a set with an error changes nothing and is told. false: only SIGHUP and `sagewatch rules reload` read rules again.",
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

const lists = z
  .record(
    nameSchema,
    z.strictObject({
      type: z
        .enum(["string", "wildcard", "cidr", "regex", "account"])
        .default("string")
        .describe(
          "How rules compare: whole text, `*` and `?` as wildcards, address range, regular expression, or account id. Default string, the least surprising.",
        ),
      values: z.array(z.string()).describe("The values. An empty list matches nothing."),
    }),
  )
  .default({})
  .describe("Lists that rules name by `|expand` and %NAME%. Default none beside those that come with the rules.");

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
      .default(2000)
      .describe("Records that bring a commit forward. Default 2000: bounds what a crash repeats."),
    bytes: sizeSchema({ least: 64 * 1024, most: 256 * MIB })
      .prefault("4 MiB")
      .describe("Bytes of records that bring a commit forward. Default 4 MiB: the size of a full batch."),
  })
  .describe("When one transaction is written: at whichever of the three comes first.");

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
          "Memory that correlations may take over the 100 MiB of an idle engine; 128 MiB of it, or a quarter, is room to work in. When it is full the groups that are farthest from their rule's threshold are forgotten, and an alert says so. Default 512 MiB: over a million groups of few events.",
        ),
      ruleShare: shareSchema.describe(
        "Share of memoryBytes that one rule may take. Default 0.8: a flood that one rule counts leaves a fifth to the others.",
      ),
      accountShare: shareSchema.describe(
        "Share of memoryBytes that the events of one account may take. Default 0.8: a flood in one account leaves a fifth to the others, and who has one account loses little.",
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

/** Builds the schema for the adapters at hand. `stateDir` overrides the default of state.dir. */
export function createConfigSchema(adapters: Adapters, stateDir: string = DEFAULT_STATE_DIR): z.ZodType<Config> {
  return z
    .strictObject({
      state: state(stateDir).prefault({}),
      sources: adapterListSchema("source", adapters.sources).describe(
        "Where records come from, each with a `type`. Default none: `run` needs at least one.",
      ),
      sinks: adapterListSchema("sink", adapters.sinks).describe(
        "Where alerts go, each with a `type`. Default none: `run` needs at least one.",
      ),
      rules: rules.prefault({}),
      accounts,
      calendars: calendarsSchema,
      lists,
      limits: limits.prefault({}),
      commit: commit.prefault({}),
      updateEvery: durationSchema({ least: 1000, most: 86_400_000 })
        .prefault("60s")
        .describe(
          "An alert that grows is sent again at most once in this time, and once more when it is final. Default 60s: people see growth, receivers see no flood.",
        ),
      log: log.prefault({}),
    })
    .superRefine((config, check) => {
      for (const [id, account] of Object.entries(config.accounts)) {
        if (Object.hasOwn(config.calendars, account.calendar)) continue;
        const message = `no calendar has this name; there are: ${Object.keys(config.calendars).join(", ")}`;
        check.addIssue({ code: "custom", path: ["accounts", id, "calendar"], message, input: account.calendar });
      }
    });
}
