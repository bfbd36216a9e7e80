import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, renameSync, rmdirSync } from "node:fs";
import { appendFile, chmod, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Sink } from "../../src/contracts.ts";
import { fileSink, type FileSinkConfig } from "../../src/sinks/file.ts";
import { item } from "../contracts/alert-items.ts";
import { examineSink } from "../contracts/sink-exam.ts";
import { hostileFinding } from "../encode/alerts.ts";

const signal = new AbortController().signal;
const stdout = process.stdout;
const lineBytes = (await import("../../src/encode/native.ts")).encodeNative(item(1).alert).length + 1;

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sagewatch-file-sink-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function createSink(path: string, settings: Partial<FileSinkConfig> = {}): Sink {
  const config = { ...fileSink.schema.parse({ type: "file", path }), ...settings };
  return fileSink.create(config, { version: "0.1.0", stdout });
}

/** Id and revision of each line; throws on a line that is not whole. */
async function readAlerts(path: string): Promise<{ id: string; revision: number }[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  expect(text === "" || text.endsWith("\n")).toBe(true);
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { id: string; revision: number })
    .map(({ id, revision }) => ({ id, revision }));
}

async function readNumbers(path: string): Promise<number[]> {
  return (await readAlerts(path)).map(({ id }) => Number.parseInt(id, 16));
}

examineSink("file", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sagewatch-file-sink-"));
  const path = join(folder, "alerts.ndjson");
  const sink = createSink(path);
  return {
    sink,
    received: () => readAlerts(path),
    // At once, so that the sink finds either and makes no file of its own between.
    fail: async () => {
      renameSync(path, `${path}.aside`);
      mkdirSync(path);
    },
    mend: async () => {
      rmdirSync(path);
      renameSync(`${path}.aside`, path);
    },
    reopen: () => createSink(path),
    killMidWrite: async () => {
      await appendFile(path, '{"id":"ffff","revis');
      return createSink(path);
    },
    dispose: async () => {
      await sink.close();
      await rm(folder, { recursive: true });
    },
  };
});

