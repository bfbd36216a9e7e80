/**
 * Signals in the log: one JSON line each, by level, without credentials, whatever a stranger wrote.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Signal } from "../../src/model/signal.ts";
import { createLog } from "../../src/ops/log.ts";
import { createRedaction, redactText } from "../../src/ops/redact.ts";
import { SIGNALS } from "../../src/ops/signals.ts";
import { cpuMs } from "../support/cpu.ts";

function logged(signals: readonly Signal[], level = "trace"): string[] {
  const lines: string[] = [];
  const emit = createLog({ level, stream: { write: (line) => void lines.push(line) } });
  for (const signal of signals) emit(signal);
  return lines;
}

describe("log", () => {
  test("a line has level, time, signal, fields and message", () => {
    const [line = ""] = logged([{ type: "quarantined", source: "trail", reason: "bad_json", records: 3 }]);
    const { time, ...rest } = JSON.parse(line) as Record<string, unknown>;
    expect(rest).toEqual({
      level: "warn",
      signal: "quarantined",
      source: "trail",
      reason: "bad_json",
      records: 3,
      msg: "records quarantined",
    });
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  test("a duration is logged to a thousandth of a millisecond", () => {
    const [line = ""] = logged([{ type: "committed", records: 1, alerts: 0, elapsedMs: 72.63344799999999 }]);
    expect(JSON.parse(line).elapsedMs).toBe(72.633);
  });

  test("signals below the level are not written", () => {
    const signals: Signal[] = [
      { type: "committed", records: 1, alerts: 0, elapsedMs: 2 },
      { type: "store_full", detail: "no space" },
    ];
    expect(logged(signals, "warn").map((line) => JSON.parse(line).signal)).toEqual(["store_full"]);
    expect(logged(signals, "silent")).toEqual([]);
  });

  test("any text is one line without control or bidi characters, and reads back", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (detail) => {
        const [line = "", ...more] = logged([{ type: "source_warning", source: "s", code: "c", detail: `x${detail}` }]);
        expect(more).toEqual([]);
        expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        expect(line.endsWith("\n")).toBe(true);
        expect(JSON.parse(line).detail).toBe(redactText(`x${detail}`));
      }),
    );
  });

  test("a stream that fails does not stop the work", () => {
    const broken = (): never => {
      throw new Error("EPIPE");
    };
    const emit = createLog({ level: "info", stream: { write: broken } });
    expect(() => emit({ type: "drained", elapsedMs: 1, undelivered: 0 })).not.toThrow();
  });
});

describe("redaction", () => {
  const secret = "Zx81kQpLmN0Ty7Rv";
  const cases: readonly [name: string, text: string][] = [
    ["bearer token", `401 for Authorization: Bearer ${secret}`],
    ["bearer token alone", `got bearer ${secret}, refused`],
    ["basic authorization in JSON", `{"authorization":"Basic ${secret}"}`],
    ["splunk token", `Authorization: Splunk ${secret}`],
    ["address with a password", `connect https://user:${secret}@es.example.com:9200/ refused`],
    ["signed address", `GET https://b.s3.amazonaws.com/k?X-Amz-Signature=${secret}&x=1`],
    ["secret key", `aws_secret_access_key = ${secret}`],
    ["password in JSON", `{"password": "${secret}"}`],
  ];
  test.each(cases)("%s", (_name, text) => {
    expect(redactText(text)).not.toContain(secret);
    expect(redactText(text)).toContain("[secret]");
  });

  test("a configured secret goes in whatever form a library quotes it; short ones would blank ordinary words", () => {
    const value = 'pass/word "1"+x';
    const redact = createRedaction([value, "abc"]);
    const forms = [value, encodeURIComponent(value), Buffer.from(value).toString("base64"), JSON.stringify(value)];
    for (const form of forms)
      expect(redact(`login ${form} failed: abc`)).toMatch(/^login "?\[secret\]=*"? failed: abc$/);
  });

  test("access key ids go, ordinary texts stay", () => {
    expect(redactText("key AKIAIOSFODNN7EXAMPLE used")).toBe("key [secret] used");
    const plain = "arn:aws:iam::111122223333:role/ci at https://example.com/a@b: 7 CreateEndpoint in 12 min";
    expect(redactText(plain)).toBe(plain);
  });

  test("a long hostile text takes no long time", () => {
    const began = cpuMs();
    redactText("authorization: ".repeat(20_000) + "a://".repeat(50_000) + "password".repeat(20_000));
    expect(cpuMs() - began).toBeLessThan(1000);
  });
});

describe("signal table", () => {
  const metrics = Object.values(SIGNALS).flatMap(
    (row) => row.metrics as readonly { name: string; type: string; labels: readonly string[]; fromMs?: true }[],
  );

  test("metric names are unique and say their unit", () => {
    const names = metrics.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, type, fromMs } of metrics) {
      expect(name).toMatch(/^sagewatch_[a-z_]+$/);
      expect(name.endsWith("_total")).toBe(type === "counter");
      expect(name.endsWith("_seconds")).toBe(fromMs === true);
    }
  });

  test("labels are bounded: names of parts, codes and versions only", () => {
    const allowed = [
      "version",
      "source",
      "sink",
      "enricher",
      "reason",
      "code",
      "ruleId",
      "logsource",
      "command",
      "ok",
      "hash",
      "trigger",
      "scope",
      "cause",
      "severity",
      "stage",
      "state",
      "finding",
      // Many values, held to a number of them by telemetry/labels.ts.
      "accountId",
      "region",
    ];
    for (const { labels } of metrics) expect(allowed).toEqual(expect.arrayContaining([...labels]));
  });
});
