/** What a state folder remembers of files that are gone: not for ever, and not less while a disk is away. */
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { createPlace, type Place, run, toConfig, write } from "./make.ts";

/** The files that positions are kept of. */
function remembered({ state }: Place): string[] {
  const sqlite = new DatabaseSync(join(state, "store.db"), { readOnly: true });
  const keys = sqlite.prepare("SELECT key FROM positions").all() as { key: string }[];
  sqlite.close();
  return keys.map(({ key }) => key.slice(key.lastIndexOf("/") + 1, -1)).toSorted();
}

/** As if all had been written so many days earlier. */
function age({ state }: Place, days: number): void {
  const sqlite = new DatabaseSync(join(state, "store.db"));
  sqlite.exec(`UPDATE positions SET at_ms = at_ms - ${days * 86_400_000}`);
  sqlite.close();
}

test("a file that is gone is forgotten after 35 days, and none while its folder is away", async () => {
  const place = createPlace();
  const config = toConfig(place, {});
  const [gone, kept] = ["gone.json", "kept.json"].map((name) => write(join(place.input, name), '{"Records":[]}'));
  await run(config);
  rmSync(gone!);
  age(place, 34);
  await run(config);
  expect(remembered(place)).toEqual(["gone.json", "kept.json"]);
  age(place, 2);
  renameSync(kept!, join(place.root, "elsewhere"));
  await run(config);
  expect(remembered(place)).toEqual(["gone.json", "kept.json"]);
  rmSync(place.input, { recursive: true });
  await expect(run(config)).rejects.toMatchObject({ code: "not_found" });
  mkdirSync(place.input);
  renameSync(join(place.root, "elsewhere"), kept!);
  await run(config);
  expect(remembered(place)).toEqual(["kept.json"]);
});
