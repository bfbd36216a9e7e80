import { EventEmitter } from "node:events";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import type { Sink } from "../../src/contracts.ts";
import { consoleSink, type ConsoleSinkConfig } from "../../src/sinks/console.ts";
import type { SinkDeps } from "../../src/sinks/registry.ts";
import { item } from "../contracts/alert-items.ts";
import { examineSink } from "../contracts/sink-exam.ts";
import { endpointBurst, hostileFinding } from "../encode/alerts.ts";

const signal = new AbortController().signal;

/** A standard output that can fail and come back, which Node's own streams never do. */
function createStdout(terminal: { columns?: number; hasColors?: () => boolean } = {}): {
  readonly stdout: SinkDeps["stdout"];
  readonly text: () => string;
  readonly setDown: (down: boolean) => void;
  /** A write takes so many ms. */
  readonly setSlow: (ms: number) => void;
  readonly listeners: () => number;
} {
  let [text, down, slowMs] = ["", false, 0];
  const stream = Object.assign(new EventEmitter(), terminal, {
    write: (chunk: string, done: (error?: Error) => void) => {
      if (!down) text += chunk;
      const error = new Error("write EPIPE");
      const end = (): void => {
        done(down ? error : undefined);
        if (down) stream.emit("error", error);
      };
      if (slowMs > 0) setTimeout(end, slowMs);
      else queueMicrotask(end);
      return true;
    },
  });
  return {
    stdout: stream as unknown as SinkDeps["stdout"],
    text: () => text,
    setDown: (value) => void (down = value),
    setSlow: (ms) => void (slowMs = ms),
    listeners: () => stream.listenerCount("error"),
  };
}

function toConfig(settings: object): ConsoleSinkConfig {
  return consoleSink.schema.parse({ type: "console", ...settings });
}

/** What a new sink with these settings writes for these alerts, in one send each. */
async function print(settings: object, alerts: readonly (typeof endpointBurst)[], terminal = {}): Promise<string> {
  const { stdout, text } = createStdout(terminal);
  const sink = consoleSink.create(toConfig(settings), { version: "0.1.0", stdout });
  for (const alert of alerts) await sink.send([{ alert, opened: alert.revision === 1 }], signal);
  return text();
}

examineSink("console", async () => {
  const { stdout, text, setDown, setSlow } = createStdout();
  const reopen = (): Sink => consoleSink.create(toConfig({ format: "native" }), { version: "0.1.0", stdout });
  const sink = reopen();
  return {
    reopen,
    slow: setSlow,
    sink,
    received: async () =>
      text()
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as { id: string; revision: number })
        .map(({ id, revision }) => ({ id, revision })),
    fail: async () => setDown(true),
    mend: async () => setDown(false),
    dispose: () => sink.close(),
  };
});

describe("the table", () => {
  test("has its titles once, keeps its columns, and says what is an update", async () => {
    const lines = (await print({}, [hostileFinding, endpointBurst], {})).split("\n");
    expect(lines.filter((line) => line.startsWith("TIME"))).toHaveLength(1);
    expect(lines[1]).toContain("root\\u{1b}[2J");
    expect(lines[2]).toContain("update 3: Many SageMaker");
    expect(lines[0]!.indexOf("PRINCIPAL")).toBe(lines[2]!.indexOf("role/DataScience"));
  });

  test("fits the terminal, in UTC with Z or in the zone asked for", async () => {
    const utc = await print({}, [endpointBurst], { columns: 120 });
    expect(Math.max(...utc.split("\n").map((line) => line.length))).toBeLessThanOrEqual(120);
    expect(utc).toContain("2026-03-01T00:12:00Z");
    expect(await print({ tz: "Asia/Tokyo" }, [endpointBurst])).toContain("2026-03-01T09:12:00+09:00");
  });

  test("is coloured only where the terminal has colours", async () => {
    const coloured = await print({}, [endpointBurst], { hasColors: () => true });
    expect(coloured).toContain("\u001b[31m");
    expect(stripVTControlCharacters(coloured)).toBe(await print({}, [endpointBurst]));
  });

  test("shows the titles again when the write with them failed", async () => {
    const { stdout, text, setDown } = createStdout();
    const sink = consoleSink.create(toConfig({}), { version: "0.1.0", stdout });
    setDown(true);
    await sink.send([item(1)], signal);
    setDown(false);
    await sink.send([item(1)], signal);
    expect(text()).toMatch(/^TIME/);
  });
});

test("brief is one line an alert without titles: time, severity and who did what where, cut to the terminal", async () => {
  const lines = (await print({ format: "brief" }, [hostileFinding, endpointBurst])).split("\n");
  expect(lines).toHaveLength(3);
  expect(lines[1]).toMatch(
    /^2026-03-01T00:12:00Z {2}high {11}update 3: Many SageMaker endpoints .* by DataScience in \S+$/,
  );
  expect(lines[0]).not.toMatch(/[\u0000-\u001f\u0080-\u009f\u200b\u202e]/);
  const narrow = await print({ format: "brief", tz: "Asia/Tokyo" }, [endpointBurst], {
    columns: 60,
    hasColors: () => true,
  });
  expect(narrow).toMatch(/^2026-03-01T09:12:00\+09:00 {2}\u001b\[31mhigh/);
  expect(stripVTControlCharacters(narrow).trimEnd()).toHaveLength(60);
});

test("each JSON form is one printable object a line", async () => {
  const [json, native, ocsf] = await Promise.all(
    ["json", "native", "ocsf"].map((format) => print({ format }, [hostileFinding])),
  );
  expect(json).toBe(native);
  expect(JSON.parse(native!)).toEqual(hostileFinding);
  expect(JSON.parse(ocsf!)).toMatchObject({ class_uid: 2004, metadata: { product: { version: "0.1.0" } } });
  for (const line of [native!, ocsf!]) expect(line).toMatch(/^[^\u0000-\u001f\u0080-\u009f\u200b\u202e]*\n$/);
});

test("leaves standard output open and without a listener when it closes", async () => {
  const { stdout, listeners } = createStdout();
  const sink = consoleSink.create(toConfig({}), { version: "0.1.0", stdout });
  expect(listeners()).toBe(1);
  await sink.close();
  expect(listeners()).toBe(0);
});

describe("settings", () => {
  test("all have defaults", () => {
    expect(toConfig({})).toEqual({
      type: "console",
      name: "console",
      minSeverity: "informational",
      delivery: "required",
      outboxMax: 2 * 1024 ** 3,
      format: "table",
      tz: "UTC",
    });
  });

  test.each([
    ["a key that does not exist", { colour: true }],
    ["a zone that does not exist", { tz: "Mars/Olympus" }],
    ["a form that does not exist", { format: "xml" }],
    ["a name with a space", { name: "my console" }],
    ["a severity that does not exist", { minSeverity: "urgent" }],
  ])("%s is refused", (_name, settings) => {
    expect(consoleSink.schema.safeParse({ type: "console", ...settings }).success).toBe(false);
  });
});
