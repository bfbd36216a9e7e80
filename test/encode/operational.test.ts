/** What Sagewatch says of itself passes every format that sinks send, the heartbeat as informational. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { beforeAll, describe, expect, test } from "vitest";
import { toAsff } from "../../src/encode/asff.ts";
import { encodeNative } from "../../src/encode/native.ts";
import { encodeOcsf } from "../../src/encode/ocsf.ts";
import type { Alert } from "../../src/model/alert.ts";
import { OPERATIONAL_ALERTS, type OperationalName, toOperationalAlert } from "../../src/pipeline/operational.ts";

const names = Object.keys(OPERATIONAL_ALERTS) as OperationalName[];
const nowMs = Date.UTC(2026, 10, 25, 9);
const group = { source: "trail", account: "111122223333", state: "silent" };
const toAlert = (name: OperationalName): Alert => ({
  ...toOperationalAlert(name, { key: "k", why: "It is so.", nowMs, sinceMs: nowMs - 3_600_000, group, sinks: [] })
    .content,
  revision: 3,
  seenTime: "2026-11-25T09:00:00Z",
});
const LEVELS = { informational: "Informational", low: "Low", medium: "Medium", high: "High", critical: "Critical" };

test.each(names)("%s: native, OCSF and ASFF say the same", (name) => {
  const alert = toAlert(name);
  expect(JSON.parse(encodeNative(alert))).toEqual(alert);
  expect(JSON.parse(encodeOcsf({ alert, opened: false }, "0.1.0"))).toMatchObject({
    class_uid: 2004,
    severity: LEVELS[alert.severity],
    finding_info: { uid: alert.id },
  });
  const finding = toAsff(alert, { accountId: "111122223333", region: "eu-west-1", partition: "aws" });
  expect(finding.Severity.Label).toBe(alert.severity.toUpperCase());
});

test("the heartbeat is informational", () => {
  expect(toAlert("heartbeat").severity).toBe("informational");
});

const folder = join(import.meta.dirname, "../../../shared/data/ocsf");
describe.skipIf(!existsSync(folder))("by the schemas of ../shared/data/ocsf", () => {
  const read = (file: string): object => JSON.parse(readFileSync(join(folder, file), "utf8")) as object;
  let validate: ValidateFunction;
  beforeAll(() => {
    validate = new Ajv2020({ strict: false }).compile(read("detection_finding-2004-1.8.0-aws.schema.json"));
  });
  test.each(names)("%s is a valid finding of OCSF", (name) => {
    validate(JSON.parse(encodeOcsf({ alert: toAlert(name), opened: true }, "0.1.0")));
    expect(validate.errors ?? []).toEqual([]);
  });
});
