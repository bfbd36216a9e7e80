/** Templates: fields are looked up and nothing else, and names that no alert has are told at check. */
import { expect, test } from "vitest";
import { fillTemplate, findTemplateFaults } from "../../../src/sinks/http/template.ts";
import { webhookSink } from "../../../src/sinks/webhook.ts";

test("a template looks fields up and nothing else, and what is put in stays in its place", () => {
  const alert = { severity: "high", title: '"},{{alert.severity}}${jndi:x}\u202e', group: { a: 1 } };
  const template = {
    text: "{{alert.severity}}: {{alert.title}}",
    group: "{{alert.group}}",
    no: "{{alert.constructor.name}}",
  };
  expect(fillTemplate(template, alert)).toEqual({ text: `high: ${alert.title}`, group: { a: 1 }, no: null });
});

test("a group's field is found by its name with dots, an evidence row by its number", () => {
  const alert = { group: { "enrich.principal.id": "me" }, evidence: [{ action: "s3:GetObject" }] };
  expect(fillTemplate("{{alert.group.enrich.principal.id}} {{ alert.evidence.0.action }}", alert)).toBe(
    "me s3:GetObject",
  );
});

test.each([
  ["{{alert.severety}}", "did you mean {{alert.severity}}?"],
  ["{{severity}}", "did you mean {{alert.severity}}?"],
  ["{{alert.title.text}}", "did you mean {{alert.title}}?"],
  ["{{alert.evidence.action}}", "did you mean {{alert.evidence.0.action}}?"],
  ["{{alert.evidence.1.useragent}}", "did you mean {{alert.evidence.1.userAgent}}?"],
  ["{{alert.attack.first}}", "did you mean {{alert.attack.0}}?"],
  ["{{alert.constructor.name}}", "fields are those of docs/alert.md"],
  ["{{}}", "fields are those of docs/alert.md"],
  ["{{process.env.HOME}}", "fields are those of docs/alert.md"],
])("%s is refused: %s", (text, told) => {
  const template = { list: ["fine {{alert.id}}", `before ${text}`] };
  expect(findTemplateFaults(template)).toEqual([
    { path: ["list", 1], message: expect.stringContaining(`${text} names no field of an alert; ${told}`) },
  ]);
  const { error } = webhookSink.schema.safeParse({ type: "webhook", url: "https://a.example/", template });
  expect(error?.issues.map(({ path }) => path)).toEqual([["template", "list", 1]]);
});

test("fields stand in values only; texts without braces are left alone", () => {
  expect(findTemplateFaults({ "{{alert.id}}": 1 })).toHaveLength(1);
  expect(
    findTemplateFaults({ a: "{alert.id} }} {{", b: 7, c: null, d: "{{alert.group.any.field}}{{alert.eventIds.0}}" }),
  ).toEqual([]);
});
