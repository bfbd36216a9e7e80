/** deploy/cloudformation by cfn-lint, which knows each resource's properties. Skipped by name where it is not there. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findProgram } from "../support/deploy/programs.ts";

const folder = join(import.meta.dirname, "../../deploy/cloudformation");
const linter = findProgram("cfn-lint");
const note = "missing" in linter ? ` (skipped: ${linter.missing})` : "";
const TIMEOUT_MS = 120_000;

/** What cfn-lint says against templates: empty when it says nothing. */
const lint = (...paths: readonly string[]): string =>
  spawnSync("path" in linter ? linter.path : "", ["--format", "parseable", ...paths], { encoding: "utf8" }).stdout;

test.skipIf("missing" in linter)(
  `cfn-lint has nothing to say of the templates, and much of a spoiled one${note}`,
  { timeout: TIMEOUT_MS },
  () => {
    expect(lint(join(folder, "security-account.yml"), join(folder, "member-account.yml"))).toBe("");
    const root = mkdtempSync(join(tmpdir(), "sagewatch-lint-"));
    try {
      const spoiled = join(root, "member-account.yml");
      const text = readFileSync(join(folder, "member-account.yml"), "utf8");
      writeFileSync(spoiled, text.replace("MessageRetentionPeriod:", "MessageRetention:"));
      expect(lint(spoiled)).toContain("E3002");
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  },
);
