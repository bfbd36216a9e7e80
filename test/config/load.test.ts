/**
 * The configuration as a person meets it: defaults, places of faults, secrets, search order.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { z } from "zod";
import type { Adapters } from "../../src/config/adapters.ts";
import { loadConfig, parseConfig } from "../../src/config/load.ts";
import { printConfig } from "../../src/config/print.ts";
import { SagewatchError } from "../../src/model/errors.ts";
import type { Secret } from "../../src/model/secret.ts";
import { durationSchema, secretSchema } from "../../src/model/settings.ts";

const adapters: Adapters = {
  sources: {
    file: {
      schema: z.strictObject({
        type: z.literal("file"),
        name: z.string().optional(),
        path: z.string(),
        lateness: durationSchema().prefault("30m"),
      }),
    },
  },
  sinks: {
    hook: { schema: z.strictObject({ type: z.literal("hook"), name: z.string().optional(), token: secretSchema() }) },
    out: {
      schema: z.strictObject({ type: z.literal("out"), name: z.string(), path: z.string() }),
      writes: ({ path }: { path: string }) => path,
    },
  },
};
const folder = mkdtempSync(join(tmpdir(), "sagewatch-config-"));
afterAll(() => rmSync(folder, { recursive: true }));

const parse = (text: string, environment: Record<string, string> = {}): ReturnType<typeof parseConfig> =>
  parseConfig(text, { path: "s.yml", adapters, environment });

function refusal(text: string, environment: Record<string, string> = {}): SagewatchError {
  try {
    parse(text, environment);
  } catch (error) {
    if (error instanceof SagewatchError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

/** "accepted", or the code of the refusal; a foreign error is thrown on. */
function outcome(text: string): string {
  try {
    parse(text);
    return "accepted";
  } catch (error) {
    if (error instanceof SagewatchError) return error.code;
    throw error;
  }
}

describe("defaults", () => {
  test("an empty file gives every default", () => {
    const { config, definesBusiness } = parse("");
    expect(config).toMatchObject({
      state: { dir: "./sagewatch-state" },
      sources: [],
      sinks: [],
      rules: { paths: null, strict: false },
      limits: { recordBytes: 1_048_576, depth: 64, gzipRatio: 200 },
      commit: { intervalMs: 250, records: 6000, bytes: 8_388_608, matches: 2000 },
      updateEvery: 60_000,
      log: { level: "info" },
    });
    expect(config.calendars["business"]?.open[0]).toEqual({
      days: ["mon", "tue", "wed", "thu", "fri"],
      from: "07:00",
      to: "20:00",
    });
    expect(definesBusiness).toBe(false);
  });

  test("the image's state folder comes from a variable, the file goes before it", () => {
    const environment = { SAGEWATCH_STATE_DIR: "/var/lib/sagewatch" };
    expect(parse("", environment).config.state.dir).toBe("/var/lib/sagewatch");
    expect(parse("state: {dir: here}", environment).config.state.dir).toBe("here");
  });

  test("an item without a name takes its type as its name", () => {
    expect(parse("sources: [{type: file, path: x}]").config.sources).toEqual([
      { type: "file", name: "file", path: "x", lateness: 1_800_000 },
    ]);
  });
});

