/**
 * The command: files on a disk that parse, an answer file that agrees with them, refusals that say what to do.
 */
import { globSync, mkdtempSync, readFileSync, rmSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runSimulate } from "../../src/commands/simulate.ts";
import type { Answers } from "../../src/simulate/answers.ts";
import { call } from "./cli.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "sagewatch-simulate-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const out = (name: string): string => path.join(folder, name);

/** Relative path to bytes, in order of paths. */
function readTree(root: string): [string, string][] {
  return globSync("**/*.*", { cwd: root })
    .toSorted()
    .map((name) => [name, readFileSync(path.join(root, name)).toString("base64")]);
}

describe("runSimulate", () => {
  test("writes files that parse and an answer file that agrees with them", async () => {
    const summary = await runSimulate({ out: out("a"), records: 3000, seed: 5 });
    const names = globSync("AWSLogs/**/*.json.gz", { cwd: out("a") });
    const answers = JSON.parse(readFileSync(summary.answersPath, "utf8")) as Answers;
    const texts = names.map((name) => gunzipSync(readFileSync(path.join(out("a"), name))).toString("utf8"));
    const ids = texts.flatMap((text) =>
      (JSON.parse(text) as { Records: { eventID: string }[] }).Records.map(({ eventID }) => eventID),
    );
    expect(texts.filter((text) => text.includes("\n"))).toEqual([]);
    expect({ files: names.length, records: ids.length }).toEqual({ files: answers.files, records: answers.records });
    expect(ids.length - new Set(ids).size).toBe(answers.copies);
    const present = new Set(ids);
    expect(answers.attacks.flatMap(({ eventIds }) => eventIds).filter((id) => !present.has(id))).toEqual([]);
    expect(answers.attacks).toHaveLength(6);
    expect(answers.accounts.map(({ name }) => name)).toEqual([
      "prod-ml",
      "research",
      "data-platform",
      "shared-services",
      "sandbox",
    ]);
    expect(answers).toMatchObject({ seed: 5, start: "2026-03-10T00:00:00Z", end: "2026-03-11T00:00:00Z" });
    expect(summary.answers).toEqual(answers);
  });

  test("the same seed writes the same bytes, another seed does not", async () => {
    await runSimulate({ out: out("a"), records: 400, seed: 5 });
    await runSimulate({ out: out("b"), records: 400, seed: 5 });
    await runSimulate({ out: out("c"), records: 400, seed: 6 });
    expect(readTree(out("b"))).toEqual(readTree(out("a")));
    expect(readTree(out("c"))).not.toEqual(readTree(out("a")));
  });

  test("progress grows to the total", async () => {
    const seen: [number, number][] = [];
    await runSimulate({
      out: out("a"),
      records: 400,
      attacks: "none",
      onProgress: (done, total) => seen.push([done, total]),
    });
    expect(seen.at(-1)).toEqual([400, 400]);
    expect(seen.map(([done]) => done)).toEqual(seen.map(([done]) => done).toSorted((a, b) => a - b));
  });

  test("a folder with an earlier run is refused and left alone", async () => {
    await runSimulate({ out: out("a"), records: 50, attacks: "none" });
    const before = readTree(out("a"));
    await expect(runSimulate({ out: out("a"), records: 60, attacks: "none" })).rejects.toMatchObject({
      code: "usage",
      message: expect.stringMatching(/already has AWSLogs/u) as string,
    });
    expect(readTree(out("a"))).toEqual(before);
  });

  test("a signal stops it, without an answer file", async () => {
    const stop = new AbortController();
    const run = runSimulate({
      out: out("a"),
      records: 2000,
      attacks: "none",
      signal: stop.signal,
      onProgress: () => stop.abort(),
    });
    await expect(run).rejects.toThrow(/abort/u);
    expect(existsSync(path.join(out("a"), "answers.json"))).toBe(false);
  });

  test.each([
    [{ start: "yesterday" }, /--start "yesterday" is not a time/u],
    [{ start: "2026-03-10T00:00:01Z" }, /full five minutes/u],
    [{ attacks: "nothing" }, /unknown attack "nothing"/u],
    [{ records: 0 }, /--records is 0/u],
  ])("%j is refused before anything is written", async (change, message) => {
    await expect(runSimulate({ out: out("a"), records: 10, ...change })).rejects.toThrow(message);
    expect(existsSync(out("a"))).toBe(false);
  });
});

test("the command says how to read what it wrote, and the records alone are in that folder", async () => {
  const { code, stdout, stderr } = await call(
    "simulate",
    "--out",
    out("a day"),
    "--records",
    "50",
    "--attacks",
    "none",
  );
  expect([code, stdout]).toEqual([0, `${out("a day")}/answers.json\n`]);
  const [, named = ""] = /^Next: \S*sagewatch replay '(.*)'$/m.exec(stderr) ?? [];
  expect(named).toBe(out("a day/AWSLogs"));
  const replayed = await call("replay", named);
  expect(replayed.code).toBe(0);
  expect(replayed.stderr).toContain("quarantined 0");
});
