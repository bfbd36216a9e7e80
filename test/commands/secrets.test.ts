/** The search for secrets in what the tests' processes write can fail. */
import { expect, test } from "vitest";
import { startFaultProxy } from "../fakes/fault-proxy.ts";
import { startReceiver } from "../fakes/http/receiver.ts";
import { PLANTED_CREDENTIALS, seekSecrets } from "../support/secrets.ts";
import { start } from "./cli.ts";

test("a process that writes a secret of its environment fails its test", async () => {
  const secret = "planted-secret/of-a-folder";
  const told = start(["replay", `no-such-${secret}`], { env: { A_SECRET: secret } }).ended;
  await expect(told).rejects.toThrow("a process wrote the value of A_SECRET");
  const { stderr } = await start(["replay", `no-such-${secret}`]).ended;
  expect(stderr).toContain(secret);
});

test("a secret is found as other formats write it, wherever it stands in what was encoded", () => {
  const secret = "planted-secret/of-a-folder";
  const encoded = ["", "u:", "us:", "use:"].map((user) => Buffer.from(`${user}${secret}!`).toString("base64"));
  for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString("hex"), ...encoded])
    expect(() => seekSecrets({ A_SECRET: secret }, [`{"x":"${form}"}`])).toThrow("A_SECRET");
  expect(() => seekSecrets({ A_SECRET: secret }, [secret.slice(0, -4)])).not.toThrow();
});

test("what is sent to an emulator or a receiver with the secret access key in it fails its test", async () => {
  const secret = PLANTED_CREDENTIALS.AWS_SECRET_ACCESS_KEY;
  for (const body of [secret, JSON.stringify({ deep: `key=${encodeURIComponent(secret)}` })]) {
    const receiver = await startReceiver(() => ({ status: 200 }));
    const proxy = await startFaultProxy(`http://127.0.0.1:${receiver.port}`);
    await fetch(proxy.url, { method: "POST", body });
    for (const place of [proxy, receiver]) await expect(place.close()).rejects.toThrow("was sent");
  }
});