describe("faults", () => {
  const cases: readonly [name: string, text: string, expected: string][] = [
    ["unknown key at the top", "\nsoures: []", "s.yml:2:1: `soures`: unknown key; did you mean `sources`?"],
    [
      "unknown key inside",
      "limits:\n  recordByts: 5",
      "s.yml:2:3: `limits.recordByts`: unknown key; did you mean `recordBytes`?",
    ],
    ["unknown key far from all", "log: {zzzzzzzz: 1}", "s.yml:1:7: `log.zzzzzzzz`: unknown key; known here: level"],
    [
      "unknown key of a source",
      "sources:\n  - type: file\n    pth: x\n    path: y",
      "s.yml:3:5: `sources[0].pth`: unknown key; did you mean `path`?",
    ],
    [
      "unknown source type",
      "sources: [{type: fiel}]",
      's.yml:1:18: `sources[0].type`: there is no such source, is "fiel"; did you mean `file`? Types: file',
    ],
    [
      "missing type",
      "sinks:\n  - token: {env: A}",
      "s.yml:2:5: `sinks[0].type`: is missing: the sink's type, one of hook, out",
    ],
    ["wrong type", "commit: {records: many}", 's.yml:1:19: `commit.records`: must be a number, is "many"'],
    ["out of range", "limits:\n  depth: 4", "s.yml:2:10: `limits.depth`: must be 8 or more, is 4"],
    [
      "misspelt word",
      "log: {level: wran}",
      's.yml:1:14: `log.level`: must be one of trace, debug, info, warn, error, fatal, silent, is "wran"; did you mean `warn`?',
    ],
    [
      "bad duration",
      "updateEvery: soon",
      's.yml:1:14: `updateEvery`: must be a duration such as "90s" or "1h30m", is "soon"',
    ],
    ["duration out of range", "updateEvery: 1ms", 's.yml:1:14: `updateEvery`: must be between 1s and 1d, is "1ms"'],
    [
      "account id without quotes and with a leading zero",
      "accounts:\n  012345678901: {name: a}",
      "s.yml:2:3: `accounts.12345678901`: must be an account id: 12 digits in quotes",
    ],
    [
      "calendar that is not there",
      "accounts: {'012345678901': {calendar: nights}}",
      's.yml:1:39: `accounts.012345678901.calendar`: no calendar has this name, is "nights"; there are: business',
    ],
    [
      "zone that is not there",
      "calendars: {x: {zone: Mars, open: [{days: [mon], from: '07:00', to: '09:00'}]}}",
      's.yml:1:23: `calendars.x.zone`: must be an IANA time zone such as Europe/Berlin, is "Mars"',
    ],
    ["two of a name", "sources: [{type: file, path: a}, {type: file, path: b}]", 'two sources are called "file"'],
    [
      "two sinks that write one file",
      "sinks:\n  - {type: out, name: a, path: ./x/alerts}\n  - {type: out, name: b, path: y}\n  - {type: out, name: c, path: x/../x/alerts}",
      's.yml:4:32: `sinks[2].path`: the sink "a" writes this file',
    ],
    [
      "a sink that writes what another rotates to",
      "sinks:\n  - {type: out, name: a, path: alerts.2}\n  - {type: out, name: b, path: alerts}",
      's.yml:3:32: `sinks[1].path`: the sink "a" writes this file or those beside it',
    ],
    ["not a mapping", "[]", "s.yml:1:1: the file: must be a mapping of keys to values"],
    ["a key twice", "log: {}\nlog: {}", "s.yml:2:1: Map keys must be unique"],
    ["broken YAML", "a: [1", "s.yml:1:"],
  ];
  test.each(cases)("%s", (_name, text, expected) => {
    expect(refusal(text).message).toContain(expected);
    expect(refusal(text)).toMatchObject({ code: "config_invalid", exitCode: 2 });
  });

  test("all are told at once, in the order of the file", () => {
    const { message } = refusal("limits: {depth: 1}\nlog: {level: x}\nfoo: 1\nsinks: [{type: hook}]");
    expect(message.split("\n").map((line) => /s\.yml:\d+/.exec(line)?.[0] ?? line)).toEqual([
      "s.yml has 4 errors",
      "s.yml:1",
      "s.yml:2",
      "s.yml:3",
      "s.yml:4",
    ]);
  });

  test("an alias bomb is refused", () => {
    const bomb = [
      "a: &a [x,x,x,x,x,x,x,x,x]",
      ..."bcdefgh".split("").map((key, index) => `${key}: &${key} [${`*${"abcdefgh"[index]},`.repeat(9)}]`),
    ].join("\n");
    expect(refusal(bomb).message).toContain("alias");
  });

  test.each([
    ["lists", "[".repeat(20_000)],
    ["maps", "{a: ".repeat(20_000)],
    ["items", "- ".repeat(20_000)],
    ["keys of keys", "? ".repeat(900)],
    ["keys of keys, shallow", "? ".repeat(40)],
    // Here the package's own parser runs out of stack, and throws.
    ["open maps behind a line each", `${"a\n  - {b: ".repeat(4000)}}\nb: 1\nc: {d: 1}\n`],
  ])("nesting that no parser's stack takes is refused: %s", (_name, text) => {
    expect(refusal(text).code).toBe("config_invalid");
  });

  test("any text is accepted or refused by a SagewatchError", () => {
    const words = fc.constantFrom(
      "sources",
      "limits",
      "log",
      "accounts",
      "- ",
      ": ",
      "{",
      "}",
      "[",
      "]",
      "\n",
      "  ",
      "type",
      "file",
      "&a",
      "*a",
      "'",
      '"',
      "!!",
      "1",
      "~",
      "__proto__",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(words).map((parts) => parts.join("")),
        ),
        (text) => {
          expect(outcome(text)).toMatch(/^(?:accepted|config_invalid|secret_plain)$/);
        },
      ),
    );
  });
});

