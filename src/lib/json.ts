/**
 * Small readers of parsed JSON: own properties only, because records are written by strangers and may carry keys such as
 * `__proto__` or `constructor`. Nothing here throws.
 */

/** The own property `key` of `value` when value is a plain JSON object, else undefined. */
export function ownValue(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** The text at a path of own properties, or "" when any step is missing or the end is no text. */
export function textAt(value: unknown, ...path: readonly string[]): string {
  let current: unknown = value;
  for (const key of path) current = ownValue(current, key);
  return typeof current === "string" ? current : "";
}

/** True for JSON objects, false for arrays, null and scalars. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
