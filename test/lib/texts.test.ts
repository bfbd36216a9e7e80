/** Texts remembered are those that were given, whichever share a place. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { TextCache } from "../../src/lib/texts/cache.ts";
import { createIntern } from "../../src/lib/texts/intern.ts";

/** Few lengths and letters: many share a place, and many come again. */
const anyText = fc.array(fc.constantFrom("a", "b", "é"), { maxLength: 6 }).map((parts) => parts.join(""));

test("a cache gives what was set for the very text, or nothing", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(anyText, fc.boolean()), { maxLength: 60 }), (steps) => {
      const cache = new TextCache<string>();
      const set = new Set<string>();
      for (const [text, isSet] of steps) {
        expect([undefined, set.has(text) ? `of ${text}` : undefined]).toContain(cache.get(text));
        if (!isSet) continue;
        cache.set(text, `of ${text}`);
        set.add(text);
        expect(cache.get(text)).toBe(`of ${text}`);
      }
      cache.clear();
      for (const text of set) expect(cache.get(text)).toBeUndefined();
    }),
  );
});

test("an interner gives an equal text, for a flood of new ones too", () => {
  const intern = createIntern();
  for (let at = 0; at < 50_000; at += 1) expect(intern(`role-${at % 30_000}`)).toBe(`role-${at % 30_000}`);
});