describe("secrets", () => {
  const plain = "sinks:\n  - type: hook\n    token: hunter2-very-secret";

  test("plain text is refused without being repeated", () => {
    const error = refusal(plain);
    expect(error).toMatchObject({ code: "secret_plain", exitCode: 2 });
    expect(error.message).toContain("s.yml:3:12: `sinks[0].token`: a secret stands in plain text");
    expect(error.message).not.toContain("hunter2");
  });

  test.each(["{value: hunter2-very-secret}", "{env: A, file: hunter2-very-secret}", "[hunter2-very-secret]"])(
    "a malformed one is not repeated either: %s",
    (token) => {
      expect(refusal(`sinks: [{type: hook, token: ${token}}]`).message).not.toContain("hunter2");
    },
  );

  test("a reference that leads nowhere says which", () => {
    expect(refusal("sinks: [{type: hook, token: {env: NOT_SET}}]")).toMatchObject({
      code: "secret_missing",
      message: "s.yml:1:29: `sinks[0].token`: the variable NOT_SET is not set",
    });
    expect(refusal(`sinks: [{type: hook, token: {file: ${folder}/none}}]`).message).toContain("cannot be read");
  });

  test("variable and file give the value, and nothing prints it", () => {
    const file = join(folder, "token");
    writeFileSync(file, "from-file\n");
    const secretOf = (text: string): Secret => parse(text, { TOKEN: "from-env" }).config.sinks[0]?.["token"] as Secret;
    const byEnv = secretOf("sinks: [{type: hook, token: {env: TOKEN}}]");
    const byFile = secretOf(`sinks: [{type: hook, token: {file: ${file}}}]`);
    expect([byEnv.reveal(), byFile.reveal()]).toEqual(["from-env", "from-file"]);
    const shown = [
      `${byEnv}`,
      JSON.stringify({ byEnv }),
      inspect({ byEnv }, { showHidden: true }),
      JSON.stringify(Object.entries(byEnv)),
    ].join();
    expect(shown).toContain("[secret]");
    expect(shown).not.toContain("from-env");
  });
});

describe("printing", () => {
  test("what is printed loads again and means the same", () => {
    const text =
      'sources: [{type: file, path: x, lateness: 90s}]\nsinks: [{type: hook, token: {env: TOKEN}}]\nlimits: {recordBytes: 512 KiB}\naccounts: {"012345678901": {name: lab}}';
    const first = parse(text, { TOKEN: "hunter2" });
    const printed = printConfig(first.config, adapters);
    expect(printed).not.toContain("hunter2");
    expect(printed).toContain("env: TOKEN");
    expect(printed).toContain("lateness: 1m30s");
    expect(printed).toContain("recordBytes: 512 KiB");
    const again = parse(printed, { TOKEN: "hunter2" });
    expect(JSON.stringify(again.config)).toBe(JSON.stringify(first.config));
  });
});

describe("search", () => {
  test("a named file that is not there is an error, whoever named it", () => {
    expect(() => loadConfig({ path: join(folder, "none.yml"), adapters, environment: {} })).toThrow(
      /--config names .*none\.yml, which does not exist/,
    );
    expect(() => loadConfig({ adapters, environment: { SAGEWATCH_CONFIG: join(folder, "none.yml") } })).toThrow(
      /SAGEWATCH_CONFIG/,
    );
  });

  test("--config goes before the variable", () => {
    const [left, right] = [join(folder, "left.yml"), join(folder, "right.yml")];
    writeFileSync(left, "log: {level: warn}");
    writeFileSync(right, "log: {level: error}");
    expect(loadConfig({ path: left, adapters, environment: { SAGEWATCH_CONFIG: right } })).toMatchObject({
      path: left,
      config: { log: { level: "warn" } },
    });
    expect(loadConfig({ adapters, environment: { SAGEWATCH_CONFIG: right } })).toMatchObject({ path: right });
  });
});
