/**
 * `rules profile`: counts that can be checked, costs that cannot but in their sums.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { call } from "../cli.ts";
import { deliver, record } from "../records.ts";

const folder = mkdtempSync(join(tmpdir(), "sagewatch-profile-"));
afterAll(() => rmSync(folder, { recursive: true }));

const rule = (name: string, detection: string): string =>
  `title: ${name}\nname: ${name}\nlevel: low\nlogsource: {product: aws, service: cloudtrail}\ndetection: {sel: ${detection}, condition: sel}\n`;
const rules = join(folder, "rules.yml");
writeFileSync(
  rules,
  [
    rule("stops", "{eventName: StopLogging, userIdentity.userName: mallory}"),
    rule("open", "{userAgent|re: 'aws-cli/[0-9]'}"),
    rule("never", "{eventName: DeleteTrail}"),
  ].join("---\n"),
);
const events = deliver(folder, "0805", [
  record(1),
  record(2, { userIdentity: { userName: "eve" } }),
  record(3, { eventName: "LookupEvents" }),
  record(4, { eventTime: "never" }),
]);

test("records on which each rule was tried, its matches, and which rules are open", async () => {
  const { code, stdout, stderr } = await call("rules", "profile", "--rules", rules, "--format", "ndjson", events);
  const profiles = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const byId = Object.fromEntries(profiles.map((profile) => [String(profile["ruleId"]), profile]));
  expect(code).toBe(0);
  expect(byId).toMatchObject({
    stops: { title: "stops", tried: 2, matches: 1, isOpen: false },
    open: { tried: 3, matches: 3, isOpen: true },
    never: { tried: 0, matches: 0, isOpen: false, nsPerRecord: 0, share: 0 },
  });
  expect(profiles.reduce((sum, { share }) => sum + Number(share), 0)).toBeCloseTo(1);
  expect(profiles.at(-1)?.["ruleId"]).toBe("never");
  expect(stderr).toMatch(
    /^3 records, \d+ ns a record in 3 rules; 1 without a witness: open; 1 records could not be evaluated\.\n$/,
  );
});

test("a table by default, the dearest first, open rules marked", async () => {
  const { stdout } = await call("rules", "profile", "--rules", rules, events);
  const [head, ...lines] = stdout.trimEnd().split("\n");
  expect(head).toMatch(/^NS\/RECORD +SHARE +TRIED +MATCHES +WITNESS +TITLE +ID$/);
  expect(lines).toHaveLength(3);
  expect(lines.find((line) => line.endsWith("open"))).toMatch(/ %  +3 +3 +open +open +open$/);
});

test("no record to measure with is an error", async () => {
  const empty = join(folder, "empty.json");
  writeFileSync(empty, '{"Records":[]}');
  const { code, stderr } = await call("rules", "profile", "--rules", rules, empty);
  expect([code, stderr]).toStrictEqual([2, expect.stringContaining("holds no record")]);
});
