/** Tells at the end of a run of the tests how much was searched for secrets. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TALLY } from "./secrets.ts";

/** For vitest's `globalSetup`: opens the tally, and gives what closes it. */
export function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "sagewatch-tally-"));
  const path = join(folder, "tally");
  writeFileSync(path, "");
  process.env[TALLY] = path;
  return () => {
    const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
    rmSync(folder, { recursive: true, force: true });
    const sum = (column: number): number => lines.reduce((all, line) => all + Number(line.split(" ")[column]), 0);
    process.stderr.write(`searched for secrets: ${sum(0)} outputs, ${sum(1)} characters\n`);
  };
}
