import fc from "fast-check";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import { renderTable } from "../../src/encode/table.ts";
import { textWidth } from "../../src/lib/text-table.ts";
import { anyAlert, bareAlert, endpointBurst, hostileFinding } from "./alerts.ts";

const lines = (text: string): string[] => text.split("\n").slice(0, -1);

describe("the table", () => {
  test("shows what an analyst needs first, aligned under its titles", async () => {
    const text = renderTable([endpointBurst, hostileFinding, bareAlert], { width: 220 });
    await expect(text).toMatchFileSnapshot("../golden/table-220.txt");
  });

  test("on 80 cells gives each alert more lines instead of cutting what is said", async () => {
    const text = renderTable([endpointBurst, hostileFinding, bareAlert], { width: 80 });
    await expect(text).toMatchFileSnapshot("../golden/table-80.txt");
  });

  test("shows times in another zone with the offset", () => {
    const text = renderTable([endpointBurst], { zone: "Asia/Tokyo", width: 120 });
    expect(text).toContain("2026-03-01T09:12:00+09:00");
  });

  test("without a principal names the group by its title", () => {
    const byAddress = { ...endpointBurst, principal: "", title: "Many endpoints by 198.51.100.7" };
    expect(renderTable([byAddress], { width: 200 })).toContain("Many endpoints by 198.51.100.7");
  });

  test("colours the severity only when asked, and the colours take no width", () => {
    const plain = renderTable([endpointBurst], { width: 120 });
    const coloured = renderTable([endpointBurst], { width: 120, colour: true });
    expect(plain).not.toContain("\u001b");
    expect(coloured).toContain("\u001b[31mhigh");
    expect(stripVTControlCharacters(coloured)).toBe(plain);
  });

  test("keeps its columns when it grows, if asked", () => {
    const options = { width: 300, steady: true, head: false };
    const [first, second] = [renderTable([endpointBurst], options), renderTable([hostileFinding], options)];
    expect(first.indexOf("role/DataScience")).toBe(second.indexOf("root\\u{1b}"));
  });

  test("takes a hundred thousand rows", () => {
    const many = Array.from({ length: 100_000 }, () => endpointBurst);
    expect(lines(renderTable(many, { width: 120 }))).toHaveLength(200_002);
  });

  test.each([80, 100, 120, 160])(
    "at %i columns title, evidence and who it was are whole, and the id names the alert",
    (width) => {
      const principal =
        "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_PlatformAdmin_952f2aaa29808a8a";
      const why = "StopLogging on arn:aws:cloudtrail:us-east-1:111122223333:trail/ml-audit from 198.51.100.9";
      const ruleName = "CloudTrail switched off or narrowed";
      const [first = "", ...below] = lines(
        renderTable([{ ...endpointBurst, principal, why, ruleName, severity: "critical" }], { width, head: false }),
      );
      expect(first).toContain(ruleName);
      expect(below[0]).toMatch(/^ {2}3b1f0c6e {2}role\/AWSReservedSSO_PlatformAdmin_952f2aaa29808a8a in ml-prod:/);
      expect(below.map((line) => line.trim()).join(" ")).toContain(`${why} (AML.T0034 AML.T0010.001)`);
    },
  );

  test("takes one line an alert where nothing is cut by it", () => {
    const short = { ...endpointBurst, ruleName: "GPU instances launched", why: "3 RunInstances in 3 min" };
    expect(lines(renderTable([short], { width: 160, head: false }))).toEqual([
      expect.stringMatching(/^2026.*GPU instances launched.*role\/DataScience.*3 RunInstances in 3 min.*3b1f0c6e$/),
    ]);
  });

  test("no alert can add a line, leave its width or send a control character", () => {
    fc.assert(
      fc.property(fc.array(anyAlert, { maxLength: 3 }), fc.integer({ min: 20, max: 240 }), (alerts, width) => {
        const text = renderTable(alerts, { width });
        expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/);
        expect(lines(text).length).toBeGreaterThan(alerts.length);
        expect(lines(text).length).toBeLessThanOrEqual(2 + alerts.length * 5);
        for (const line of lines(text)) expect(textWidth(line)).toBeLessThanOrEqual(width);
      }),
    );
  });
});
