/** Which positions the file source gives up: those of files that are gone for sure, never those on a disk that is away. */
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../../src/lib/clock.ts";
import { createSource, sourceRegistry } from "../../../src/sources/registry.ts";
import { commitPositions, readBatches } from "../../contracts/source-exam.ts";
import { call, createFolder, type Folder, LIMITS } from "../records.ts";

let folder: Folder;
beforeEach(() => {
  folder = createFolder();
});
afterEach(() => folder.remove());

/** Reads what is there; what the source would have forgotten of `keys`, by the ends of their paths. */
async function forgotten(paths: readonly string[], positions: Map<string, string>): Promise<string[]> {
  const gone = new Set<string>();
  const all = paths.map((path) => join(folder.path, path));
  const config = sourceRegistry.file.schema.parse({ type: "file", name: "trail", paths: all, mode: "once" });
  const source = createSource(config, {
    clock: systemClock,
    limits: LIMITS,
    warn: () => undefined,
    forget: (name, isGone) => {
      expect(name).toBe("trail");
      for (const key of positions.keys()) if (isGone(key)) gone.add(key);
    },
  });
  for (const [key, value] of commitPositions(positions, await readBatches(source, positions)))
    positions.set(key, value);
  return [...gone].map((key) => key.slice(key.lastIndexOf(folder.path) + folder.path.length + 1)).toSorted();
}

test("a file that was deleted or rewritten, in a folder that was looked through, and no other", async () => {
  const positions = new Map<string, string>();
  for (const name of ["day/a.json", "day/b|c.json", "day/kept.json", "else/d.json"]) folder.write(name, call("x"));
  expect(await forgotten(["day", "else"], positions)).toEqual([]);
  expect(positions.size).toBe(4);
  rmSync(join(folder.path, "day/a.json"));
  folder.write("day/b|c.json", `${call("x")}\n${call("y")}\n`);
  expect(await forgotten(["day", "else"], positions)).toEqual(["day/a.json", "day/b|c.json"]);
  expect(await forgotten(["else"], positions)).toEqual([]);
});

test("nothing of a folder that is empty as an unmounted one is, nor of one that is part of another", async () => {
  const positions = new Map<string, string>();
  for (const name of ["top/a.json", "top/disk/b.json"]) folder.write(name, call("x"));
  await forgotten(["top", "top/disk"], positions);
  renameSync(join(folder.path, "top/disk"), join(folder.path, "away"));
  mkdirSync(join(folder.path, "top/disk"));
  expect(await forgotten(["top", "top/disk"], positions)).toEqual([]);
  expect(await forgotten(["top/*.json", "top/disk"], positions)).toEqual([]);
  rmSync(join(folder.path, "top/a.json"));
  expect(await forgotten(["top", "top/disk"], positions)).toEqual([]);
  folder.write("top/new.json", call("y"));
  expect(await forgotten(["top", "top/disk"], positions)).toEqual(["top/a.json"]);
});
