/**
 * The pieces that every configuration schema is made of: durations, sizes and secrets.
 *
 * They stand here, below the adapters, because each adapter declares the schema of its own options. A piece tells in its
 * metadata what it is (`format`), from which the printed configuration and docs/config.md are made. Nothing is read here.
 */
import { z } from "zod";
import { formatDuration, formatSize, parseDuration, parseSize } from "../lib/duration.ts";
import { createSecret, type Secret, type SecretRef } from "./secret.ts";

/** Key in the params of a secret's issue, by which its value is kept out of every message. */
const SECRET_FAULT = "secretFault";

/** Reads an issue's params: "plain" when a secret stood in plain text, "malformed" for other wrong secrets, else null. */
export function toSecretFault(params: unknown): "plain" | "malformed" | null {
  const fault = (params as Record<string, unknown> | undefined)?.[SECRET_FAULT];
  return fault === "plain" || fault === "malformed" ? fault : null;
}

/** A duration text ("30m", "1h30m") to ms. `least` and `most` are ms, both included; default 0 and 366 days. */
export function durationSchema(
  range: { readonly least?: number; readonly most?: number } = {},
): z.ZodType<number, string> {
  const { least = 0, most = 366 * 86_400_000 } = range;
  return z
    .string()
    .transform((text, check) => {
      const durationMs = parseDuration(text);
      if (durationMs !== null && durationMs >= least && durationMs <= most) return durationMs;
      const wanted =
        durationMs === null
          ? 'a duration such as "90s" or "1h30m"'
          : `between ${formatDuration(least)} and ${formatDuration(most)}`;
      check.addIssue({ code: "custom", message: `must be ${wanted}` });
      return z.NEVER;
    })
    .meta({ format: "duration" });
}

/** A size text ("4 MiB") or a number of bytes, to bytes. `least` and `most` are bytes, both included. */
export function sizeSchema(range: {
  readonly least: number;
  readonly most: number;
}): z.ZodType<number, string | number> {
  const { least, most } = range;
  return z
    .union([z.string(), z.number()])
    .transform((value, check) => {
      const bytes = typeof value === "number" ? value : parseSize(value);
      if (bytes !== null && Number.isSafeInteger(bytes) && bytes >= least && bytes <= most) return bytes;
      const wanted = bytes === null ? 'a size such as "4 MiB"' : `between ${formatSize(least)} and ${formatSize(most)}`;
      check.addIssue({ code: "custom", message: `must be ${wanted}` });
      return z.NEVER;
    })
    .meta({ format: "size" });
}

/** A secret: {env: NAME} or {file: PATH}, never the value itself. */
export function secretSchema(): z.ZodType<Secret, SecretRef> {
  const refs = z.union([
    z.strictObject({ env: z.string().min(1) }).describe("Name of an environment variable."),
    z
      .strictObject({ file: z.string().min(1) })
      .describe("Path of a file; a line end at its end is not part of the secret."),
  ]);
  const refuse = (value: unknown, check: z.RefinementCtx): SecretRef => {
    const parsed = refs.safeParse(value);
    if (parsed.success) return parsed.data;
    const fault = typeof value !== "object" || value === null ? "plain" : "malformed";
    check.addIssue({
      code: "custom",
      message: "must be {env: NAME} or {file: PATH}",
      params: { [SECRET_FAULT]: fault },
    });
    return z.NEVER;
  };
  return z
    .custom<SecretRef>()
    .transform((value, check) => createSecret(refuse(value, check)))
    .meta({ format: "secret" });
}
