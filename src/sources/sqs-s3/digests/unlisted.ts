/**
 * Log files that no digest file lists: put into the bucket by somebody, or changed after they were proven.
 *
 * A file is suspected once digest files of its folder cover its hour and two hours more without a hole, and none lists it.
 * The digest files of that time are read once more then, since of files that were proven no hash is kept: a file that was
 * changed later is found altered by that. Only what is still in none is told, or passed over where a second trail without
 * validation is known to deliver into the folder.
 */
import type { FileRow } from "../../../model/integrity/notes.ts";
import { toUnlistedFinding } from "../../../model/integrity/judge.ts";
import { HOUR_MS } from "../../../model/integrity/place.ts";
import { isCovered } from "../../../model/integrity/hours.ts";
import { type Looking, readAndTell, tell } from "./read.ts";

/** A file delivered at the end of its hour stands in the digest file after that. */
const BEHIND_MS = 2 * HOUR_MS;

type Suspect = FileRow & { readonly accountId: string; readonly region: string };

/** Makes a look. */
export function findUnlisted(looking: Looking): () => Promise<void> {
  const reread = new Set<string>();
  /** Files that were looked for and are not to be told of, by group. */
  const passed = new Map<string, string>();
  return async () => {
    const { log, source, clock, signal, tellsUnlisted } = looking.by;
    const groups = new Map<string, Suspect[]>();
    for (const file of log.seen(source, clock.nowMs() - BEHIND_MS)) {
      const key = `${toRoot(file.uri)} ${file.region} ${file.hourMs}`;
      groups.set(key, [...(groups.get(key) ?? []), file]);
    }
    for (const key of passed.keys()) if (!groups.has(key)) passed.delete(key);
    for (const [key, files] of groups) {
      const [first] = files;
      if (first === undefined || signal.aborted) return;
      const content = files.map(({ uri, readHash }) => `${uri} ${readHash ?? ""}`).join("\n");
      if (passed.get(key) === content) continue;
      const endMs = first.hourMs + HOUR_MS + BEHIND_MS;
      const digests = log
        .covering({ source, accountId: first.accountId, region: first.region }, first.hourMs, endMs)
        .filter(({ chain }) => toRoot(chain) === toRoot(first.uri));
      if (
        !isCovered(
          digests.filter(({ isBackfill }) => !isBackfill),
          first.hourMs,
          endMs,
        )
      )
        continue;
      if (looking.busy.has(key) || digests.some(({ uri }) => looking.busy.has(uri))) continue;
      if (reread.has(key)) {
        reread.delete(key);
        if (!tellsUnlisted) {
          passed.set(key, content);
          continue;
        }
        const uris = files.map(({ uri }) => uri);
        tell(key, [{ is: "unlisted", uris }, toUnlistedFinding(first, uris)], looking);
      } else {
        let isWhole = true;
        for (const digest of digests) isWhole = (await readAndTell(digest, looking, true)) && isWhole;
        if (isWhole) reread.add(key);
      }
    }
  };
}

/** The folder of an account: where its log files and its digest files lie. */
function toRoot(uri: string): string {
  return uri.split(/\/CloudTrail(?:-Digest|-Insight)?\//)[0] ?? uri;
}
