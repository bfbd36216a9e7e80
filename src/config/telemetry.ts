/**
 * The section `telemetry`: whether metrics are also sent to an OpenTelemetry collector.
 *
 * Off until an endpoint is named: Sagewatch sends nothing anywhere that the file does not name. Headers hold keys, so they
 * are secrets. Only the schema is here; ops/telemetry sends.
 */
import { z } from "zod";
import type { Secret } from "../model/secret.ts";
import { secretSchema } from "../model/settings.ts";

export type TelemetryConfig = {
  readonly otlp: {
    /** Null: nothing is sent. */
    readonly endpoint: string | null;
    readonly headers: Readonly<Record<string, Secret>>;
    readonly intervalMs: number;
    readonly attributes: Readonly<Record<string, string>>;
  };
};

const otlp = z
  .strictObject({
    endpoint: z
      .string()
      .refine(isPlainUrl, "must be an http or https address without user name or password; keys belong in `headers`")
      .nullable()
      .default(null)
      .describe(
        "Whole address of a collector that takes OTLP over HTTP as JSON, such as http://127.0.0.1:4318/v1/metrics. Default none: nothing is sent.",
      ),
    headers: z
      .record(z.string().regex(/^[A-Za-z0-9-]{1,64}$/, "must be a header's name"), secretSchema())
      .default({})
      .describe("Headers by name, each a secret: {env: NAME} or {file: PATH}. Default none."),
    intervalMs: z
      .int()
      .min(1000)
      .max(3_600_000)
      .default(60_000)
      .describe("How often metrics are sent, ms. Default 60000, OpenTelemetry's own."),
    attributes: z
      .record(z.string().min(1).max(128), z.string().max(256))
      .default({})
      .describe(
        "Resource attributes beside `service.name` and `service.version`, such as deployment.environment.name. Default none.",
      ),
  })
  .prefault({});

export const telemetrySchema: z.ZodType<TelemetryConfig> = z
  .strictObject({ otlp })
  .prefault({})
  .describe("Metrics sent to an OpenTelemetry collector, beside `/metrics`.");

function isPlainUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
}
