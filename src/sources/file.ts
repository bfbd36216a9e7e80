/**
 * The `file` source: files, folders and globs of CloudTrail and GuardDuty records, once or as a watched spool folder.
 *
 * `once` is a historic run over what is there; `watch` is live. A file's position is the number of its records taken in,
 * then "done", so that a restart goes on inside it. It never moves or deletes a file unless `afterRead` says so, and then
 * only when everything read from it is committed. A file that cannot be read is a warning, not an end.
 */
import { z } from "zod";
import type { Source } from "../contracts.ts";
import { durationSchema, sizeSchema } from "../model/settings.ts";
import { readOnce } from "./file-once.ts";
import { readWatched } from "./file-watch.ts";
import type { SourceDeps, SourceType } from "./settings.ts";

/** Settings of a file source, defaults filled in; durations in ms, sizes in bytes. */
export type FileSourceConfig = {
  readonly type: "file";
  readonly name: string;
  readonly paths: readonly string[];
  readonly mode: "once" | "watch";
  readonly pattern?: string | undefined;
  readonly afterRead: "keep" | "delete" | { readonly moveTo: string };
  readonly lateness: number;
  readonly idle: number;
  readonly follow?: number | undefined;
  readonly limits: { readonly recordBytes: number; readonly depth: number; readonly gzipRatio: number };
};

const [MINUTE_MS, KIB, MIB] = [60_000, 1024, 1024 * 1024] as const;

const limitsSchema = z.strictObject({
  recordBytes: sizeSchema({ least: KIB, most: MIB })
    .default(MIB)
    .describe("Largest record. CloudTrail's own limit is 256 KB; a larger one goes to quarantine."),
  depth: z
    .int()
    .min(8)
    .max(256)
    .default(64)
    .describe("Deepest nesting of a record. The deepest seen in real records is 11."),
  gzipRatio: z
    .int()
    .min(10)
    .max(1100)
    .default(200)
    .describe("Unpacked bytes for each packed one, after the first MiB. CloudTrail files come to 9."),
});

/** Schema of the settings. */
const fileSchema = z.strictObject({
  type: z.literal("file"),
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, "must be 1 to 64 letters, digits, '_', '.' or '-'")
    .default("file")
    .describe("Names the source in positions, signals and commands."),
  paths: z.array(z.string().min(1)).min(1).describe("Files, folders (with all below them) and globs."),
  mode: z
    .enum(["once", "watch"])
    .default("watch")
    .describe("`watch` takes files as they come; `once` reads what is there, by event time, and ends."),
  pattern: z
    .string()
    .min(1)
    .optional()
    .describe("Glob that file names must match; with a / in it, paths under the folder."),
  afterRead: z
    .union([z.enum(["keep", "delete"]), z.strictObject({ moveTo: z.string().min(1) })])
    .default("keep")
    .describe("What becomes of a file once all read from it is committed: keep, delete, or {moveTo: FOLDER}."),
  lateness: durationSchema()
    .default(30 * MINUTE_MS)
    .describe(
      "How far behind the newest event a record may be before it is late. 30m is 3 times the longest delay measured in real files.",
    ),
  idle: durationSchema()
    .default(20 * MINUTE_MS)
    .describe("watch: a source quiet for so long no longer holds back others."),
  follow: durationSchema()
    .optional()
    .describe(
      "once: for files without a time slot in their names, follow the newest event − this. Default: wait for the end of the files.",
    ),
  limits: limitsSchema.default({ recordBytes: MIB, depth: 64, gzipRatio: 200 }).describe("Bounds of what is taken in."),
});

/** Makes the source. Errors by code, from `read`: not_found (a path that does not exist). */
export function createFileSource(config: FileSourceConfig, deps: SourceDeps): Source {
  const isLive = config.mode === "watch";
  const told = new Set<string>();
  const once: SourceDeps = {
    ...deps,
    warn(text) {
      if (told.has(text)) return;
      // Enough to keep a broken folder quiet; a flood of different lines starts anew.
      if (told.size >= 1000) told.clear();
      told.add(text);
      deps.warn(text);
    },
  };
  return {
    name: config.name,
    logsources: ["aws/cloudtrail", "aws/guardduty"],
    timing: {
      mode: isLive ? "live" : "historic",
      latenessMs: config.lateness,
      idleMs: config.idle,
      followMs: config.follow ?? null,
    },
    read: (positions, signal) => (isLive ? readWatched : readOnce)({ config, deps: once, positions }, signal),
  };
}

/** The registry's entry. */
export const fileSource: SourceType<FileSourceConfig> = { schema: fileSchema, create: createFileSource };
