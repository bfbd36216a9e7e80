/** Findings of Security Hub: whatever is cut to the lengths of the format stays whole text. */
import { describe, expect, test } from "vitest";
import { toAsff } from "../../src/encode/asff.ts";
import { endpointBurst } from "./alerts.ts";

const TARGET = { accountId: "111122223333", region: "eu-west-1", partition: "aws" };

/** A pair of UTF-16 units that ends at each place in turn, so that every cut meets the middle of one. */
const FIRES = ["", "x"].map((start) => start + "🔥".repeat(2000));

describe("texts that are longer than the format takes", () => {
  test.each(FIRES)("are cut between characters %#", (text) => {
    const { title, why, principal, ruleName } = { title: text, why: text, principal: text, ruleName: text };
    const finding = toAsff({ ...endpointBurst, title, why, principal, ruleName }, TARGET);
    expect(JSON.stringify(finding).isWellFormed()).toBe(true);
    expect(JSON.stringify(finding)).not.toMatch(/\\ud[89a-f]/);
    const lengths = [
      finding.Title,
      finding.Description,
      finding.Resources[0]?.Id ?? "",
      finding.ProductFields["sagewatch/rule"],
    ];
    expect(lengths.map((one) => one?.endsWith("…"))).toEqual([true, true, true, true]);
    const most = [256, 1024, 512, 2048];
    expect(lengths.filter((one, index) => (one ?? "").length > (most[index] ?? 0))).toEqual([]);
  });
});
