/**
 * The last good rule set, kept in the state folder so that a daemon starts even when its rules are broken or gone.
 *
 * One file, 0600, written whole under another name and then renamed, so that a crash leaves the old or the new one. It
 * holds texts of rules, lists, calendars and accounts as plain values and their hash; a file that does not match its hash,
 * is too large or cannot be read counts as none. Nothing in it is run: it is parsed and checked as rule files are.
 */
import { closeSync, openSync, readFileSync, readSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { canonicalJson, sha256Hex } from "../lib/canonical.ts";
import { isObject, ownValue } from "../lib/json.ts";
import { toMessage } from "../model/errors.ts";
import type { Emit } from "../model/signal.ts";
import { renameDurably, touchPrivate } from "../store/folder.ts";
import { remakeRules, type Rules, type RuleSources } from "./rules.ts";

/** Name of the file in the state folder. */
export const LAST_GOOD = "rules-last-good.json";

/** Largest set that is kept, bytes. Ten times the public SigmaHQ rules, 4,000 files. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Keeps a set that is in use; writes nothing when it is kept already. A signal tells when it cannot be: that stops nothing. */
export function keepLastGood(dir: string, { sources, hash }: Rules, emit: Emit): void {
  const path = join(dir, LAST_GOOD);
  const making = `${path}.new`;
  try {
    if (readHash(path) === hash) return;
    const text = JSON.stringify({ hash, sources });
    if (Buffer.byteLength(text) > MAX_BYTES) throw new Error(`the set has more than ${MAX_BYTES} bytes`);
    touchPrivate(making);
    writeFileSync(making, text, { mode: 0o600 });
    renameDurably(making, path);
  } catch (error) {
    emit({ type: "rules_not_kept", path, detail: toMessage(error) });
    rmSync(making, { force: true });
  }
}

/** Whether it is this set that was kept last. */
export function isLastGood(dir: string, hash: string): boolean {
  return readHash(join(dir, LAST_GOOD)) === hash;
}

/** The set that was kept last, made again; null when there is none that stands this version's checks. */
export function loadLastGood(dir: string, emit: Emit): Rules | null {
  const path = join(dir, LAST_GOOD);
  try {
    if (statSync(path).size > MAX_BYTES) return null;
    const kept: unknown = JSON.parse(readFileSync(path, "utf8"));
    const sources = ownValue(kept, "sources");
    if (!isObject(sources) || sha256Hex(canonicalJson(sources)) !== ownValue(kept, "hash")) return null;
    return remakeRules(sources as RuleSources, emit);
  } catch {
    return null;
  }
}

/** The hash at the head of the file, or null when there is none. */
function readHash(path: string): string | null {
  let fd: number | null = null;
  try {
    fd = openSync(path, "r");
    const head = Buffer.alloc(128);
    const length = readSync(fd, head);
    return /^\{"hash":"([0-9a-f]{64})"/.exec(head.toString("latin1", 0, length))?.[1] ?? null;
  } catch {
    return null;
  } finally {
    if (fd !== null) closeSync(fd);
  }
}
