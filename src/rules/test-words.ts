/**
 * A leaf of a rule back in Sigma's own words: field, modifiers and value, as a rule file would have them.
 *
 * For people who read why a rule matched. One form for one meaning, so it may differ from what the author wrote: encoded
 * values stand as they are sought. Control characters are left for the caller to make visible.
 */
import type { Expression, Pattern, Test, TextStep } from "../sigma/ast.ts";

/** "eventName|startswith: Create". A keyword has no field. */
export function toWords({ field, test }: Extract<Expression, { op: "leaf" }>): string {
  const { modifiers, value } = describe(test);
  const key = [field ?? "", ...modifiers].join("|");
  return key === "" ? `keyword ${value}` : `${key}: ${value}`;
}

type Words = { readonly modifiers: readonly string[]; readonly value: string };

function describe(test: Test): Words {
  switch (test.type) {
    case "text":
      return describeText(test.pattern, test.cased);
    case "encoded": {
      const isPlace = (step: TextStep): boolean => ["contains", "startswith", "endswith"].includes(step);
      const places = test.steps.filter(isPlace);
      const before = test.steps.filter((step) => !isPlace(step));
      const cased = test.cased ? ["cased"] : [];
      return {
        modifiers: [...before, "expand", ...places, ...cased],
        value: quote(test.pattern.map(toText).join("")),
      };
    }
    case "number":
      return { modifiers: [], value: test.text };
    case "boolean":
      return { modifiers: [], value: String(test.value) };
    case "null":
      return { modifiers: [], value: "null" };
    case "exists":
      return { modifiers: ["exists"], value: String(test.value) };
    case "regex":
      return { modifiers: ["re", ...toFlags(test)], value: quote(test.source) };
    case "regex_expand": {
      const source = test.parts.map((part) => (typeof part === "string" ? part : `%${part.list}%`)).join("");
      return { modifiers: ["re", ...toFlags(test), "expand"], value: quote(source) };
    }
    case "cidr":
      return { modifiers: ["cidr"], value: test.network };
    case "compare":
      return {
        modifiers: [...(test.part === null ? [] : [test.part]), test.operator],
        value: String(test.value),
      };
    case "timepart":
      return { modifiers: [test.part], value: String(test.value) };
    case "fieldref":
      return {
        modifiers: ["fieldref", ...(test.mode === "equals" ? [] : [test.mode]), ...(test.cased ? ["cased"] : [])],
        value: test.field,
      };
  }
}

function toFlags(test: { ignoreCase: boolean; multiline: boolean; dotAll: boolean }): string[] {
  return [...(test.ignoreCase ? ["i"] : []), ...(test.multiline ? ["m"] : []), ...(test.dotAll ? ["s"] : [])];
}

function describeText(pattern: Pattern, cased: boolean): Words {
  const from = pattern[0] === 0;
  const to = pattern.length > 1 && pattern.at(-1) === 0;
  const inner = pattern.slice(from ? 1 : 0, to ? -1 : undefined);
  const isPlain = inner.length > 0 && inner.every((part) => part !== 0 && part !== 1);
  const place = !isPlain ? [] : from && to ? ["contains"] : from ? ["endswith"] : to ? ["startswith"] : [];
  const shown = place.length > 0 ? inner : pattern;
  const hasDash = pattern.includes(2);
  const isExpanded = pattern.some((part) => typeof part === "object");
  return {
    modifiers: [
      ...(hasDash ? ["windash"] : []),
      ...(isExpanded ? ["expand"] : []),
      ...place,
      ...(cased ? ["cased"] : []),
    ],
    value: quote(shown.map(toText).join("")),
  };
}

function toText(part: Pattern[number]): string {
  if (part === 0) return "*";
  if (part === 1) return "?";
  if (part === 2) return "-";
  return typeof part === "object" ? `%${part.list}%` : part.replace(/[*?]/g, "\\$&");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
