/**
 * The `_bulk` of Elasticsearch with the shipped templates: actions, versions, data streams, and documents held against
 * the mapping as the real one holds them. What it took stands in the order in which it did.
 */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { type Call, type Receiver, type ReceiverOptions, type Reply, startReceiver } from "./receiver.ts";

type Mapping = {
  readonly type?: string;
  readonly enabled?: boolean;
  readonly dynamic?: boolean;
  readonly properties?: Readonly<Record<string, Mapping>>;
};
type Action = { readonly _id: string; readonly version?: number; readonly version_type?: string };
export type Doc = Readonly<Record<string, unknown>>;
export type Elastic = Receiver & {
  readonly taken: { readonly id: string; readonly doc: Doc }[];
  /** What a search finds now, by `_id`. */
  readonly docs: Map<string, { readonly version: number; readonly doc: Doc }>;
  readonly bodies: string[];
  /** Statuses for the next documents, instead of taking them. */
  readonly state: { next: (number | null)[]; isDataStream: boolean; isBlocked: boolean; maxBytes: number };
};

export const API_KEY = "VnVhQ2ZHY0JDZGJrUW0tZTVhT3g6dWkybHAyYXhUTm1zeWFrdzl0dk5udw==";
const BASIC = `Basic ${Buffer.from("sagewatch:planted-password").toString("base64")}`;

export function readTemplate(name: "data-stream" | "index"): { template: { mappings: Mapping } } & Doc {
  return JSON.parse(readFileSync(`deploy/elastic/${name}.json`, "utf8")) as never;
}

/** Why the mapping does not take a value; null when it does. */
function misfit(value: unknown, mapping: Mapping, path: string): string | null {
  if (Array.isArray(value)) return value.map((one) => misfit(one, mapping, path)).find((one) => one !== null) ?? null;
  if (value === null || mapping.enabled === false) return null;
  const isObject = typeof value === "object";
  if ((mapping.properties !== undefined) !== isObject) return `${path} is ${isObject ? "an object" : "a value"}`;
  if (isObject)
    return (
      Object.entries(value).flatMap(([name, one]) => {
        if (name === "" || /^\.|\.$|\.\./.test(name)) return [`field name ${name}`];
        const inner = mapping.properties?.[name];
        return inner === undefined ? [] : [misfit(one, inner, `${path}.${name}`)].filter((found) => found !== null);
      })[0] ?? null
    );
  const text = typeof value === "string" ? value : "";
  const fits =
    mapping.type === "date"
      ? /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text)
      : mapping.type === "ip"
        ? isIP(text) !== 0
        : mapping.type === "long"
          ? Number.isInteger(value)
          : mapping.type === "boolean"
            ? typeof value === "boolean"
            : true;
  return fits ? null : `failed to parse field [${path}] of type [${mapping.type}]`;
}

const fail = (status: number, type: string, reason: string): object => ({ status, error: { type, reason } });

export async function startElastic(options: ReceiverOptions = {}): Promise<Elastic> {
  const { mappings } = readTemplate("data-stream").template;
  const taken: Elastic["taken"] = [];
  const docs: Elastic["docs"] = new Map();
  const bodies: string[] = [];
  const state: Elastic["state"] = { next: [], isDataStream: true, isBlocked: false, maxBytes: Infinity };
  const take = (op: string, { _id, version, version_type: kind }: Action, doc: Doc): object => {
    const forced = state.next.shift() ?? null;
    if (forced !== null) return fail(forced, "es_rejected_execution_exception", "rejected");
    if (state.isBlocked) return fail(403, "cluster_block_exception", "index is read-only / allow delete (api)");
    if (state.isDataStream && op !== "create")
      return fail(
        400,
        "illegal_argument_exception",
        "only write ops with an op_type of create are allowed in data streams",
      );
    if (state.isDataStream && typeof doc["@timestamp"] !== "string")
      return fail(400, "document_parsing_exception", "data stream timestamp field [@timestamp] is missing");
    const odd = misfit(doc, mappings, "");
    if (odd !== null) return fail(400, "document_parsing_exception", odd);
    const standing = docs.get(_id);
    if (op === "create" ? standing !== undefined : kind === "external" && (standing?.version ?? 0) >= (version ?? 1))
      return fail(409, "version_conflict_engine_exception", `[${_id}]: version conflict`);
    docs.set(_id, { version: version ?? 1, doc });
    taken.push({ id: _id, doc });
    return { status: 201 };
  };
  const bulk = ({ body, headers }: Call): Reply => {
    if (headers.authorization !== `ApiKey ${API_KEY}` && headers.authorization !== BASIC) return { status: 401 };
    if (headers["content-type"] !== "application/x-ndjson") return { status: 406 };
    if (body.length > state.maxBytes) return { status: 413, body: "" };
    if (!body.endsWith("\n")) return { status: 400, body: '{"error":{"type":"illegal_argument_exception"}}' };
    bodies.push(body);
    const lines = body.trimEnd().split("\n");
    const items: object[] = [];
    for (let at = 0; at < lines.length; at += 2) {
      const [[op, action] = ["", {}]] = Object.entries(JSON.parse(lines[at] ?? "") as Record<string, Action>);
      items.push({ [op]: take(op, action as Action, JSON.parse(lines[at + 1] ?? "") as Doc) });
    }
    return { status: 200, body: JSON.stringify({ items }) };
  };
  const receiver = await startReceiver(
    (call) => (/^\/[^/]+\/_bulk\?/.test(call.path) ? bulk(call) : { status: 404 }),
    options,
  );
  return { ...receiver, taken, docs, bodies, state };
}