describe("the file", () => {
  test("is for its owner's eyes, as is the folder that is made for it", async () => {
    const folder = join(await makeFolder(), "new");
    const sink = createSink(join(folder, "alerts.ndjson"));
    await sink.send([item(1)], signal);
    await sink.close();
    expect((await stat(join(folder, "alerts.ndjson"))).mode & 0o777).toBe(0o600);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  });

  test("has one line an alert, whatever the alert holds", async () => {
    const path = join(await makeFolder(), "alerts.ndjson");
    const sink = createSink(path);
    await sink.send([{ alert: hostileFinding, opened: true }, item(2)], signal);
    await sink.close();
    const lines = (await readFile(path, "utf8")).split("\n");
    expect(lines).toHaveLength(3);
    expect(JSON.parse(lines[0]!)).toEqual(hostileFinding);
  });

  test("holds OCSF findings when asked", async () => {
    const path = join(await makeFolder(), "alerts.ndjson");
    const sink = createSink(path, { format: "ocsf" });
    await sink.send([item(1), item(1, 2)], signal);
    await sink.close();
    const findings = (await readFile(path, "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(findings.map(({ type_uid: uid }) => uid)).toEqual([200401, 200402]);
  });

  test("goes on at its end when the sink is made again", async () => {
    const path = join(await makeFolder(), "alerts.ndjson");
    for (const number of [1, 2]) {
      const sink = createSink(path);
      await sink.send([item(number)], signal);
      await sink.close();
    }
    expect(await readNumbers(path)).toEqual([1, 2]);
  });

  test("is made anew when another program moved it away", async () => {
    const path = join(await makeFolder(), "alerts.ndjson");
    const sink = createSink(path);
    await sink.send([item(1)], signal);
    await rename(path, `${path}.taken`);
    await sink.send([item(2)], signal);
    await sink.close();
    expect(await readNumbers(path)).toEqual([2]);
    expect(await readNumbers(`${path}.taken`)).toEqual([1]);
  });

  test.each([
    ["less than a line", '{"id":"ff'],
    ["more than is read at a time", `{"id":"${"f".repeat(200_000)}`],
  ])("loses a torn end of %s, and nothing before it", async (_name, torn) => {
    const path = join(await makeFolder(), "alerts.ndjson");
    const sink = createSink(path);
    await sink.send([item(1), item(2)], signal);
    await sink.close();
    await appendFile(path, torn);
    const next = createSink(path);
    await next.send([item(3)], signal);
    await next.close();
    expect(await readNumbers(path)).toEqual([1, 2, 3]);
  });

  test("that holds nothing but a torn line starts from nothing", async () => {
    const path = join(await makeFolder(), "alerts.ndjson");
    await writeFile(path, '{"id":');
    const sink = createSink(path);
    await sink.send([item(1)], signal);
    await sink.close();
    expect(await readNumbers(path)).toEqual([1]);
  });
});

describe("rotation", () => {
  test("begins a new file before the size is passed, keeps so many, and drops the oldest", async () => {
    const folder = await makeFolder();
    const path = join(folder, "alerts.ndjson");
    const sink = createSink(path, { maxBytes: lineBytes * 2, keep: 2 });
    for (let number = 1; number <= 7; number += 1) await sink.send([item(number)], signal);
    await sink.close();
    expect((await readdir(folder)).toSorted()).toEqual(["alerts.ndjson", "alerts.ndjson.1", "alerts.ndjson.2"]);
    expect(await readNumbers(`${path}.2`)).toEqual([3, 4]);
    expect(await readNumbers(`${path}.1`)).toEqual([5, 6]);
    expect(await readNumbers(path)).toEqual([7]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test("keeps the alerts of one send together, even when they alone pass the size", async () => {
    const path = join(await makeFolder(), "alerts.ndjson");
    const sink = createSink(path, { maxBytes: lineBytes * 2 });
    await sink.send([item(1)], signal);
    await sink.send([item(2), item(3), item(4)], signal);
    await sink.close();
    expect(await readNumbers(`${path}.1`)).toEqual([1]);
    expect(await readNumbers(path)).toEqual([2, 3, 4]);
  });
});

describe("a disk that takes no more", () => {
  test.skipIf(!existsSync("/dev/full"))("is unknown with disk_full", async () => {
    const sink = createSink("/dev/full");
    expect(await sink.send([item(1), item(2)], signal)).toEqual([
      { status: "unknown", code: "disk_full" },
      { status: "unknown", code: "disk_full" },
    ]);
    await sink.close();
  });

  test("in the middle of a write leaves no part of it, and the lines before stay", async () => {
    const path = join(await makeFolder(), "alerts.ndjson");
    // The shell's limit on the size of a file makes the second write stop half-way, as a full disk does.
    const writer = toWriterCommand(path, ["2", "400", "2"]);
    const child = spawn("sh", ["-c", `ulimit -f 64; exec ${writer}`], { stdio: ["ignore", "pipe", "inherit"] });
    const answers: string[] = [];
    for await (const line of createInterface(child.stdout)) answers.push(line);
    expect(answers).toEqual(["accepted 2", "unknown write_failed 402", "accepted 404"]);
    expect(await readNumbers(path)).toEqual([1, 2, 403, 404]);
  });
});

test("a folder where the file should be is unknown with path_missing", async () => {
  const sink = createSink(await makeFolder());
  expect(await sink.send([item(1)], signal)).toEqual([{ status: "unknown", code: "path_missing" }]);
});

test.skipIf(process.getuid?.() === 0)("a folder without permission is unknown with not_permitted", async () => {
  const folder = await makeFolder();
  await chmod(folder, 0o500);
  const sink = createSink(join(folder, "alerts.ndjson"));
  expect(await sink.send([item(1)], signal)).toEqual([{ status: "unknown", code: "not_permitted" }]);
});

test("killed at any moment, the file has every accepted alert, whole, and goes on", async () => {
  const path = join(await makeFolder(), "alerts.ndjson");
  for (let run = 0; run < 3; run += 1) {
    await rm(path, { force: true });
    const child = spawn("sh", ["-c", `exec ${toWriterCommand(path, [])}`], { stdio: ["ignore", "pipe", "inherit"] });
    const exit = once(child, "exit");
    let accepted = 0;
    for await (const line of createInterface(child.stdout)) {
      if (child.killed) continue;
      accepted = Number(line.split(" ").at(-1));
      if (accepted >= 200 + run * 120) child.kill("SIGKILL");
    }
    await exit;
    const sink = createSink(path);
    await sink.send([item(0xffffff)], signal);
    await sink.close();
    const numbers = await readNumbers(path);
    expect(numbers.at(-1)).toBe(0xffffff);
    expect(numbers.slice(0, -1)).toEqual(Array.from({ length: numbers.length - 1 }, (_, index) => index + 1));
    expect(numbers.length - 1).toBeGreaterThanOrEqual(accepted);
  }
});

/** The shell command of a process that writes to `path`. */
function toWriterCommand(path: string, counts: readonly string[]): string {
  const quoted = [process.execPath, join(import.meta.dirname, "write-alerts.ts"), path].map((text) => `'${text}'`);
  return [...quoted, ...counts].join(" ");
}

describe("settings", () => {
  test("all but the path have defaults", () => {
    expect(fileSink.schema.parse({ type: "file", path: "a.ndjson" })).toEqual({
      type: "file",
      name: "file",
      minSeverity: "informational",
      delivery: "required",
      outboxMax: 2 * 1024 ** 3,
      path: "a.ndjson",
      format: "native",
      maxBytes: 104_857_600,
      keep: 10,
    });
  });

  test.each([
    ["no path", { path: undefined }],
    ["an empty path", { path: "" }],
    ["a key that does not exist", { maxFiles: 3 }],
    ["a form for screens", { format: "table" }],
    ["a size that rotates at each alert", { maxBytes: 100 }],
    ["nothing to keep", { keep: 0 }],
  ])("%s is refused", (_name, settings) => {
    expect(fileSink.schema.safeParse({ type: "file", path: "a.ndjson", ...settings }).success).toBe(false);
  });
});
