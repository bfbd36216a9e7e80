/** What is warming up is told after a restart too, and `rules list` shows it until it is over. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseConfig } from "../../../src/config/load.ts";
import { ADAPTERS } from "../../../src/config/registries.ts";
import { call } from "../../commands/cli.ts";
import type { Signal } from "../../../src/model/signal.ts";
import { createPlace, type Place, run, TIMEOUT_MS, until, write } from "../make.ts";

const [OLD, NEW] = ["6d0d9a77-5f30-4b6c-9a45-0a7f7d1c9c02", "6d0d9a77-5f30-4b6c-9a45-0a7f7d1c9c03"];
const CALLS = `title: Calls
name: calls
id: 6d0d9a77-5f30-4b6c-9a45-0a7f7d1c9c01
status: experimental
logsource: {product: aws, service: cloudtrail}
detection:
  call: {eventName: ListModels}
  condition: call
`;
const burst = (id: string, timespan: string, gte: number): string => `---
title: Burst ${id.at(-1)}
id: ${id}
status: experimental
level: low
correlation:
  type: event_count
  rules: [calls]
  group-by: [sourceIPAddress]
  timespan: ${timespan}
  condition: {gte: ${gte}}
`;

const text = (place: Place): string =>
  JSON.stringify({
    state: { dir: place.state },
    sources: [{ type: "file", name: "in", paths: [place.input] }],
    sinks: [{ type: "file", path: place.sink }],
    rules: { paths: [join(place.root, "calls.yml")] },
  });

/** Starts and stops a daemon; until when it said that each rule is warming. */
async function start(place: Place): Promise<Map<string, number>> {
  const stop = new AbortController();
  const told: Signal[] = [];
  const { config } = parseConfig(text(place), { adapters: ADAPTERS, path: null });
  const ended = run(config, { signal: stop.signal, emit: (signal) => void told.push(signal) });
  await until(() => told.some(({ type }) => type === "store_opened"), "a start");
  await until(() => told.some(({ type }) => type === "control_opened"), "a running daemon");
  stop.abort();
  await ended;
  return new Map(told.flatMap((signal) => (signal.type === "rule_warming" ? [[signal.ruleId, signal.untilMs]] : [])));
}

async function list(place: Place): Promise<{ table: string; until: (string | null)[] }> {
  const path = write(join(place.root, "sagewatch.yml"), text(place));
  const table = await call("rules", "list", "--config", path);
  const lines = await call("rules", "list", "--config", path, "--format", "ndjson");
  const rules = lines.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { warmingUntil: string | null });
  return { table: table.stdout, until: rules.map(({ warmingUntil }) => warmingUntil) };
}

test(
  "a correlation that came while the daemon was down is told to warm up, over restarts, until it is over",
  { timeout: TIMEOUT_MS },
  async () => {
    const place = createPlace();
    write(join(place.root, "calls.yml"), CALLS + burst(OLD, "1h", 3));
    expect(await start(place)).toEqual(new Map());
    expect((await list(place)).table).toContain("WARMING UNTIL");
    // The hour of the first start is over.
    const file = join(place.state, "rules-warming.json");
    expect(Object.keys(JSON.parse(readFileSync(file, "utf8")) as object)).toEqual([OLD]);
    writeFileSync(file, JSON.stringify({ [OLD]: Date.now() - 1 }));
    expect(await start(place)).toEqual(new Map());
    expect((await list(place)).table).not.toContain("WARMING");

    // Another threshold of the one warms nothing, the other one is new.
    write(join(place.root, "calls.yml"), CALLS + burst(OLD, "1h", 4) + burst(NEW, "6h", 9));
    const begunMs = Date.now();
    const told = await start(place);
    expect([...told.keys()]).toEqual([NEW]);
    const untilMs = told.get(NEW) as number;
    expect(untilMs - begunMs).toBeGreaterThanOrEqual(6 * 3_600_000);
    expect(untilMs - Date.now()).toBeLessThanOrEqual(6 * 3_600_000 + 1000);
    expect(await start(place)).toEqual(told);
    const shown = await list(place);
    expect(shown.until).toEqual([null, null, new Date(untilMs).toISOString().replace(/\.\d+Z$/, "Z")]);
    expect(shown.table).toMatch(/WARMING UNTIL[^]*Burst 3/);
  },
);
