/**
 * `alerts list` and `alerts show` over a state folder with alerts of many kinds: filters, orders, and what a story takes from
 * the records, the rules and the other alerts.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock, toUtcText } from "../../../src/lib/clock.ts";
import { openStore } from "../../../src/store/store.ts";
import { content, draft, pointer, record, START, unit } from "../../store/make.ts";
import { call, parseLines } from "../cli.ts";

const RULE = "11111111-1111-4111-8111-111111111111";
const RULES = `title: GPUs taken
id: ${RULE}
description: |
  Somebody took GPUs.

  First: stop the instances; ask whose they are.
logsource: {product: aws, service: cloudtrail}
detection: {call: {eventSource: ec2.amazonaws.com, eventName: RunInstances}, condition: call}
falsepositives: [A planned training]
response: See who pays
level: high
`;
const launch = {
  eventVersion: "1.11",
  userIdentity: {
    type: "AssumedRole",
    arn: "arn:aws:sts::999988887777:assumed-role/Ops/kim@example.com",
    accountId: "999988887777",
    accessKeyId: "ASIAIOSFODNN7EXAMPLE",
    sessionContext: {
      sessionIssuer: { type: "Role", arn: "arn:aws:iam::999988887777:role/Ops", accountId: "999988887777" },
      attributes: { mfaAuthenticated: "true" },
    },
  },
  eventTime: toUtcText(START),
  eventSource: "ec2.amazonaws.com",
  eventName: "RunInstances",
  awsRegion: "us-east-1",
  sourceIPAddress: "198.51.100.7",
  userAgent: "aws-cli/2.28.11",
  requestParameters: { instanceType: "p5.48xlarge", instancesSet: { items: [{ minCount: 1, maxCount: 1 }] } },
  responseElements: { instancesSet: { items: [{ instanceId: "i-1", instanceType: "p5.48xlarge" }] } },
  eventID: "e1",
  recipientAccountId: "111122223333",
};
const row = {
  time: toUtcText(START),
  eventId: "e1",
  action: "ec2:RunInstances",
  sourceIPAddress: "198.51.100.7",
  userAgent: "aws-cli/2.28.11",
  errorCode: "",
  target: "p5.48xlarge",
};

let folder = "";
let state: string[] = [];
const at = (minutes: number): string => toUtcText(START + minutes * 60_000);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sagewatch-alerts-"));
  writeFileSync(join(folder, "gpu.yml"), RULES);
  writeFileSync(join(folder, "sagewatch.yml"), `state: {dir: ${folder}/state}\nrules: {paths: [${folder}/gpu.yml]}\n`);
  state = ["--config", join(folder, "sagewatch.yml")];
  const store = openStore({ dir: join(folder, "state"), clock: systemClock, engine: "test", updateEveryMs: 0 });
  store.load();
  const make = (id: string, over: Parameters<typeof content>[1]): ReturnType<typeof draft> =>
    draft(id, { content: content(id, over) });
  const bytes = new TextEncoder().encode(JSON.stringify(launch));
  store.commit(
    unit({
      alerts: [
        {
          ...make("aaaa1", { ruleId: RULE, ruleName: "GPUs taken", evidence: [row], severity: "high" }),
          records: [{ ...record("e1", bytes), timeMs: START, pointer }],
        },
        make("bbbb2", { severity: "low", lastEventTime: at(5) }),
        make("cccc3", { severity: "critical", lastEventTime: at(3) }),
        make("dddd4", { severity: "medium", lastEventTime: at(9), principal: "arn:aws:iam::111122223333:role/Other" }),
        make("eeee5", { severity: "low", lastEventTime: at(60 * 48) }),
      ],
    }),
  );
  store.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function ids(...args: string[]): Promise<unknown[]> {
  const { stdout } = await call("alerts", "list", ...state, "--json", ...args);
  return parseLines(stdout).map(({ id }) => id);
}

describe("the list", () => {
  test.each<[args: string[], wanted: string[]]>([
    [[], ["eeee5", "dddd4", "bbbb2", "cccc3", "aaaa1"]],
    [
      ["--sort", "oldest"],
      ["aaaa1", "cccc3", "bbbb2", "dddd4", "eeee5"],
    ],
    [
      ["--sort", "oldest", "--limit", "2"],
      ["aaaa1", "cccc3"],
    ],
    [
      ["--sort", "severity"],
      ["cccc3", "aaaa1", "dddd4", "eeee5", "bbbb2"],
    ],
    [
      ["--sort", "severity", "--limit", "2"],
      ["cccc3", "aaaa1"],
    ],
    [
      ["--severity", "high"],
      ["cccc3", "aaaa1"],
    ],
    [
      ["--severity", "high", "--sort", "oldest"],
      ["aaaa1", "cccc3"],
    ],
    [["--severity", "medium", "--limit", "1"], ["dddd4"]],
    [["--severity", "critical", "--principal", "role/Other"], []],
    [["--since", at(4), "--until", at(9)], ["bbbb2"]],
    [["--rule", "gpu"], ["aaaa1"]],
  ])("%j", async (args, wanted) => {
    expect(await ids(...args)).toEqual(wanted);
  });

  test("says that it is cut, and that a span is empty", async () => {
    expect((await call("alerts", "list", ...state, "--sort", "severity", "--limit", "2")).stderr).toBe(
      "These are the most severe 2; there are more (--limit).\n",
    );
    expect((await call("alerts", "list", ...state, "--since", at(9), "--until", at(4))).stderr).toMatch(
      /--since is not before --until/,
    );
  });
});

describe("the story", () => {
  test("takes who and what it costs from the records, what to do from the rule, and the other alerts of a day", async () => {
    const { code, stdout } = await call("alerts", "show", ...state, "aaaa1");
    expect(code).toBe(0);
    expect(stdout).toContain("from 198.51.100.7, us-east-1, AWS CLI");
    expect(stdout).toContain("temporary key ASIAIOSFODNN7EXAMPLE, with MFA");
    expect(stdout).toMatch(/session +kim@example\.com/);
    expect(stdout).toMatch(/comes from +account 999988887777/);
    expect(stdout).toMatch(/8 accelerators \(H100\): about \$\d+\.\d\d an hour at list prices/);
    expect(stdout).toContain("  1. Stop the instances.\n  2. Ask whose they are.\n  3. See who pays.\n");
    expect(stdout).toMatch(/may be +A planned training/);
    const related = stdout.slice(stdout.indexOf("More by"), stdout.indexOf("Records"));
    expect(related.match(/^ {2}[a-e]{4}\d/gm)).toEqual(["  cccc3", "  bbbb2"]);
    expect(stdout).toContain("(1 of 1 kept)");
  });

  test("--json is the native form, the raw records and the story in one object", async () => {
    const [shown] = parseLines((await call("alerts", "show", ...state, "aaaa1", "--json")).stdout);
    expect(shown).toMatchObject({
      id: "aaaa1",
      raw: [JSON.stringify(launch)],
      story: {
        checkFirst: ["Stop the instances.", "Ask whose they are.", "See who pays."],
        regions: { e1: "us-east-1" },
      },
    });
  });

  test("of a rule that is not configured, or cannot be read, is told without its words", async () => {
    expect((await call("alerts", "show", ...state, "bbbb2")).stderr).toContain("not configured any more");
    writeFileSync(join(folder, "broken.yml"), "title: [");
    writeFileSync(join(folder, "other.yml"), `state: {dir: ${folder}/state}\nrules: {paths: [${folder}/broken.yml]}\n`);
    const broken = await call("alerts", "show", "--config", join(folder, "other.yml"), "aaaa1");
    expect(broken.stderr).toMatch(/^The rule's own words are not at hand \(\d+ errors? in the rules/);
    expect(broken.stdout).toContain("What happened");
  });
});
