/** Runs that miss an hour, and backfills over them as a command. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { CommitUnit } from "../../src/contracts.ts";
import type { Alert } from "../../src/model/alert.ts";
import { openViews } from "../../src/store/views.ts";
import { type Running, start } from "../commands/cli.ts";
import { configText, createPlace, type Place, replay, run, toConfig, write } from "../e2e/make.ts";
import { type Emulator, startEmulator } from "../fakes/emulator.ts";
import { deliver, RULES } from "./world.ts";

export type Missed = {
  readonly place: Place;
  readonly emulator: Emulator;
  /** What a run over all files says. */
  readonly expected: readonly Alert[];
  /** The source that reads the past. */
  readonly source: Readonly<Record<string, unknown>>;
  /** Alerts of the state folder, by id. */
  readonly alerts: () => readonly Alert[];
  /** Lines that the sink was given. */
  readonly delivered: () => readonly { readonly id: string; readonly revision: number }[];
  /** Starts `sagewatch backfill` over the gap. */
  readonly backfill: (...more: readonly string[]) => Running;
  /** The configuration that backfills and the daemon are given. */
  readonly config: string;
  /** Starts `sagewatch run`; resolves when it runs. */
  readonly daemon: () => Promise<Running>;
  /** Objects fetched so far. */
  readonly fetched: () => number;
  /** Records that backfills which did not end have committed. */
  readonly committed: () => number;
};

/** A unit without effect. */
export const NOTHING: Omit<CommitUnit, "nowMs" | "positions"> = {
  members: [],
  evidence: [],
  drops: [],
  prunes: [],
  evictions: [],
  alerts: [],
  late: [],
  rejected: [],
  counts: [],
  watermarks: [],
  finished: [],
};

const OVER = ["--from", "2026-01-02T05:00:00Z", "--to", "2026-01-02T06:00:00Z"];

/** A run that saw all but an hour. `more`: sections of the configuration of the backfill. */
export async function missAnHour(more: Readonly<Record<string, unknown>> = {}): Promise<Missed> {
  const place = createPlace();
  const emulator = await startEmulator();
  onTestFinished(() => emulator.close());
  await deliver(emulator, "trail-logs", place);
  const rules = { paths: [write(join(place.root, "own", "rules.yml"), RULES)] };
  await run(toConfig(place, { more: { rules } }));
  const expected = await replay(toConfig(place, { more: { rules } }), [join(place.root, "all")]);
  const queue = await emulator.createQueue("notices");
  const { endpoint } = emulator;
  const trails = [{ bucket: "trail-logs" }];
  const source = { type: "sqs-s3", name: "in", region: "eu-west-1", queue: queue.url, endpoint, trails, wait: "1s" };
  const settings = { more: { rules, sources: [source], http: { enabled: false }, ...more } };
  const config = write(join(place.root, "backfill.yml"), configText(place, settings));
  return {
    place,
    emulator,
    expected: expected.alerts,
    source,
    alerts: () => alertsOf(place),
    delivered: () => linesOf(place),
    backfill: (...args) => start(["backfill", ...OVER, "--config", config, ...args]),
    config,
    daemon: async () => {
      const running = start(["run", "--config", config]);
      await running.until(/"control_opened"|control socket/);
      return running;
    },
    fetched: () => emulator.proxy.log.filter(({ operation }) => operation === "GetObject").length,
    committed: () => committedOf(join(place.state, "backfill")),
  };
}

function alertsOf(place: Place): readonly Alert[] {
  const views = openViews(place.state);
  const alerts = views.alerts({ limit: 1000 }).filter(({ ruleId }) => !ruleId.startsWith("sagewatch."));
  views.close();
  return alerts.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

function committedOf(folder: string): number {
  if (!existsSync(folder)) return 0;
  const stores = readdirSync(folder).filter((name) => existsSync(join(folder, name, "store.db")));
  return stores.reduce((all, name) => {
    const views = openViews(join(folder, name));
    const read = views.counts().reduce((sum, count) => sum + count.read, 0);
    views.close();
    return all + read;
  }, 0);
}

function linesOf({ sink }: Place): readonly { id: string; revision: number }[] {
  if (!existsSync(sink)) return [];
  const lines = readFileSync(sink, "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as { id: string; revision: number });
}
