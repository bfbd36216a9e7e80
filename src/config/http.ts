/**
 * The section `http`: where health, readiness and metrics are served.
 *
 * Its default can be set from outside by $SAGEWATCH_HTTP, as the container image does: inside a container the loopback
 * address reaches nobody. What the file says stands over that. Only the schema is here; ops/http serves.
 */
import { z } from "zod";
import { SagewatchError } from "../model/errors.ts";

export type HttpConfig = { readonly enabled: boolean; readonly host: string; readonly port: number };

/**
 * 9464 is what OpenTelemetry's Prometheus exporters listen on, so scrapers know it; it is below the ports that systems
 * hand out to clients. https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#prometheus-exporter
 */
const DEFAULT: HttpConfig = { enabled: true, host: "127.0.0.1", port: 9464 };

/** Reads $SAGEWATCH_HTTP: "off" or HOST:PORT, IPv6 in brackets. Empty: the default. Errors: config_invalid. */
export function parseHttpDefault(text: string | undefined): HttpConfig {
  if (text === undefined || text === "") return DEFAULT;
  if (text === "off") return { ...DEFAULT, enabled: false };
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host !== undefined && Number(port) <= 65_535) return { enabled: true, host, port: Number(port) };
  throw new SagewatchError(
    "config_invalid",
    `$SAGEWATCH_HTTP must be off or HOST:PORT, such as 0.0.0.0:9464, is ${JSON.stringify(text.slice(0, 60))}`,
  );
}

/** The schema; `fallback` gives its defaults. */
export function httpSchema(fallback: HttpConfig = DEFAULT): z.ZodType<HttpConfig> {
  return z
    .strictObject({
      enabled: z
        .boolean()
        .default(fallback.enabled)
        .describe(
          "false: nothing is served. Default true: a daemon that nobody can ask for its health fails unseen. $SAGEWATCH_HTTP=off makes it false.",
        ),
      host: z
        .string()
        .min(1)
        .default(fallback.host)
        .describe(
          "Address to listen on. Default 127.0.0.1: what is served says much of the set-up and asks nobody who they are. $SAGEWATCH_HTTP=HOST:PORT sets another default; the container image has 0.0.0.0:9464.",
        ),
      port: z
        .int()
        .min(0)
        .max(65_535)
        .default(fallback.port)
        .describe(
          "Port; 0 takes any that is free, which the log line `http_opened` names. Default 9464, where OpenTelemetry's Prometheus exporters listen, so that scrapers know it.",
        ),
    })
    .prefault({})
    .describe(
      "`GET /health` (alive), `/ready` (503 with reasons while it is not) and `/metrics` (Prometheus) of `sagewatch run`.",
    );
}
