/**
 * The story of an alert: what it tells and in which order, what it leaves out, and what no stranger's text can do to it.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { renderStory } from "../../src/encode/story.ts";
import { textWidth } from "../../src/lib/text-table.ts";
import { anyAlert, bareAlert, endpointBurst, hostileFinding } from "./alerts.ts";

const lines = (text: string): string[] => text.split("\n").slice(0, -1);

describe("the long form", () => {
  test("tells all of an alert", async () => {
    await expect(renderStory(endpointBurst)).toMatchFileSnapshot("../golden/alert-long.txt");
  });

  test("names the first events, each once, and says where the others are", () => {
    const ids = Array.from({ length: 40 }, (_, at) => `0a0a0a0a-0000-4000-8000-${String(at + 1).padStart(12, "0")}`);
    const text = renderStory({ ...endpointBurst, eventIds: ids, eventCount: 40 }, {}, { width: 100 });
    for (const [at, id] of ids.entries()) expect(text.split(id)).toHaveLength(at < 10 ? 2 : 1);
    expect(text).toContain("and 30 more in --json");
    expect(text).toMatch(/^ {2}events {6}40$/m);
    expect(renderStory(endpointBurst)).not.toContain("more in --json");
  });

  test("tells equal events in a row once, and where they came from only when that changes", () => {
    const [first] = endpointBurst.evidence;
    if (first === undefined) throw new Error("the sample has evidence");
    const row = { ...first, errorCode: "" };
    const evidence = [
      row,
      { ...row, time: "2026-03-01T00:03:00Z", target: "scoring-9" },
      { ...row, time: "2026-03-01T00:04:00Z", errorCode: "AccessDenied" },
      { ...row, time: "2026-03-01T00:05:00Z", sourceIPAddress: "203.0.113.9" },
    ];
    const denials = new Set(["AccessDenied"]);
    const text = renderStory({ ...endpointBurst, evidence, eventCount: 4 }, { denials }, { width: 120 });
    expect(text).toContain("sagemaker:CreateEndpoint, 2 times, until 2026-03-01T00:03:00Z");
    expect(text).toContain("denied: AccessDenied");
    expect(text.split("from 198.51.100.7")).toHaveLength(2);
    expect(text).toContain("from 203.0.113.9");
  });

  test("answers the questions in order, and leaves out what is not known", () => {
    const beside = {
      who: [["session", ["kim"]]] as const,
      cost: ["8 accelerators."],
      meaning: ["Somebody took GPUs."],
      checkFirst: ["Ask.", "Stop it."],
      related: [{ ...bareAlert, ruleName: "Another rule" }],
      additions: [["ip", ["known"]]] as const,
    };
    const text = renderStory(endpointBurst, beside, { width: 80 });
    const sections = [
      "What happened",
      "Who",
      "What it costs",
      "What it can mean",
      "Check first",
      "More by",
      "Added",
      "Records",
    ];
    const places = sections.map((title) => text.indexOf(`\n${title}`));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places).not.toContain(-1);
    expect(text).toContain("  2. Stop it.");
    expect(renderStory(endpointBurst)).not.toMatch(/What it costs|Check first|More by|Added/);
  });

  test("no line is wider than asked, whatever is told", () => {
    fc.assert(
      fc.property(
        anyAlert,
        fc.integer({ min: 20, max: 200 }),
        fc.string({ unit: "grapheme" }),
        (alert, width, text) => {
          const beside = {
            who: [[text, [text]]] as const,
            meaning: [text],
            checkFirst: [text],
            places: [text],
            raw: text,
          };
          for (const line of lines(renderStory(alert, beside, { width })))
            expect(textWidth(line)).toBeLessThanOrEqual(width);
        },
      ),
    );
  });

  test("makes hidden characters visible and lets no text forge a line", () => {
    const text = renderStory(hostileFinding);
    expect(text).toContain("gpj.\\u{202e}txt\\u{200b}\\u{a}forged line");
    expect(lines(text).filter((line) => line.startsWith("forged"))).toEqual([]);
    expect(text).toContain("late");
  });

  test("no alert can send a control character", () => {
    fc.assert(
      fc.property(anyAlert, (alert) => {
        expect(renderStory(alert)).not.toMatch(
          /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/,
        );
      }),
    );
  });
});
