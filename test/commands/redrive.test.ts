/** Alerts that a sink refused: listed, and sent again with a daemon and without one. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { composeRun } from "../../src/compose.ts";
import { parseConfig } from "../../src/config/load.ts";
import { ADAPTERS } from "../../src/config/registries.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { openStore } from "../../src/store/store.ts";
import { content, START, unit } from "../store/make.ts";
import { call } from "./cli.ts";

const ids = ["a", "b", "c"].map((letter) => letter.repeat(64));
let root: string;
let config: string;
let sinkFile: string;

/** A state folder in which the sinks `file` and `other` refused three alerts each. */
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "sagewatch-redrive-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, "input"));
  sinkFile = join(root, "alerts.ndjson");
  config = join(root, "sagewatch.yml");
  const sources = `sources: [{type: file, mode: watch, paths: [${join(root, "input")}]}]`;
  writeFileSync(config, `state: {dir: ${join(root, "state")}}\n${sources}\nsinks: [{type: file, path: ${sinkFile}}]\n`);
  const store = openStore({ dir: join(root, "state"), clock: systemClock, engine: "test" });
  const sinks = ["file", "other"];
  store.commit(
    unit({ alerts: ids.map((id) => ({ content: content(id), order: null, final: true, records: [], sinks })) }),
  );
  for (const sink of sinks) {
    const outbox = store.outbox(sink);
    outbox.refused(
      outbox.due(START, 9).map((item) => ({ item, code: "too_large" })),
      START,
    );
  }
  store.close();
});

const sent = (): string[] =>
  readFileSync(sinkFile, "utf8")
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { id: string }).id);

async function watchUntil(work: () => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const loaded = parseConfig(readFileSync(config, "utf8"), { adapters: ADAPTERS, path: null });
  const opened = Promise.withResolvers<void>();
  const running = composeRun({
    config: loaded.config,
    signal: stop.signal,
    emit: (signal) => void (signal.type === "store_opened" && opened.resolve()),
  });
  await Promise.race([opened.promise, running]);
  await work();
  stop.abort();
  await running;
}

test("the dead letters are listed with sink, code and alert", async () => {
  const { code, stdout } = await call("redrive", "--config", config);
  expect(code).toBe(0);
  expect(stdout.split("\n")).toHaveLength(8);
  expect(stdout).toMatch(new RegExp(`2026-03-10T00:00:00Z +file +too_large +1 +${ids[0]}`));
  const some = await call("redrive", "--list", "--sink", "other", "--config", config, "bbbb");
  expect(some.stdout.trim().split("\n")).toHaveLength(2);
});

test("through a running daemon they are sent at once", async () => {
  await watchUntil(async () => {
    const { code, stdout } = await call("redrive", "--config", config, "--sink", "file");
    expect({ code, stdout }).toEqual({ code: 0, stdout: "redriven 3, sent now\n" });
    const wait = (): boolean => {
      try {
        return sent().length === 3;
      } catch {
        return false;
      }
    };
    for (let n = 0; n < 500 && !wait(); n += 1) await systemClock.sleep(20);
  });
  expect(sent()).toEqual(ids);
  const { stdout } = await call("redrive", "--config", config);
  expect(stdout).not.toMatch(/ file /);
});

test("without a daemon they are sent with the next run", async () => {
  const { stdout } = await call("redrive", "--config", config, "aaaa");
  expect(stdout).toBe("redriven 2, sent with the next run\n");
  await watchUntil(async () => undefined);
  expect(sent()).toEqual([ids[0]]);
});

test.each([
  [["--all", "--sink", "file"], 2, "leave it out"],
  [["ffff"], 2, "there is no alert"],
] as const)("%j is refused", async (args, code, words) => {
  const ended = await call("redrive", "--config", config, ...args);
  expect(ended.code).toBe(code);
  expect(ended.stderr).toContain(words);
});
