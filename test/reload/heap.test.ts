/** Reloads leave nothing behind: a daemon holds one set of rules, however often it was exchanged. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startLive } from "../live/daemon.ts";
import { createHeapGauge } from "../live/heap.ts";
import { createHonest } from "../live/records.ts";
import { writeLiveRules } from "../live/rules.ts";

const TIMEOUT_MS = 300_000;
const [WARM_UP, RELOADS] = [4, 6];
const RECORDS = 300;
/** Compiled code comes and goes, and windows fill; a set of the shipped rules takes 6 MiB. */
const MOST = 4 * 1024 ** 2;

test(
  `${RELOADS} reloads of the shipped rules under load leave the heap as it was`,
  { timeout: TIMEOUT_MS },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "sagewatch-heap-"));
    const gauge = createHeapGauge(folder);
    const input = join(folder, "input");
    mkdirSync(input);
    const write = (note: string): string => writeLiveRules(join(folder, "rules", "live.yml"), note);
    const daemon = startLive({
      folder,
      config: {
        state: { dir: join(folder, "state") },
        sources: [{ type: "file", name: "files", paths: [input], afterRead: "delete" }],
        sinks: [{ type: "file", name: "file", path: join(folder, "alerts.ndjson") }],
        rules: { paths: ["shipped", write("")], watch: false },
        commit: { intervalMs: 20 },
      },
      ...gauge,
    });
    onTestFinished(async () => {
      daemon.process.kill("SIGKILL");
      await daemon.ended;
      rmSync(folder, { recursive: true, force: true });
    });
    await daemon.opened;
    const honest = createHonest(1);
    let files = 0;
    /** Records that the set in use evaluates, so that all of it is at work. */
    const feed = async (): Promise<void> => {
      const path = join(input, `${(files += 1)}.ndjson`);
      const lines = Array.from({ length: RECORDS }, () => `${honest(Date.now())}\n`);
      writeFileSync(`${path}.part`, lines.join(""));
      renameSync(`${path}.part`, path);
      await expect.poll(() => existsSync(path), { timeout: TIMEOUT_MS, interval: 20 }).toBe(false);
    };
    let asked = 0;
    const reloaded = (): number => daemon.lines.filter(({ signal }) => signal === "rules_reloaded").length;
    const reload = async (note: string): Promise<void> => {
      write(note);
      daemon.process.kill("SIGHUP");
      await expect.poll(reloaded, { timeout: TIMEOUT_MS, interval: 10 }).toBe((asked += 1));
      if (asked === WARM_UP || asked === WARM_UP + RELOADS) await feed();
    };
    // Read and compiled, and thrown away as it is the set in use: what that leaves is compiled code alone.
    for (let n = 1; n <= WARM_UP; n += 1) await reload("");
    const before = await gauge.read(daemon);
    for (let n = 1; n <= RELOADS; n += 1) await reload(` (${n})`);
    const after = await gauge.read(daemon);
    expect(after.heap - before.heap).toBeLessThan(MOST);
  },
);
