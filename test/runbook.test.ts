/**
 * The runbook answers for every alert that Sagewatch raises about itself, every reason not to be ready, every exit code.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ERROR_CODES } from "../src/model/errors.ts";
import { NOT_ALIVE, NOT_READY } from "../src/ops/http/health.ts";
import { OPERATIONAL_ALERTS } from "../src/pipeline/operational.ts";

const text = readFileSync(join(import.meta.dirname, "../docs/runbook.md"), "utf8");
const headings = [...text.matchAll(/^#{1,4} (.+)$/gm)].map(([, heading = ""]) => heading);
const anchors = headings.map((heading) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replaceAll(/\s/g, "-"),
);
/** The text below a heading, up to the next of the same depth or less. */
function below(heading: string): string {
  const start = text.indexOf(`# ${heading}\n`);
  expect(start).toBeGreaterThan(0);
  const depth = /#+$/.exec(text.slice(0, start + 1))?.[0].length ?? 1;
  const rest = text.slice(start + heading.length + 3);
  const next = new RegExp(`^#{1,${depth}} `, "m").exec(rest);
  return rest.slice(0, next?.index);
}

describe("the runbook", () => {
  test.each(Object.keys(OPERATIONAL_ALERTS))("sagewatch.%s has a heading with what to do", (name) => {
    expect(headings).toContain(`\`sagewatch.${name}\``);
    expect(below(`\`sagewatch.${name}\``).length).toBeGreaterThan(200);
  });

  test.each([...new Set([0, 1, ...Object.values(ERROR_CODES).map(({ exit }) => exit)])])(
    "exit code %i has a heading",
    (code) => {
      expect(below(`Exit code ${code}`).length).toBeGreaterThan(80);
    },
  );

  test.each(Object.entries(ERROR_CODES))("%s stands below its exit code", (code, { exit }) => {
    expect(below(`Exit code ${exit}`)).toContain(`\`${code}\``);
  });

  test("every reason of /ready and /health is told what to do about", () => {
    for (const reason of Object.keys(NOT_READY)) expect(below("Not ready")).toContain(`\n| \`${reason}\` | `);
    for (const reason of Object.keys(NOT_ALIVE)) expect(below("Not alive")).toContain(`\`${reason}\``);
  });

  test("its links lead to headings of its own, each heading stands once", () => {
    expect(new Set(anchors).size).toBe(anchors.length);
    for (const [, anchor] of text.matchAll(/\]\(#([^)]+)\)/g)) expect(anchors).toContain(anchor);
  });
});
