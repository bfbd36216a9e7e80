/** Rules that were retired are left out with a warning, and are in use where the configuration asks for them. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { readRules } from "../../../src/compose/rules.ts";
import type { Signal } from "../../../src/model/signal.ts";
import { createPlace, toConfig, write } from "../make.ts";

const rule = (status: string, at: number): string => `title: Calls ${status}
id: 6d0d9a77-5f30-4b6c-9a45-0a7f7d1c9e0${at}
status: ${status}
level: low
logsource: {product: aws, service: cloudtrail}
detection:
  call: {eventName: GetObject}
  condition: call
`;

test("deprecated and unsupported rules", () => {
  const place = createPlace();
  const path = write(join(place.root, "all.yml"), ["stable", "deprecated", "unsupported"].map(rule).join("---\n"));
  const config = toConfig(place);
  const told: string[] = [];
  const emit = (signal: Signal): void => void (signal.type === "rule_warning" && told.push(signal.code));
  const titles = (retired: boolean): readonly string[] => {
    told.length = 0;
    const { ruleSet } = readRules({ ...config, rules: { ...config.rules, retired } }, [path], emit);
    return ruleSet.detections.map(({ title }) => title);
  };
  expect(titles(false)).toEqual(["Calls stable"]);
  expect(told.filter((code) => code === "status_retired")).toHaveLength(2);
  expect(titles(true)).toEqual(["Calls stable", "Calls deprecated", "Calls unsupported"]);
  expect(told.filter((code) => code === "status_retired")).toEqual([]);
});
