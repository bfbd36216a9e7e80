/** Quarantined records tried again where no daemon runs: against the windows as the last run left them, and never lost. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { composeQuarantineReplay } from "../../src/compose.ts";
import { parseConfig } from "../../src/config/load.ts";
import { ADAPTERS } from "../../src/config/registries.ts";
import type { CommitUnit } from "../../src/contracts.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { openStore } from "../../src/store/store.ts";
import { openViews } from "../../src/store/views.ts";
import { record } from "../commands/records.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "sagewatch-quarantine-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const RULES = `
title: Trail stopped
id: 11111111-1111-4111-8111-111111111111
logsource: {product: aws, service: cloudtrail}
detection:
  stop: {eventName: StopLogging}
  condition: stop
level: high
---
title: Two trails stopped
id: 22222222-2222-4222-8222-222222222222
correlation:
  type: event_count
  rules: [11111111-1111-4111-8111-111111111111]
  group-by: [userIdentity.arn]
  timespan: 1h
  condition: {gte: 2}
  generate: true
level: high
`;
const NOTHING: CommitUnit = {
  nowMs: 0,
  members: [],
  evidence: [],
  drops: [],
  prunes: [],
  evictions: [],
  alerts: [],
  late: [],
  rejected: [],
  counts: [],
  positions: [],
  watermarks: [],
  finished: [],
};

/** A state folder with records in quarantine, left by a daemon whose watermark stood at `watermark`. */
function leave(watermark: string, records: readonly Record<string, unknown>[]): void {
  const store = openStore({
    dir: join(dir, "state"),
    clock: systemClock,
    engine: "test",
    limits: { reserveBytes: 0 },
  });
  store.commit({
    ...NOTHING,
    rejected: records.map((entry, index) => {
      const bytes = Buffer.from(JSON.stringify(entry));
      const pointer = { source: "trail", path: "gone.json", index };
      return { reason: "too_big", pointer, detail: "", bytes, sizeBytes: bytes.length, kind: "cloudtrail" };
    }),
    watermarks: [{ source: "trail", logsource: "aws/cloudtrail", watermarkMs: Date.parse(watermark) }],
  });
  store.close();
}

function replay(): ReturnType<typeof composeQuarantineReplay> {
  writeFileSync(join(dir, "rules.yml"), RULES);
  const text = JSON.stringify({
    state: { dir: join(dir, "state") },
    rules: { paths: [join(dir, "rules.yml")] },
    sources: [{ type: "file", name: "trail", paths: [dir], mode: "watch" }],
    sinks: [{ type: "file", path: join(dir, "alerts.ndjson") }],
  });
  const { config } = parseConfig(text, { adapters: ADAPTERS, environment: {}, path: null });
  return composeQuarantineReplay({
    config,
    ids: "all",
    emit: () => undefined,
    signal: new AbortController().signal,
  });
}

function alerts(): { ruleName: string; eventCount: number; late?: true }[] {
  const views = openViews(join(dir, "state"));
  try {
    return views.alerts({}).map(({ ruleName, eventCount, late }) => ({ ruleName, eventCount, ...(late && { late }) }));
  } finally {
    views.close();
  }
}

test("records in windows that are open count there, and are not late", async () => {
  leave("2026-03-10T07:30:00Z", [record(1), record(2)]);
  expect(await replay()).toMatchObject({ evaluated: 2, quarantinedAgain: 0, alerts: 3 });
  expect(alerts()).toEqual(
    expect.arrayContaining([
      { ruleName: "Trail stopped", eventCount: 1 },
      { ruleName: "Trail stopped", eventCount: 1 },
      { ruleName: "Two trails stopped", eventCount: 2 },
    ]),
  );
});

test("records behind the watermark still meet single-event rules, and say that they are late", async () => {
  leave("2026-03-10T10:00:00Z", [record(1), record(2)]);
  expect(await replay()).toMatchObject({ evaluated: 2, alerts: 2 });
  expect(alerts()).toEqual([
    { ruleName: "Trail stopped", eventCount: 1, late: true },
    { ruleName: "Trail stopped", eventCount: 1, late: true },
  ]);
});
