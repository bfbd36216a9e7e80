/**
 * What all sinks share: the settings that each has, what compose hands to each, and the shape of a registry entry.
 *
 * Which alerts a sink wants (`minSeverity`, `when`) is decided by routing before the commit; a sink sends what it is given.
 */
import type { Writable } from "node:stream";
import { z } from "zod";
import type { Need } from "../aws/needs.ts";
import type { Sink } from "../contracts.ts";
import type { Clock } from "../lib/clock.ts";
import { SEVERITIES, type Severity } from "../model/alert.ts";
import type { When } from "../model/outbox.ts";
import type { Probe } from "../model/probe.ts";
import { sizeSchema } from "../model/settings.ts";

/** Settings of every sink. */
export type SharedSettings = {
  /** Names the sink in the outbox, in signals and on the command line. Renaming it makes it another sink. */
  readonly name: string;
  /** Alerts below are not for this sink. Default informational: all. */
  readonly minSeverity: Severity;
  /** Further conditions. Left out: none. */
  readonly when?: When | undefined;
  /** What happens when `outboxMax` bytes of alerts wait for the sink: required, input stops; best_effort, the oldest are dropped. */
  readonly delivery: "required" | "best_effort";
  /** Bytes of alerts that may wait for the sink. */
  readonly outboxMax: number;
};

/** What compose hands to every sink beside its settings. */
export type SinkDeps = {
  /** Of Sagewatch, for alerts that name their maker. */
  readonly version: string;
  /** Standard output, or what stands for it. `columns` and `hasColors` as on a terminal. */
  readonly stdout: Writable & { readonly columns?: number; hasColors?(): boolean };
  /** For waits and time-outs. Default: the machine's. */
  readonly clock?: Clock;
};

/** An entry of the registry: the schema of the settings, strict, with every default in it, and the factory. */
export type SinkType<Config extends SharedSettings> = {
  readonly schema: z.ZodType<Config> & z.ZodObject;
  /** Opens nothing yet: a sink that is down at start delays nobody. */
  create(config: Config, deps: SinkDeps): Sink;
  /** What it needs of AWS. Default nothing. Errors by code: config_invalid. */
  needs?(config: Config): readonly Need[];
  /** What `sagewatch doctor` tries of it. Default nothing. Errors by code: config_invalid. */
  probes?(config: Config): readonly Probe[];
  /** The file that a sink alone may write; files beside it as PATH.1, PATH.2 … are its own too. */
  readonly writes?: (config: Config) => string;
};

const some = (what: string): z.ZodOptional<z.ZodArray<z.ZodString>> =>
  z.array(z.string().min(1)).min(1).optional().describe(what);

const when = z
  .strictObject({
    minSeverity: z.enum(SEVERITIES).optional().describe("Least severity, over the sink's own `minSeverity`."),
    tags: some("Tags of the rule, such as attack.exfiltration or attack.t1496; a * at the end fits any rest."),
    accounts: some("Accounts, by id or by their name in `accounts`."),
    rules: some("Rules, by id, name or title; a * at the end fits any rest."),
    sources: some("Sources, by name, of which an event of the alert's evidence came."),
    operational: z
      .boolean()
      .optional()
      .describe("What Sagewatch says of itself (`sagewatch.*`), which the lists let pass. Default true."),
  })
  .optional();

/** Members of a schema for the shared settings. `name` is by default the type, which is enough for one sink a type. */
export function sharedShape(type: string): {
  name: z.ZodDefault<z.ZodString>;
  minSeverity: z.ZodDefault<z.ZodEnum<{ [Level in Severity]: Level }>>;
  when: z.ZodOptional<z.ZodType<When>>;
  delivery: z.ZodDefault<z.ZodEnum<{ required: "required"; best_effort: "best_effort" }>>;
  outboxMax: z.ZodType<number, string | number | undefined>;
} {
  return {
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, "must be 1 to 64 letters, digits, '_', '.' or '-'")
      .default(type)
      .describe("Names the sink in the outbox, signals and commands."),
    minSeverity: z.enum(SEVERITIES).default("informational").describe("Least severity that this sink gets."),
    when,
    delivery: z
      .enum(["required", "best_effort"])
      .default("required")
      .describe(
        "When `outboxMax` of alerts wait: required stops the input until there is room, so that none is lost; best_effort drops the oldest, counted.",
      ),
    outboxMax: sizeSchema({ least: 1024 * 1024, most: 1024 ** 4 })
      .prefault("2 GiB")
      .describe(
        "Bytes of alerts that may wait for the sink, an estimate: their exact number times the average size of the 256 that are due last. Default 2 GiB: a million alerts, days of an outage.",
      ),
  };
}
