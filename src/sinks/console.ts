/**
 * The sink `console`: alerts on standard output, as rows of a table, as brief lines or as lines of JSON.
 *
 * For a first look and for pipes. An alert is accepted when the stream took it over, which says nothing about who reads
 * it: use the `file` sink where alerts must not be lost. Standard output is never closed. Nothing that is written can
 * steer a terminal.
 *
 * Codes: `stream_failed` (unknown: the stream reported an error, such as a closed pipe), `aborted` (unknown),
 * `encode_failed` (refused).
 */
import { IANAZone } from "luxon";
import { z } from "zod";
import type { OutboxItem, SendResult, Sink } from "../contracts.ts";
import { renderBrief, renderTable, type RowOptions } from "../encode/table.ts";
import { encodeItems, LINE_FORMATS, toLineEncoder, type Encoded } from "./lines.ts";
import { sharedShape, type SharedSettings, type SinkDeps, type SinkType } from "./settings.ts";

/** Settings of a console sink. */
export type ConsoleSinkConfig = SharedSettings & {
  readonly type: "console";
  /** `json` is another word for `native`. */
  readonly format: "table" | "brief" | "json" | "native" | "ocsf";
  /** IANA zone of the times in forms for people. */
  readonly tz: string;
};

const schema = z.strictObject({
  type: z.literal("console"),
  ...sharedShape("console"),
  format: z
    .enum(["table", "brief", "json", ...LINE_FORMATS])
    .default("table")
    .describe(
      "A readable table; brief: a line an alert with time, severity and title; or one JSON object a line: native (also called json) or ocsf.",
    ),
  tz: z
    .string()
    .refine((zone) => IANAZone.isValidZone(zone), "is no IANA time zone, such as UTC or Europe/Berlin")
    .default("UTC")
    .describe("Time zone of the times in table and brief; JSON is always in UTC."),
});

/** Screen cells of a line where nothing says how wide the stream is: a log, in which an alert has a line of its own, for grep. */
const WIDTH_ELSEWHERE = 300;

/** 256 rows a write keep a terminal fluent; 4 MiB bounds the text held for one write. */
const LIMITS: Sink["limits"] = { maxItems: 256, maxBytes: 4 * 1024 * 1024, lane: () => 0, part: () => "" };

/** Writes to `deps.stdout`. */
export function createConsoleSink(config: ConsoleSinkConfig, deps: SinkDeps): Sink {
  const { stdout } = deps;
  // A stream tells of a failed write twice, to the writer and as an event; without a listener the event ends the process.
  const ignore = (): void => undefined;
  stdout.on("error", ignore);
  let head = true;

  const write = (text: string): Promise<SendResult> => {
    const { promise, resolve } = Promise.withResolvers<SendResult>();
    stdout.write(text, (error) =>
      resolve(error ? { status: "unknown", code: "stream_failed" } : { status: "accepted" }),
    );
    return promise;
  };

  return {
    name: config.name,
    limits: LIMITS,
    send: async (items, signal) => {
      const encoded = encode(items, config, deps);
      if (signal.aborted) return encoded.answer({ status: "unknown", code: "aborted" });
      const title = head && config.format === "table" ? renderTable([], toOptions(config, deps)) : "";
      const written = await write(title + encoded.lines.map((line) => `${line}\n`).join(""));
      if (written.status === "accepted") head = false;
      return encoded.answer(written);
    },
    close: async () => void stdout.off("error", ignore),
  };
}

function encode(items: readonly OutboxItem[], { format, ...config }: ConsoleSinkConfig, deps: SinkDeps): Encoded {
  const options = { ...toOptions({ format, ...config }, deps), head: false };
  if (format === "table") return encodeItems(items, ({ alert }) => renderTable([alert], options).trimEnd());
  if (format === "brief") return encodeItems(items, ({ alert }) => renderBrief(alert, options).trimEnd());
  return encodeItems(items, toLineEncoder(format === "json" ? "native" : format, deps.version));
}

function toOptions({ tz }: ConsoleSinkConfig, { stdout }: SinkDeps): RowOptions {
  const colour = stdout.hasColors?.() === true;
  return { width: stdout.columns ?? WIDTH_ELSEWHERE, zone: tz, colour, steady: true, markUpdates: true };
}

/** Registry entry of `type: console`. */
export const consoleSink: SinkType<ConsoleSinkConfig> = { schema, create: createConsoleSink };
