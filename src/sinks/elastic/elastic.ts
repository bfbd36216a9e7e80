/**
 * The sink `elastic`: alerts as ECS documents, by `_bulk`, to Elasticsearch or OpenSearch.
 *
 * `mode: data_stream` keeps every revision: `create` under `ID:REVISION`, so that one that goes twice is there once.
 * `mode: index` keeps the last revision: `index` under the id with the revision as external version, so that a lower one
 * never stands over a higher. Each document is answered for by itself.
 *
 * Codes. Refused: `encode_failed`, `too_large`, `bad_request`, `rejected` and Elasticsearch's own word for a document that
 * it cannot take. Unknown, with what a person must do: `mode_wrong`, `index_missing`, `index_blocked`, `not_permitted`,
 * `bad_answer` and those of http/request.ts. Unknown: `throttled`, `receiver_failed`, `waiting`, `aborted`, the network's.
 */
import { z } from "zod";
import type { OutboxItem, Sink } from "../../contracts.ts";
import { toEcs } from "../../encode/ecs.ts";
import { systemClock } from "../../lib/clock.ts";
import { safeJson } from "../../lib/safe-text.ts";
import type { Secret } from "../../model/secret.ts";
import { secretSchema, sizeSchema } from "../../model/settings.ts";
import { fitText } from "../fit.ts";
import { createBatchSend } from "../http/batch.ts";
import { createAddressGuard } from "../http/guard.ts";
import { httpProbes } from "../http/probe.ts";
import { createHttpClient } from "../http/request.ts";
import { checkPlain, httpShape, type HttpSettings, isWebUrl, toEndpoint } from "../http/settings.ts";
import { toLane } from "../lane.ts";
import { sharedShape, type SharedSettings, type SinkDeps, type SinkType } from "../settings.ts";
import { toBulkResults } from "./answers.ts";

export type ElasticSinkConfig = SharedSettings &
  HttpSettings & {
    readonly type: "elastic";
    readonly url: string;
    readonly mode: "data_stream" | "index";
    /** Data stream, index or alias. Left out: that of the mode. */
    readonly target?: string | undefined;
    readonly apiKey?: Secret | undefined;
    readonly username?: string | undefined;
    readonly password?: Secret | undefined;
    readonly maxBytes: number;
  };

/** Where alerts go when no `target` is named; the templates in deploy/elastic are for these. */
const TARGETS = { data_stream: "logs-sagewatch.alert-default", index: "sagewatch-alerts" } as const;

const schema = z
  .strictObject({
    type: z.literal("elastic"),
    ...sharedShape("elastic"),
    ...httpShape,
    url: z
      .string()
      .refine(isWebUrl, "must be an http or https URL without a user")
      .describe("Of Elasticsearch or OpenSearch; /_bulk is added."),
    mode: z
      .enum(["data_stream", "index"])
      .default("data_stream")
      .describe("data_stream keeps every revision of an alert, index the last one only."),
    target: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._-]{0,254}$/, "must be a name of small letters, digits, '.', '_' and '-'")
      .optional()
      .describe("Data stream, index or alias. Left out: logs-sagewatch.alert-default, or sagewatch-alerts by index."),
    apiKey: secretSchema().optional().describe("API key, encoded as Elasticsearch gives it."),
    username: z.string().min(1).optional().describe("Name for basic authentication, instead of `apiKey`."),
    password: secretSchema().optional().describe("Password of `username`."),
    maxBytes: sizeSchema({ least: 16 * 1024, most: 64 * 1024 * 1024 })
      .prefault("5 MiB")
      .describe("Largest call. Default 5 MiB, well below what servers take; larger alerts lose evidence and say so."),
  })
  .superRefine((config, check) => {
    checkPlain(config, config.url, check);
    const fault = (path: string, message: string): void =>
      check.addIssue({ code: "custom", path: [path], message, input: undefined });
    if ((config.username === undefined) !== (config.password === undefined))
      fault("username", "`username` and `password` go together");
    if (config.apiKey !== undefined && config.username !== undefined)
      fault("apiKey", "stands beside `username`: one of them is enough");
  }) satisfies z.ZodType<ElasticSinkConfig>;

const MAX_ITEMS = 100;

/** Connects with the first alert. */
export function createElasticSink(config: ElasticSinkConfig, { version, clock = systemClock }: SinkDeps): Sink {
  const client = createHttpClient({ settings: config, guard: createAddressGuard(config), clock });
  const name = config.target ?? TARGETS[config.mode];
  const { maxBytes } = config;
  const url = toEndpoint(config.url, `/${name}/_bulk`);
  url.search = "filter_path=items.*.status,items.*.error.type,items.*.error.reason";
  const target = { url, name, access: config.apiKey === undefined ? "`username` and `password`" : "`apiKey`" };
  return {
    name: config.name,
    limits: { maxItems: MAX_ITEMS, maxBytes, lane: toLane, part: () => "" },
    send: createBatchSend({
      encode: (item) => fitText(item, (one) => encode(one, { mode: config.mode, version }), maxBytes),
      maxItems: MAX_ITEMS,
      maxBytes,
      request: async (entries, signal) => {
        const headers = { "content-type": "application/x-ndjson", ...toAuthorization(config) };
        const answer = await client.post({ url, headers, body: `${entries.join("\n")}\n` }, signal);
        return toBulkResults(answer, entries.length, target);
      },
    }),
    close: async () => client.close(),
  };
}

function toAuthorization({ apiKey, username, password }: ElasticSinkConfig): Record<string, string> {
  if (apiKey !== undefined) return { authorization: `ApiKey ${apiKey.reveal()}` };
  if (username === undefined || password === undefined) return {};
  return { authorization: `Basic ${Buffer.from(`${username}:${password.reveal()}`).toString("base64")}` };
}

/** The action and its document, a line each. */
function encode(item: OutboxItem, { mode, version }: { mode: ElasticSinkConfig["mode"]; version: string }): string {
  const { id, revision } = item.alert;
  const action =
    mode === "data_stream"
      ? { create: { _id: `${id}:${revision}` } }
      : { index: { _id: id, version: revision, version_type: "external" } };
  return `${JSON.stringify(action)}\n${safeJson(JSON.stringify(toEcs(item, version)))}`;
}

/** Registry entry of `type: elastic`. */
export const elasticSink: SinkType<ElasticSinkConfig> = {
  schema,
  create: createElasticSink,
  probes: (config) => httpProbes(config, config.url),
};
