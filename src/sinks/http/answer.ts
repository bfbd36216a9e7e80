/**
 * What stands in a receiver's JSON answer. Anything may stand there, so members are asked for one by one, and what is no
 * JSON has none.
 */

/** The answer's value; undefined when it is no JSON. */
export function parseAnswer(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

/** An own member, or a member of a member; undefined where there is none. */
export function memberOf(value: unknown, ...path: readonly string[]): unknown {
  let at = value;
  for (const name of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}
