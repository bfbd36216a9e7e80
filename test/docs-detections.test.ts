/**
 * The pages of the shipped detections: one a rule, fresh, complete, and linked from the list.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeRulePages } from "../tools/docs/pages.ts";

const root = join(import.meta.dirname, "..");
const pages = makeRulePages();
const SECTIONS = [
  "What to check first",
  "Fires when",
  "Data that it needs",
  "ATT&CK and ATLAS",
  "Numbers and lists",
  "False positives",
  "An event that fires",
  "References",
] as const;

test("there is one page a rule that alerts, and none besides", () => {
  const there = readdirSync(join(root, "docs/detections")).map((name) => `docs/detections/${name}`);
  expect(there.toSorted()).toEqual([...pages.keys()].toSorted());
  expect(pages.size).toBeGreaterThan(60);
});

describe.each([...pages])("%s", (path, text) => {
  test("is fresh (else: npm run docs)", () => {
    expect(readFileSync(join(root, path), "utf8")).toBe(text);
  });

  test("says something under each heading", () => {
    const parts = text.split(/^## (.*)$/m);
    const bodies = new Map(SECTIONS.map((name) => [name, parts[parts.indexOf(name) + 1]?.trim() ?? ""]));
    for (const [name, body] of bodies) expect(body.length, name).toBeGreaterThan(10);
    expect(bodies.get("Fires when")).toMatch(/^- /m);
    expect(bodies.get("ATT&CK and ATLAS")).not.toMatch(/\| {2}\|/);
    expect(text).not.toMatch(/undefined|\[object/);
  });

  test("is linked from the list, and its own links lead somewhere", () => {
    const name = path.replace(/^.*\/(.*)\.md$/, "$1");
    expect(readFileSync(join(root, "docs/detections.md"), "utf8")).toContain(`(detections/${name}.md)`);
    for (const [, target] of text.matchAll(/\]\((\.\.[^)]*)\)/g))
      expect(() => readFileSync(join(root, "docs/detections", target ?? "")), target).not.toThrow();
  });
});
