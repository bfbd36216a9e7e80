/**
 * The finding is held against golden files, against the required members written out below, and, where the schema of
 * OCSF lies beside the checkout, against that.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeOcsf } from "../../src/encode/ocsf.ts";
import { safeJson } from "../../src/lib/safe-text.ts";
import type { Alert } from "../../src/model/alert.ts";
import type { Pointer } from "../../src/model/event.ts";
import { anyAlert, bareAlert, endpointBurst, hostileFinding } from "./alerts.ts";

type Finding = Readonly<Record<string, any>>; // oxlint-disable-line typescript/no-explicit-any -- foreign JSON, read freely

const schemaPath = join(import.meta.dirname, "../../../shared/data/ocsf/detection_finding-2004-1.8.0-aws.schema.json");

function toFinding(alert: Alert, opened = true, pointers: readonly Pointer[] = []): Finding {
  return JSON.parse(encodeOcsf({ alert, opened, pointers }, "0.1.0")) as Finding;
}

const pointers: readonly Pointer[] = [4, 5].map((index) => ({ source: "trail", path: "in/a\u202e.json.gz", index }));

describe("the finding on disk is the agreed one", () => {
  test.each([
    ["updated-correlation", endpointBurst, false],
    ["opened-hostile", hostileFinding, true],
    ["opened-bare", bareAlert, true],
  ] as const)("%s", async (name, alert, opened) => {
    const lines = JSON.stringify(toFinding(alert, opened), null, 1).split("\n");
    await expect(`${lines.map(safeJson).join("\n")}\n`).toMatchFileSnapshot(`../golden/ocsf/${name}.json`);
  });
});

const additions = {
  revision: 2,
  enrichment: {
    account: { owner: "team-ml" },
    attack: { techniques: [{ id: "T1496" }] },
    other: { deep: [{ a: null }] },
  },
  errors: [{ name: "related", code: "timeout" }],
} as const;

test("what enrichers found stands as enrichments, each with what it is about; what is missing is said", () => {
  const finding = JSON.parse(encodeOcsf({ alert: endpointBurst, opened: true, additions }, "0.1.0")) as Finding;
  expect(finding["enrichments"]).toEqual([
    {
      name: "cloud.account.uid",
      value: "111122223333",
      type: "account",
      provider: "sagewatch",
      data: { owner: "team-ml" },
    },
    expect.objectContaining({ name: "finding_info.attacks", value: "T1496 T1078.004 AML.T0034 AML.T0010.001" }),
    expect.objectContaining({ name: "finding_info.uid", value: endpointBurst.id, data: { deep: [{ a: null }] } }),
  ]);
  expect(finding["unmapped"].sagewatch.enrichmentErrors).toEqual([
    { name: "related", code: "timeout" },
    { name: "all", code: "earlier_revision" },
  ]);
});

test("the first message creates the finding, the later ones update it and leave its status alone", () => {
  expect(toFinding(endpointBurst, true)).toMatchObject({ activity_id: 1, type_uid: 200401, status_id: 1 });
  const update = toFinding(endpointBurst, false);
  expect(update).toMatchObject({ activity_id: 2, type_uid: 200402, metadata: { sequence: 3 } });
  expect(update["status_id"]).toBeUndefined();
  expect(update["finding_info"].uid).toBe(endpointBurst.id);
});

test.each([
  ["informational", 1],
  ["low", 2],
  ["medium", 3],
  ["high", 4],
  ["critical", 5],
] as const)("severity %s is severity_id %i", (severity, id) => {
  expect(toFinding({ ...endpointBurst, severity })["severity_id"]).toBe(id);
});

test("techniques of ATT&CK and ATLAS stand beside one another, one entry a tactic, with their names", () => {
  const attacks = toFinding(endpointBurst)["finding_info"].attacks as Finding[];
  expect(attacks).toContainEqual({
    technique: { uid: "T1496", name: "Resource Hijacking" },
    tactic: { uid: "TA0040", name: "Impact" },
    version: "19",
  });
  expect(attacks).toContainEqual({
    technique: { uid: "AML.T0034", name: "Cost Harvesting" },
    tactic: { uid: "AML.TA0011", name: "Impact" },
    version: "5.6.0",
  });
  const cloudAccounts = attacks.filter(({ sub_technique: sub }) => sub?.uid === "T1078.004");
  expect(cloudAccounts.map(({ tactic }) => tactic.name)).toEqual([
    "Initial Access",
    "Persistence",
    "Privilege Escalation",
    "Stealth",
  ]);
  expect(cloudAccounts[0]!["technique"]).toEqual({ uid: "T1078", name: "Valid Accounts" });
});

test("an unknown technique keeps its id, a revoked one its name too, and neither claims a version", () => {
  expect(toFinding(hostileFinding)["finding_info"].attacks).toEqual([
    {
      technique: { uid: "T1562", name: "Impair Defenses" },
      sub_technique: { uid: "T1562.008", name: "Disable or Modify Cloud Logs" },
    },
    { technique: { uid: "T9999" } },
  ]);
  expect(toFinding({ ...bareAlert, attack: ["constructor"] })["finding_info"].attacks).toEqual([
    { technique: { uid: "constructor" } },
  ]);
});

test("an address is a source endpoint only when it is one; a service name stays in the evidence's own row", () => {
  const [first, second] = toFinding(endpointBurst)["evidences"] as Finding[];
  expect(first!["src_endpoint"]).toEqual({ ip: "198.51.100.7" });
  expect(second!["src_endpoint"]).toBeUndefined();
  expect(second!["data"].sourceIPAddress).toBe("cloudformation.amazonaws.com");
  expect(second!["api"]).toEqual({
    operation: "CreateEndpoint",
    service: { name: "sagemaker" },
    response: { error: "ResourceLimitExceeded" },
  });
});

test("where the records were read stands under our own members, and only where it is known", () => {
  expect(toFinding(endpointBurst, true, pointers)["unmapped"].sagewatch.pointers).toEqual(pointers);
  expect(toFinding(endpointBurst)["unmapped"].sagewatch).not.toHaveProperty("pointers");
});

test("the type of a GuardDuty finding is not taken for a call", () => {
  expect(toFinding(hostileFinding)["evidences"][0].api).toBeUndefined();
});

test("any alert gives a printable line with every required member", () => {
  fc.assert(
    fc.property(anyAlert, fc.boolean(), (alert, opened) => {
      const line = encodeOcsf({ alert, opened }, "0.1.0");
      expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/);
      expect(JSON.parse(line)).toMatchObject({
        activity_id: opened ? 1 : 2,
        category_uid: 2,
        class_uid: 2004,
        type_uid: opened ? 200401 : 200402,
        cloud: { provider: "AWS" },
        finding_info: { uid: alert.id },
        metadata: { version: "1.8.0", product: { name: "Sagewatch", version: "0.1.0" } },
        severity_id: expect.toBeOneOf([1, 2, 3, 4, 5]) as number,
        time: expect.toSatisfy(Number.isSafeInteger) as number,
        unmapped: { sagewatch: { ruleId: alert.ruleId, why: alert.why } },
      });
    }),
  );
});

describe.skipIf(!existsSync(schemaPath))("OCSF 1.8.0, class 2004, profiles of AWS (../shared/data/ocsf)", () => {
  const validate = new Ajv2020({ strict: false }).compile(
    JSON.parse(existsSync(schemaPath) ? readFileSync(schemaPath, "utf8") : "{}") as object,
  );
  const faults = (finding: Finding): string[] =>
    validate(finding) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);

  test("the validator does find faults", () => {
    expect(faults({ ...toFinding(endpointBurst), ours: 1 })).not.toEqual([]);
    expect(faults({ ...toFinding(endpointBurst), cloud: {} })).not.toEqual([]);
  });

  test.each([
    ["a correlation", endpointBurst],
    ["a hostile finding", hostileFinding],
    ["a bare alert", bareAlert],
  ])("%s is valid", (_name, alert) => {
    expect(faults(toFinding(alert))).toEqual([]);
    expect(faults(toFinding(alert, false, pointers))).toEqual([]);
    const enriched = encodeOcsf({ alert, opened: true, additions }, "0.1.0");
    expect(faults(JSON.parse(enriched) as Finding)).toEqual([]);
  });

  test("any alert is valid", () => {
    fc.assert(
      fc.property(anyAlert, fc.boolean(), (alert, opened) => {
        expect(faults(toFinding(alert, opened))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});
