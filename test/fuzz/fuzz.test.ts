/**
 * Each fuzz target for a second, from a fixed seed: the everyday share of `npm run fuzz`. And the engine itself: it finds
 * what is broken, slow or hangs, and gives the smallest input.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { fuzz, tryInput } from "./engine.ts";
import { encode, stateless, type Target } from "./target.ts";
import { TARGETS } from "./targets.ts";
import { watch } from "./watch.ts";

test.for(TARGETS)("$name holds for its corpus and a second of changes to it", async (target, { expect }) => {
  expect(target.seeds.length).toBeGreaterThan(1);
  const { crash, execs } = await fuzz(target, { seed: 1, budgetMs: 1000 });
  expect(crash?.error).toBeUndefined();
  expect(execs).toBeGreaterThan(target.seeds.length);
});

describe("the engine", () => {
  const make = (check: (input: Uint8Array) => void): Target => ({
    name: "made up",
    limitMs: 100,
    seeds: [encode("one two"), encode("three")],
    words: ["!", "?"],
    open: stateless(check),
  });
  const folder = mkdtempSync(join(tmpdir(), "sagewatch-fuzz-test-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test("a broken property is found, by an input that still breaks it", async () => {
    const broken = make((input) => {
      if (input.includes(33)) throw new TypeError("no exclamation");
    });
    const { crash } = await fuzz(broken, { seed: 1, budgetMs: 10_000 });
    expect(crash?.error).toContain("no exclamation");
    expect(crash?.input.length).toBeLessThan(20);
    expect(await tryInput(broken, crash!.input)).not.toBeNull();
    expect(await tryInput(broken, encode("fine"))).toBeNull();
  });

  test("what is slow each time is a crash, what was slow once is none", async () => {
    const busy = (ms: number): void => {
      for (const until = performance.now() + ms; performance.now() < until;);
    };
    let count = 0;
    const once = make(() => (count += 1) === 1 && busy(500));
    expect(await tryInput(once, encode("x"))).toBeNull();
    const always = make(() => busy(500));
    expect((await tryInput(always, encode("x")))?.error).toMatch(/took \d+ ms, limit 100/);
  });

  test("an input that never comes back is known", async () => {
    const module = join(folder, "hang.mjs");
    const check = "(input) => { if (input.length === 2) for (;;); }";
    writeFileSync(
      module,
      `export const target = { name: "hang", limitMs: 100, seeds: [new Uint8Array(1), new Uint8Array([7, 8])], words: [], open: async () => ({ check: ${check}, close() {} }) };`,
    );
    const { crash } = await watch({ module: pathToFileURL(module).href, seed: 1, budgetMs: 100, hangMs: 500 });
    expect(crash?.error).toBe("no answer in 500 ms");
    expect([...crash!.input]).toEqual([7, 8]);
  });
});
