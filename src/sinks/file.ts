/**
 * The sink `file`: one alert a line in a file that rotates by size.
 *
 * An alert is accepted once its line is on the disk. A crash at any moment leaves whole lines and at most one torn one,
 * which the next start cuts off before it writes; the alerts of an unanswered write come again under the same id and
 * revision, so a reader may see a line twice and never a half. ./rotating-file.ts does the writing.
 *
 * Codes, all unknown but the last, for a person can mend them and no alert should be lost meanwhile: `disk_full`,
 * `not_permitted`, `path_missing`, `write_failed`, `aborted`; `encode_failed` (refused).
 */
import { z } from "zod";
import type { Sink } from "../contracts.ts";
import { encodeItems, LINE_FORMATS, toLineEncoder, type LineFormat } from "./lines.ts";
import { createRotatingFile } from "./rotating-file.ts";
import { sharedShape, type SharedSettings, type SinkDeps, type SinkType } from "./settings.ts";

/** Settings of a file sink. */
export type FileSinkConfig = SharedSettings & {
  readonly type: "file";
  /** The newest alerts; older files stand beside it as PATH.1 (newest) to PATH.N. Missing folders are made, mode 0700. */
  readonly path: string;
  readonly format: LineFormat;
  /** A write that would make the file larger goes to a new one. */
  readonly maxBytes: number;
  /** Older files kept; the oldest beyond is deleted. */
  readonly keep: number;
};

const schema = z.strictObject({
  type: z.literal("file"),
  ...sharedShape("file"),
  path: z.string().min(1).describe("File of the newest alerts; older ones are PATH.1 to PATH.N."),
  format: z.enum(LINE_FORMATS).default("native").describe("Form of each line."),
  maxBytes: z
    .int()
    .min(4096)
    .default(100 * 1024 * 1024)
    // 100 MiB: about 50,000 alerts of 2 KB, still quick to search, and with 10 kept files 1.1 GiB at most.
    .describe("Bytes of a file before it rotates; default 100 MiB, which is about 50,000 alerts."),
  keep: z.int().min(1).max(1000).default(10).describe("Rotated files to keep."),
});

/** 1,000 lines a write share one wait for the disk; 4 MiB bounds the text held for it. */
const LIMITS: Sink["limits"] = { maxItems: 1000, maxBytes: 4 * 1024 * 1024, lane: () => 0, part: () => "" };

/** Opens the file with the first alert. */
export function createFileSink(config: FileSinkConfig, { version }: Pick<SinkDeps, "version">): Sink {
  const file = createRotatingFile(config);
  const encode = toLineEncoder(config.format, version);
  return {
    name: config.name,
    limits: LIMITS,
    send: async (items, signal) => {
      const encoded = encodeItems(items, encode);
      if (signal.aborted) return encoded.answer({ status: "unknown", code: "aborted" });
      if (encoded.lines.length === 0) return encoded.answer({ status: "accepted" });
      try {
        await file.append(encoded.lines.map((line) => `${line}\n`).join(""));
        return encoded.answer({ status: "accepted" });
      } catch (error) {
        return encoded.answer({ status: "unknown", code: toCode(error) });
      }
    },
    close: () => file.close(),
  };
}

function toCode(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case "ENOSPC":
    case "EDQUOT":
      return "disk_full";
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return "not_permitted";
    case "ENOENT":
    case "ENOTDIR":
    case "EISDIR":
    case "EEXIST":
      return "path_missing";
    default:
      return "write_failed";
  }
}

/** Registry entry of `type: file`. */
export const fileSink: SinkType<FileSinkConfig> = {
  schema,
  create: createFileSink,
  writes: ({ path }) => path,
};
