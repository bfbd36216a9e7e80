/** The search for secrets in what the tests' processes write can fail. */
import { expect, test } from "vitest";
import { start } from "./cli.ts";

test("a process that writes a secret of its environment, in whatever form, fails its test", async () => {
  const secret = "planted-secret/of-a-folder";
  for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString("base64")]) {
    const told = start(["replay", `no-such-${form}`], { env: { A_SECRET: secret } }).ended;
    await expect(told).rejects.toThrow("a process wrote the value of A_SECRET");
  }
  const { stderr } = await start(["replay", `no-such-${secret}`]).ended;
  expect(stderr).toContain(secret);
});
