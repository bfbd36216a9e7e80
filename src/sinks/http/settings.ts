/**
 * Settings that sinks over HTTP share: how to reach the receiver and how to know it.
 *
 * Certificates are always checked; there is no setting that turns it off.
 */
import { z } from "zod";
import type { Secret, SecretRef } from "../../model/secret.ts";
import { durationSchema, secretSchema } from "../../model/settings.ts";
import { isRange } from "./guard.ts";

/** How to reach a receiver. */
export type HttpSettings = {
  /** File of the authorities that may vouch for the receiver, instead of the public ones. */
  readonly caFile?: string | undefined;
  /** Client certificate (PEM) and its key, for receivers that ask for one. */
  readonly certFile?: string | undefined;
  readonly key?: Secret | undefined;
  /** Addresses and ranges inside that may be connected to all the same. Default none. */
  readonly allow: readonly string[];
  /** Plain HTTP goes to any address, not only to listed ones. Default false. */
  readonly insecure: boolean;
  /** From the call to the last byte of the answer, ms. */
  readonly timeout: number;
  /** Until there is a connection, ms. */
  readonly connectTimeout: number;
};

/** Members of a schema for these. */
export const httpShape: {
  caFile: z.ZodOptional<z.ZodString>;
  certFile: z.ZodOptional<z.ZodString>;
  key: z.ZodOptional<z.ZodType<Secret, SecretRef>>;
  allow: z.ZodDefault<z.ZodArray<z.ZodString>>;
  insecure: z.ZodDefault<z.ZodBoolean>;
  timeout: z.ZodType<number, string | undefined>;
  connectTimeout: z.ZodType<number, string | undefined>;
} = {
  caFile: z.string().min(1).optional().describe("File of authorities (PEM) to trust instead of the public ones."),
  certFile: z.string().min(1).optional().describe("File of the client certificate (PEM), where one is asked for."),
  key: secretSchema().optional().describe("Key of the client certificate (PEM)."),
  allow: z
    .array(z.string().refine(isRange, "must be an address or a range such as 10.1.0.0/16"))
    .default([])
    .describe(
      "Inner addresses and ranges that may be connected to. Default none: loopback, private and link-local ones are denied.",
    ),
  insecure: z
    .boolean()
    .default(false)
    .describe(
      "Plain http may go to addresses that `allow` does not list. Default false: anyone on the way could read the alerts.",
    ),
  timeout: durationSchema({ least: 1000, most: 300_000 }).prefault("30s").describe("Longest wait for a whole answer."),
  connectTimeout: durationSchema({ least: 100, most: 60_000 })
    .prefault("5s")
    .describe("Longest wait for a connection."),
};

/** The part of a schema that refuses, before anything is sent, a plain URL that could reach no address. */
export function checkPlain(
  { allow, insecure }: Pick<HttpSettings, "allow" | "insecure">,
  url: string,
  check: z.RefinementCtx,
): void {
  if (!url.startsWith("http:") || insecure || allow.length > 0) return;
  const message =
    "is plain http, which anyone on the way can read: use https, or list the receiver's address in `allow`, or set `insecure: true`";
  check.addIssue({ code: "custom", path: ["url"], message, input: url });
}

/** True for an http or https URL without a user. */
export function isWebUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
}

/** The place below a receiver's URL, whether it ends in a slash or not. */
export function toEndpoint(url: string, path: string): URL {
  const endpoint = new URL(url);
  endpoint.pathname = endpoint.pathname.replace(/\/+$/, "") + path;
  return endpoint;
}
