/**
 * Settings of the `file` source: the schema with every default, from which docs/config.md is made as well.
 */
import { resolve } from "node:path";
import { z } from "zod";
import { globRoot, isGlob } from "../../lib/glob.ts";
import { durationSchema } from "../../model/settings.ts";
import type { SourceType } from "../settings.ts";

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
};

const MINUTE_MS = 60_000;

/** Schema of the settings. */
export const fileSchema: SourceType<FileSourceConfig>["schema"] = z
  .strictObject({
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
      .describe(
        "What becomes of a file once all read from it is committed: keep, delete, or {moveTo: FOLDER}. FOLDER may lie in a folder that is read: it is passed over there.",
      ),
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
  })
  .refine(({ paths, afterRead }) => typeof afterRead === "string" || !isSearched(afterRead.moveTo, paths), {
    path: ["afterRead", "moveTo"],
    message:
      "must not be a folder that `paths` searches, or its files would be read for ever; name another, also one below it",
  });

function isSearched(folder: string, paths: readonly string[]): boolean {
  return paths.some((path) => resolve(isGlob(path) ? globRoot(path) : path) === resolve(folder));
}
