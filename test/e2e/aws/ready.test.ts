/** /ready of a daemon whose queue cannot be read says which source that is, and is well once it can. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { start } from "../../commands/cli.ts";
import { startEmulator } from "../../fakes/emulator.ts";
import { startFaultProxy } from "../../fakes/fault-proxy.ts";

test("a daemon is ready once its queue answers, and says until then which source is not read", async () => {
  const emulator = await startEmulator();
  onTestFinished(() => emulator.close());
  const queue = await emulator.createQueue("push");
  const proxy = await startFaultProxy(emulator.endpoint);
  onTestFinished(() => proxy.close());
  proxy.set({
    service: "sqs",
    operation: "ReceiveMessage",
    fault: { kind: "error", code: "AccessDenied", status: 403 },
  });
  const dir = mkdtempSync(join(tmpdir(), "sagewatch-ready-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const push = { type: "sqs-eventbridge", name: "push", queue: queue.url, region: "eu-west-1", wait: "1s" };
  const settings = {
    state: { dir: join(dir, "state") },
    sources: [
      { ...push, endpoint: proxy.url },
      { type: "file", name: "spool", paths: [dir], pattern: "*.json.gz", mode: "watch" },
    ],
    sinks: [{ type: "file", path: join(dir, "alerts.ndjson") }],
    http: { enabled: true, port: 0 },
  };
  writeFileSync(join(dir, "sagewatch.yml"), JSON.stringify(settings));
  const env = { AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE", AWS_SECRET_ACCESS_KEY: "secret" };
  const daemon = start(["run", "--config", join(dir, "sagewatch.yml")], { env });
  onTestFinished(async () => {
    daemon.child.kill("SIGTERM");
    await daemon.ended;
  });
  let log = "";
  daemon.child.stderr?.on("data", (chunk) => void (log += String(chunk)));
  await daemon.until(/"http_opened".*\n/);
  const port = /"http_opened","host":"127.0.0.1","port":(\d+)/.exec(log)?.[1];
  const ready = async (): Promise<readonly [number, readonly string[]]> => {
    // An idle connection may be closed just as it is used again: who asks once a moment asks again.
    const answer = await fetch(`http://127.0.0.1:${port}/ready`).catch(() => null);
    if (answer === null) return [0, []];
    const { reasons } = (await answer.json()) as { reasons: readonly { code: string; key?: string }[] };
    return [answer.status, reasons.map(({ code, key }) => (key === undefined ? code : `${code} ${key}`))];
  };
  const until = async (wanted: readonly [number, readonly string[]]): Promise<void> => {
    for (let waited = 0; waited < 40_000; waited += 100) {
      if (JSON.stringify(await ready()) === JSON.stringify(wanted)) return;
      await sleep(100);
    }
    expect(await ready()).toEqual(wanted);
  };
  await until([503, ["source_unread push"]]);
  proxy.set();
  await until([200, []]);
});
