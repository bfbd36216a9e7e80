/** The receiver's check of a webhook's signature, as the documentation shows it, against what the sink sends. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createSecret } from "../../../src/model/secret.ts";
import { createWebhookSink, webhookSink } from "../../../src/sinks/webhook.ts";
import { item } from "../../contracts/alert-items.ts";
import { startReceiver } from "../../fakes/http/receiver.ts";

type Call = { readonly body: string; readonly header: string; readonly secret: string; readonly nowSeconds?: number };
type Check = { readonly isGenuine: (call: Call) => boolean };

async function readCheck(): Promise<Check["isGenuine"]> {
  const page = readFileSync(join(import.meta.dirname, "../../../docs/sinks.md"), "utf8");
  const [, code = ""] = /```js\n(import \{ createHmac[^]*?)```/.exec(page) ?? [];
  const folder = mkdtempSync(join(tmpdir(), "sagewatch-signature-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "check.mjs"), code);
  return ((await import(join(folder, "check.mjs"))) as Check).isGenuine;
}

test("the check of the documentation takes what was sent, and refuses another key, another body and an old call", async () => {
  const isGenuine = await readCheck();
  const receiver = await startReceiver(() => ({ status: 200 }));
  onTestFinished(receiver.close);
  const key = createSecret({ env: "KEY" });
  key.fill("hook-key");
  const config = webhookSink.schema.parse({
    type: "webhook",
    url: `http://127.0.0.1:${receiver.port}/`,
    allow: ["127.0.0.1"],
  });
  const sink = createWebhookSink({ ...config, secret: key }, { version: "1.0.0", stdout: process.stdout });
  onTestFinished(() => sink.close());
  await sink.send([item(1)], new AbortController().signal);
  const [{ body, headers } = { body: "", headers: {} as Record<string, string> }] = receiver.calls;
  const header = String(headers["x-sagewatch-signature"]);
  const sent = { body, header, secret: "hook-key" };
  const seconds = Number(/t=(\d+)/.exec(header)?.[1]);
  expect(isGenuine(sent)).toBe(true);
  const forged: readonly (readonly [string, Call])[] = [
    ["another key", { ...sent, secret: "hook-kez" }],
    ["another body", { ...sent, body: body.replace(/.$/, " }") }],
    ["another time", { ...sent, header: header.replace(/t=\d+/, `t=${seconds + 1}`) }],
    ["played again after five minutes", { ...sent, nowSeconds: seconds + 301 }],
    ["from the future", { ...sent, nowSeconds: seconds - 301 }],
    ["no signature", { ...sent, header: "" }],
    ["a short signature", { ...sent, header: header.slice(0, -2) }],
    ["a signature of zeros", { ...sent, header: `t=${seconds},v1=${"0".repeat(64)}` }],
  ];
  expect(forged.filter(([, call]) => isGenuine(call)).map(([what]) => what)).toEqual([]);
});
