/**
 * A daemon on a disk that is really full: it answers, says why it is not ready, and ends when there is room.
 */
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { parseLines } from "../commands/cli.ts";
import { deliver, record } from "../commands/records.ts";
import { PLANTED_CREDENTIALS, seekSecrets } from "../support/secrets.ts";

const root = mkdtempSync(join(tmpdir(), "sagewatch-full-disk-"));
afterAll(() => rmSync(root, { recursive: true }));
const main = join(import.meta.dirname, "../../src/main.ts");
/** A disk of our own needs a mount, which some machines do not grant. */
const unshare = ["-Urm", "sh", "-c"] as const;
const canMount = spawnSync("unshare", [...unshare, "mount -t tmpfs -o size=1m none /mnt"]).status === 0;
/** The reserve of 64 MiB and a few MiB beside it; then enough for a tenth to be free. */
const [SMALL, LARGE] = ["70m", "300m"];

test.skipIf(!canMount)(
  "a full disk: /ready says store_full, /health is well, and with room it ends with 3",
  async () => {
    const [disk, spool, flag] = [join(root, "disk"), join(root, "spool"), join(root, "more")];
    mkdirSync(disk);
    mkdirSync(spool);
    const config = join(root, "sagewatch.yml");
    const settings = {
      state: { dir: join(disk, "state") },
      sources: [{ type: "file", name: "trail", paths: [spool], mode: "watch" }],
      sinks: [{ type: "file", name: "out", path: join(root, "alerts.ndjson") }],
      http: { enabled: true, port: 0 },
    };
    writeFileSync(config, JSON.stringify(settings));
    const enlarge = `(while [ ! -e ${flag} ]; do sleep 0.2; done; mount -o remount,size=${LARGE} ${disk}) &`;
    const script = `mount -t tmpfs -o size=${SMALL} none ${disk} && { ${enlarge} exec "$0" "$@"; }`;
    const child = spawn("unshare", [...unshare, script, process.execPath, main, "run", "--config", config], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, ...PLANTED_CREDENTIALS },
    });
    const ended = new Promise<number | null>((resolve) => void child.on("close", resolve));
    let log = "";
    child.stderr.on("data", (chunk) => void (log += String(chunk)));
    try {
      await expect.poll(() => log, { timeout: 30_000 }).toContain('"store_opened"');
      const url = `http://127.0.0.1:${/"http_opened","host":"127.0.0.1","port":(\d+)/.exec(log)?.[1]}`;
      const eventTime = `${new Date().toISOString().slice(0, 19)}Z`;
      for (let file = 0; file < 8; file += 1) {
        const large = Array.from({ length: 400 }, (_, index) =>
          record(file * 400 + index, { eventTime, requestParameters: { name: randomBytes(4000).toString("base64") } }),
        );
        deliver(spool, `09${10 + file}`, large);
      }
      await expect.poll(() => log, { timeout: 30_000 }).toContain('"store_waiting"');
      const ready = await fetch(`${url}/ready`);
      expect([ready.status, await ready.json()]).toMatchObject([503, { reasons: [{ code: "store_full" }] }]);
      expect((await fetch(`${url}/health`)).status).toBe(200);
      expect(await (await fetch(`${url}/metrics`)).text()).toContain('sagewatch_not_ready{reason="store_full"} 1\n');
      expect(child.exitCode).toBe(null);
      const told = parseLines(readFileSync(join(root, "alerts.ndjson"), "utf8")).map(({ ruleId }) => ruleId);
      expect(told).toContain("sagewatch.store_full");
      writeFileSync(flag, "");
      expect(await ended).toBe(3);
      expect(parseLines(log).at(-1)).toMatchObject({ signal: "failed", code: "store_full" });
    } finally {
      writeFileSync(flag, "");
      child.kill("SIGKILL");
      await ended;
    }
    seekSecrets({}, [log], root);
  },
);
