/**
 * Any text as the configuration file.
 *
 * It is taken, or refused as a SagewatchError of the configuration whose places are lines of the text. What was taken
 * prints as a file that loads to the same configuration.
 */
import assert from "node:assert/strict";
import { parseConfig } from "../../../src/config/load.ts";
import { printConfig } from "../../../src/config/print.ts";
import { ADAPTERS } from "../../../src/config/registries.ts";
import type { Config } from "../../../src/config/schema.ts";
import { STARTER } from "../../../src/config/starter.ts";
import { SagewatchError } from "../../../src/model/errors.ts";
import { decode, encode, seedFiles, stateless, type Target } from "../target.ts";

const CODES: ReadonlySet<string> = new Set(["config_invalid", "secret_plain", "secret_missing"]);

function load(text: string): Config {
  return parseConfig(text, { path: "s.yml", adapters: ADAPTERS, environment: {} }).config;
}

function check(input: Uint8Array): void {
  const text = decode(input);
  let config: Config;
  try {
    config = load(text);
  } catch (error) {
    if (!(error instanceof SagewatchError && CODES.has(error.code))) throw error;
    const last = text.split(/\r\n|\r|\n/).length;
    for (const [, line] of error.message.matchAll(/^ *s\.yml:(\d+):\d+: /gm))
      assert.ok(Number(line) >= 1 && Number(line) <= last, `line ${line} of ${last}`);
    return;
  }
  const printed = printConfig(config, ADAPTERS);
  assert.equal(printConfig(load(printed), ADAPTERS), printed, "printed and loaded again");
}

export const target: Target = {
  name: "config",
  // Two or three readings.
  limitMs: 300,
  seeds: [encode(STARTER), ...seedFiles("config", ".yml")],
  words: [
    "state:", "sources:", "sinks:", "rules:", "accounts:", "calendars:", "lists:", "limits:", "commit:", "updateEvery: ",
    "log: {level: ", "type: file", "type: console", "paths: ", "mode: watch", "afterRead: ", "moveTo: ", "{env: X}",
    "{file: ./absent}", "30m", "1 MiB", "-5s", "1e9", "\n", "\n  ", "- ", ": ", "{", "}", "[", "]", "'", '"', "#", "&a ",
    "*a", "<<: ", "!!int ", "? ", "|\n", "---\n", "null", "~", "true", "__proto__", "constructor", "\u0000", "\ufeff",
    "\t", "\r", "é", "010", ".inf",
  ], // prettier-ignore
  open: stateless(check),
};
