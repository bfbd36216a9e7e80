/**
 * What the answers of `_bulk` mean, document by document.
 * https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk
 *
 * 409 says that this revision, or a later one, is there already: accepted. 400 blames the document, unless the whole
 * index is of the wrong kind. 429 and 5xx leave it open; so does what a person must mend.
 */
import type { SendResult } from "../../contracts.ts";
import { memberOf, parseAnswer } from "../http/answer.ts";
import { type Answer, toResult } from "../http/request.ts";

export type Target = { readonly url: URL; readonly name: string; readonly access: string };

/** One answer a document, or one for the whole call. */
export function toBulkResults(answer: Answer, count: number, target: Target): readonly SendResult[] | SendResult {
  const { url, access } = target;
  if ("fault" in answer || answer.status !== 200) return toResult(answer, { url, access });
  const items = memberOf(parseAnswer(answer.body), "items");
  if (!Array.isArray(items) || items.length !== count) {
    const detail = `${url.origin} answers 200 without the results of a bulk call: check the URL, or what stands between`;
    return { status: "unknown", code: "bad_answer", detail };
  }
  return items.map((item: unknown) => toItemResult(memberOf(item, "create") ?? memberOf(item, "index"), target));
}

function toItemResult(item: unknown, { url, name, access }: Target): SendResult {
  const status = memberOf(item, "status");
  const type = textOf(memberOf(item, "error", "type"));
  const reason = textOf(memberOf(item, "error", "reason"));
  const ask = (code: string, what: string): SendResult => ({
    status: "unknown",
    code,
    detail: `${url.origin} answers ${String(status)} for ${name}: ${what}`,
  });
  if (status === 200 || status === 201 || status === 409) return { status: "accepted" };
  if (status === 429) return { status: "unknown", code: "throttled" };
  if (status === 403 && type === "cluster_block_exception")
    return ask("index_blocked", "it is read-only: free disk space or lift the block");
  if (status === 401 || status === 403) return ask("not_permitted", `check ${access}, and allow create_doc and index`);
  if (status === 404) return ask("index_missing", "create it, or allow auto_configure");
  if (status === 400 && /op_type of create|data streams?\b/.test(reason))
    return ask("mode_wrong", "it is a data stream: set `mode: data_stream`, or another `target`");
  if (status === 400) return { status: "refused", code: toCode(type) };
  return { status: "unknown", code: "receiver_failed" };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** "document_parsing_exception" as it is; anything else as `rejected`. */
function toCode(type: string): string {
  return /^[a-z_]{1,60}$/.test(type) ? type : "rejected";
}
