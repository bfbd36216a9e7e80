/** The Dockerfile by hadolint, the linter of Dockerfiles. Skipped by name where it is not there. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findProgram } from "../support/deploy/programs.ts";

const file = join(import.meta.dirname, "../../Dockerfile");
const hadolint = findProgram("hadolint");
const note = "missing" in hadolint ? ` (skipped: ${hadolint.missing})` : "";

/** What hadolint says against a file: empty when it says nothing. */
const lint = (path: string): string =>
  spawnSync("path" in hadolint ? hadolint.path : "", ["--no-color", path], { encoding: "utf8" }).stdout;

test.skipIf("missing" in hadolint)(`hadolint has nothing to say of the Dockerfile${note}`, () => {
  expect(lint(file)).toBe("");
  const folder = mkdtempSync(join(tmpdir(), "sagewatch-lint-"));
  try {
    const spoiled = join(folder, "Dockerfile");
    writeFileSync(spoiled, readFileSync(file, "utf8").replace("WORKDIR /build", "WORKDIR build"));
    expect(lint(spoiled)).toContain("DL3000");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
