import { describe, expect, test } from "vitest";
import { encodeNative } from "../../../src/encode/native.ts";
import type { Alert } from "../../../src/model/alert.ts";
import { toLineEncoder } from "../../../src/sinks/lines.ts";
import { type AlertMessage, toMessage } from "../../../src/sinks/kafka/message.ts";
import { item } from "../../contracts/alert-items.ts";
import { endpointBurst } from "../../encode/alerts.ts";

const options = { encode: toLineEncoder("native", "1"), maxBytes: 20_000, nowMs: 1_773_100_800_123.5 };

function sent(alert: Alert, maxBytes: number): { message: AlertMessage; read: Alert } {
  const message = toMessage({ alert, opened: true }, { ...options, maxBytes });
  if ("refused" in message) throw new Error(message.refused);
  return { message, read: JSON.parse(message.value) as Alert };
}

const row = endpointBurst.evidence[0]!;
/** 20 rows, of which the eighth is much larger than the others. */
const large: Alert = {
  ...endpointBurst,
  evidence: Array.from({ length: 20 }, (_, i) => ({
    ...row,
    eventId: `event-${i}`,
    userAgent: "a".repeat(i === 7 ? 30_000 : 200),
  })),
};

test("its key is the alert's id, its headers say what to route by, its value is the alert", () => {
  expect(toMessage(item(5, 3), options)).toEqual({
    key: item(5).alert.id,
    value: encodeNative(item(5, 3).alert),
    headers: { id: item(5).alert.id, revision: "3", severity: "high", rule: endpointBurst.ruleId, action: "updated" },
    timestamp: "1773100800123",
    sizeBytes: expect.any(Number) as number,
  });
  expect(toMessage(item(5, 1), options)).toMatchObject({ headers: { action: "opened" } });
});

describe("an alert that is too large", () => {
  test("loses its largest evidence rows, keeps the others in order, and says so", () => {
    const { message, read } = sent(large, 20_000);
    expect(message.sizeBytes).toBeLessThanOrEqual(20_000);
    expect(read.evidence).toEqual(large.evidence.filter((_, i) => i !== 7));
    expect(read.why).toBe(`${large.why} (cut to fit: 19 of 20 evidence rows)`);
    expect({ ...read, evidence: [], why: "" }).toEqual({ ...large, evidence: [], why: "" });
  });

  test("loses with a row the place where its record was read, and no other", () => {
    const pointers = large.evidence.map((_, index) => ({ source: "trail", path: "/spool/a.json.gz", index }));
    const message = toMessage({ alert: large, opened: true, pointers }, options);
    const read = JSON.parse("value" in message ? message.value : "{}") as Record<string, unknown>;
    expect(read["pointers"]).toEqual(pointers.filter(({ index }) => index !== 7));
    const long = pointers.map((one) => ({ ...one, path: "p".repeat(4000) }));
    expect(toMessage({ alert: large, opened: true, pointers: long }, options)).toHaveProperty("value");
  });

  test("loses all evidence and the event ids only where that is needed", () => {
    const ids = { ...large, eventIds: Array.from({ length: 100 }, (_, i) => `${i}`.padStart(40, "0")) };
    const fewest = encodeNative({ ...ids, evidence: [], eventIds: [] }).length + 1000;
    const { read } = sent(ids, fewest);
    expect(read).toMatchObject({ evidence: [], eventIds: [], eventCount: ids.eventCount });
    expect(read.why).toContain("(cut to fit: no evidence rows, 100 event ids left out)");
  });

  test("loses what enrichers found last of all, and says so", () => {
    const additions = {
      revision: large.revision,
      enrichment: { account: { owner: "o".repeat(5000) } },
      errors: [{ name: "related", code: "timeout" }],
    } as const;
    const fit = (maxBytes: number): Record<string, unknown> => {
      const message = toMessage({ alert: large, opened: true, additions }, { ...options, maxBytes });
      return JSON.parse("value" in message ? message.value : "{}") as Record<string, unknown>;
    };
    const head = encodeNative({ ...large, evidence: [], eventIds: [] }).length + 1000;
    expect(fit(head + 6000)).toMatchObject({ enrichment: additions.enrichment, enrichmentErrors: additions.errors });
    const missing = [...additions.errors, { name: "all", code: "too_large" }];
    expect(fit(head)).toMatchObject({ evidence: [], enrichment: {}, enrichmentErrors: missing });
  });

  test("is refused when not even its head fits, as is one that cannot be encoded", () => {
    expect(toMessage({ alert: { ...large, title: "t".repeat(30_000) }, opened: true }, options)).toEqual({
      refused: "too_large",
    });
    const broken = { ...large, eventCount: 1n } as unknown as Alert;
    expect(toMessage({ alert: broken, opened: true }, options)).toEqual({ refused: "encode_failed" });
  });

  test("is left whole where it fits", () => {
    expect(sent(large, 100_000).read).toEqual(large);
  });
});
