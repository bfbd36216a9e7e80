/**
 * Another threshold by the configuration alone: the daemon keeps what it counted and judges it anew.
 */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseLines, run, start } from "../commands/cli.ts";
import { deliver, record } from "../commands/records.ts";
import { createPlace, type Place, TIMEOUT_MS, until, write } from "../e2e/make.ts";

const RULES = `title: Looked
id: 22222222-2222-4222-8222-222222222222
name: looked
level: low
logsource: {product: aws, service: cloudtrail}
detection:
  look: {eventName: DescribeTrails}
  condition: look
---
title: Many
name: many
level: high
correlation:
  type: event_count
  rules: [looked]
  group-by: [userIdentity.arn]
  timespan: 1h
  condition: {gte: 9}
x_engine: {threshold: many_looks}
`;

function writeConfig(place: Place, thresholds: Readonly<Record<string, number>>): string {
  const settings = {
    state: { dir: place.state },
    sources: [{ type: "file", name: "in", paths: [place.input], mode: "watch" }],
    sinks: [{ type: "file", name: "out", path: place.sink }],
    rules: { paths: [join(place.root, "own")], watch: false },
    http: { enabled: false },
    updateEvery: "1s",
    tuning: { thresholds },
  };
  const path = join(place.root, "sagewatch.yml");
  writeFileSync(path, JSON.stringify(settings));
  return path;
}

const alerts = ({ sink }: Place): Record<string, unknown>[] =>
  statSync(sink, { throwIfNoEntry: false }) === undefined ? [] : parseLines(readFileSync(sink, "utf8"));

test(
  "a lower threshold fires on what was counted before it, a higher one keeps the alert's id",
  { timeout: TIMEOUT_MS },
  async () => {
    const place = createPlace();
    write(join(place.root, "own", "r.yml"), RULES);
    const config = writeConfig(place, {});
    const daemon = start(["run", "--config", config]);
    let text = "";
    daemon.child.stderr?.on("data", (bytes: Buffer) => (text += bytes.toString()));
    const reload = async (): Promise<string> => {
      const { code, stdout } = await run(["rules", "reload", "--config", config]);
      expect(code).toBe(0);
      return stdout;
    };
    await until(() => text.includes("store_opened"), "the daemon is open");
    const looks = (from: number, to: number): Record<string, unknown>[] =>
      Array.from({ length: to - from }, (_, n) => record(from + n, { eventName: "DescribeTrails" }));
    deliver(place.input, "0805", looks(1, 4));
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(alerts(place)).toEqual([]);

    // Three are in the window; with the fourth it holds under 4, and not under the rule's own 9.
    writeConfig(place, { many_looks: 4 });
    expect(await reload()).toMatch(/Many \(many\).*threshold/);
    deliver(place.input, "0810", looks(4, 5));
    await until(() => alerts(place).length > 0, "the alert");
    const [first] = alerts(place);
    expect(first).toMatchObject({ ruleId: "many", eventCount: 4 });

    // Under 5 the fifth makes the same alert larger: same id.
    writeConfig(place, { many_looks: 5 });
    await reload();
    deliver(place.input, "0815", looks(5, 6));
    await until(() => alerts(place).some(({ eventCount }) => eventCount === 5), "the larger alert");
    expect(new Set(alerts(place).map(({ id }) => id))).toEqual(new Set([first?.["id"]]));

    // A name that no rule has is refused, and the set in use stays.
    writeConfig(place, { many_look: 5 });
    const refused = await run(["rules", "reload", "--config", config]);
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain(
      "`tuning.thresholds.many_look`: no rule has this threshold; did you mean `many_looks`?",
    );
    daemon.child.kill("SIGTERM");
    expect((await daemon.ended).code).toBe(0);
  },
);
