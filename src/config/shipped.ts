/**
 * What comes with this Sagewatch: its version and its rules, wherever it is installed.
 *
 * Both stand beside src/ in a checkout and beside dist/ in the package, so they are found from this file.
 */
import { readFileSync } from "node:fs";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** Folder of the rules that come with Sagewatch. */
export const SHIPPED_RULES: string = fileURLToPath(new URL("../../detections", import.meta.url));

/** Word in `rules.paths` for that folder, which a user cannot know. */
export const SHIPPED_WORD = "shipped";

/** True for rule files that come with Sagewatch: they are held to the strict checks. */
export function isShippedRule(path: string): boolean {
  const below = relative(SHIPPED_RULES, resolve(path));
  return below !== ".." && !below.startsWith(`..${sep}`) && !isAbsolute(below);
}

/** Version of this Sagewatch, from its package.json. */
export function loadEngineVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return /"version":\s*"([^"]+)"/.exec(text)?.[1] ?? "unknown";
}
