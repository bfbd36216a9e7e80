/**
 * File name patterns: `*`, `?`, `**`, `[a-z]`, `{a,b}`, as shells have them.
 *
 * Only what file lists need: telling a pattern from a plain path, the folder from which to search, and a test for paths
 * with "/" between their parts. `*` and `?` do not cross a "/", `**` as a whole part does. Pure; total.
 */

/** True when `text` has pattern characters. */
export function isGlob(text: string): boolean {
  return /[*?[{]/.test(text);
}

/** The longest leading folder of a pattern that has no pattern characters; "." when there is none, "/" for the root. */
export function globRoot(pattern: string): string {
  const parts = pattern.split("/");
  const at = parts.findIndex(isGlob);
  const root = parts.slice(0, at === -1 ? -1 : at).join("/");
  return root === "" ? (pattern.startsWith("/") ? "/" : ".") : root;
}

/** A test for whole paths. A bracket or brace without its partner stands for itself. */
export function compileGlob(pattern: string): (path: string) => boolean {
  const regex = new RegExp(`^${toRegex(pattern)}$`, "s");
  return (path) => regex.test(path);
}

function toRegex(pattern: string): string {
  let out = "";
  for (let at = 0; at < pattern.length; at += 1) {
    const rest = pattern.slice(at);
    const [token, piece] = translate(rest, at === 0 || pattern[at - 1] === "/");
    out += piece;
    at += token.length - 1;
  }
  return out;
}

/** The first token of a pattern and its regular expression. */
function translate(rest: string, startsPart: boolean): readonly [token: string, piece: string] {
  if (startsPart && rest.startsWith("**/")) return ["**/", "(?:.*/)?"];
  if (startsPart && rest === "**") return ["**", ".*"];
  const stars = /^\*+/.exec(rest)?.[0];
  if (stars !== undefined) return [stars, "[^/]*"];
  if (rest.startsWith("?")) return ["?", "[^/]"];
  const [set, not, members] = /^\[([!^]?)([^\]/]+)\]/.exec(rest) ?? [];
  if (set !== undefined) return [set, `(?!/)[${not === "" ? "" : "^"}${escapeSet(members ?? "")}]`];
  const [braces, choices] = /^\{([^{}]*)\}/.exec(rest) ?? [];
  if (braces !== undefined) return [braces, `(?:${(choices ?? "").split(",").map(toRegex).join("|")})`];
  return [rest.charAt(0), escape(rest.charAt(0))];
}

function escape(char: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char;
}

/** Members of a set; a range that runs backwards stands for its two ends. */
function escapeSet(members: string): string {
  return members
    .replace(/[\\^\]]/g, "\\$&")
    .replace(/(.)-(.)/g, (range, low: string, high: string) => (low <= high ? range : `${low}\\-${high}`));
}
