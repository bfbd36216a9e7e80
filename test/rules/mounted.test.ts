/**
 * Rules in a folder as Kubernetes mounts a ConfigMap: names that are links into `..data`, itself a link to a folder with
 * a time in its name, which is exchanged as a whole. https://kubernetes.io/docs/concepts/configuration/configmap/
 */
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadRules } from "../../src/rules/load.ts";
import { lookAtRules } from "../../src/rules/watch.ts";

const folder = mkdtempSync(join(tmpdir(), "sagewatch-mounted-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const rule = (level: string): string => `title: Notebook created
id: 5b0a8a1e-2f0e-4f43-9d53-0c4f5a1d7e11
logsource: {product: aws, service: cloudtrail}
detection:
  selection: {eventName: CreateNotebookInstance}
  condition: selection
level: ${level}
`;

/** What the kubelet does: a new folder, then the link to it in one rename. */
function mount(version: string, text: string): void {
  mkdirSync(join(folder, version));
  writeFileSync(join(folder, version, "mine.yml"), text);
  symlinkSync(version, join(folder, "..data_tmp"));
  renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
}

test("each file is read once, and an exchange of the folder is a change", async () => {
  mount("..2026_11_26_05_00", rule("low"));
  symlinkSync(join("..data", "mine.yml"), join(folder, "mine.yml"));
  const look = (): Promise<string> => lookAtRules({ rulePaths: () => [folder], listFolders: () => [] });
  const levels = (): unknown =>
    loadRules([folder], { mode: "lenient" }).ruleSet?.detections.map(({ title, level }) => [title, level]);
  const before = await look();
  expect([levels(), await look()]).toEqual([[["Notebook created", "low"]], before]);
  mount("..2026_11_26_05_09", rule("high"));
  expect(levels()).toEqual([["Notebook created", "high"]]);
  expect(await look()).not.toBe(before);
});
