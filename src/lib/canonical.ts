/**
 * Canonical JSON text and sha256, for identities that must be the same on every machine and in every release.
 *
 * Canonical: keys sorted by UTF-16 code units, no white space, numbers and texts as JSON.stringify writes them, members
 * whose value is undefined left out. Nothing here knows what it hashes.
 */
import { hash } from "node:crypto";

/** JSON text of `value` with sorted keys. Throws TypeError on functions, symbols, bigint and cycles, as JSON.stringify does. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (inner === null || typeof inner !== "object" || Array.isArray(inner)) return inner;
    // A null prototype keeps a key named __proto__ an ordinary key.
    const sorted: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    for (const key of Object.keys(inner).toSorted()) sorted[key] = (inner as Record<string, unknown>)[key];
    return sorted;
  });
}

/** Lower-case hexadecimal sha256 of a text (as UTF-8) or of bytes: 64 characters. */
export function sha256Hex(input: string | Uint8Array): string {
  return hash("sha256", input, "hex");
}
