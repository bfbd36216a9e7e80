/** The sink elastic over a `_bulk` with the shipped templates: the exam, revisions, per-document answers, hostile texts. */
import { expect, onTestFinished, test } from "vitest";
import type { OutboxItem, Sink } from "../../../src/contracts.ts";
import { toEcs } from "../../../src/encode/ecs.ts";
import { createSecret } from "../../../src/model/secret.ts";
import { createElasticSink, elasticSink } from "../../../src/sinks/elastic/elastic.ts";
import { item } from "../../contracts/alert-items.ts";
import { everythingTold, HOSTILE, hostileItems } from "../../contracts/hostile-items.ts";
import { type Examined, examineSink } from "../../contracts/sink-exam.ts";
import { anyAlert, hostileFinding } from "../../encode/alerts.ts";
import { API_KEY, type Elastic, readTemplate, startElastic } from "../../fakes/http/elastic.ts";
import fc from "fast-check";

const { signal } = new AbortController();
const accepted = { status: "accepted" };

function open(port: number, more: Record<string, unknown> = {}, key = API_KEY): Sink {
  const config = elasticSink.schema.parse({
    type: "elastic",
    url: `http://127.0.0.1:${port}`,
    allow: ["127.0.0.1"],
    ...more,
  });
  const secret = createSecret({ env: "KEY" });
  secret.fill(config.username === undefined ? key : "planted-password");
  const own = config.username === undefined ? { apiKey: secret } : { password: secret };
  return createElasticSink({ ...config, ...own }, { version: "1.0.0", stdout: process.stdout });
}

async function started(mode: "data_stream" | "index" = "data_stream"): Promise<Elastic> {
  const elastic = await startElastic();
  elastic.state.isDataStream = mode === "data_stream";
  onTestFinished(elastic.close);
  return elastic;
}

const eventOf = (doc: unknown) => (doc as { event: { id: string; sequence: number } }).event;
const heads = ({ taken }: Elastic) =>
  taken.map(({ doc }) => ({ id: eventOf(doc).id, revision: eventOf(doc).sequence }));

for (const mode of ["data_stream", "index"] as const)
  examineSink(`elastic by ${mode}`, async (): Promise<Examined> => {
    const elastic = await startElastic();
    elastic.state.isDataStream = mode === "data_stream";
    const sink = open(elastic.port, { mode });
    return {
      sink,
      received: async () => heads(elastic),
      fail: async () => void (elastic.plan.isDown = true),
      mend: async () => void (elastic.plan.isDown = false),
      slow: (ms) => void (elastic.plan.delayMs = ms),
      reopen: () => open(elastic.port, { mode }),
      dispose: async () => {
        await sink.close();
        await elastic.close();
      },
    };
  });

test("a data stream keeps every revision once, however often it goes", async () => {
  const elastic = await started();
  const sink = open(elastic.port);
  for (const one of [item(1), item(1, 2), item(1), item(1, 2)])
    expect(await sink.send([one], signal)).toEqual([accepted]);
  const { id } = item(1).alert;
  expect([...elastic.docs.keys()]).toEqual([`${id}:1`, `${id}:2`]);
});

test("an index keeps the last revision: a lower one never stands over a higher", async () => {
  const elastic = await started("index");
  const sink = open(elastic.port, { mode: "index" });
  for (const one of [item(1), item(1, 3), item(1, 2), item(1, 3)])
    expect(await sink.send([one], signal)).toEqual([accepted]);
  expect([...elastic.docs.entries()].map(([id, { doc }]) => [id, eventOf(doc).sequence])).toEqual([
    [item(1).alert.id, 3],
  ]);
});

test("each document is answered for by itself, and what is settled does not go again", async () => {
  const elastic = await started();
  const bad = { ...item(3), alert: { ...item(3).alert, eventCount: 1.5 } };
  const array = [item(1), item(2), bad, item(4)];
  elastic.state.next = [null, 429, null, 503];
  const sink = open(elastic.port);
  const refused = { status: "refused", code: "document_parsing_exception" };
  expect(await sink.send(array, signal)).toEqual([
    accepted,
    { status: "unknown", code: "throttled" },
    refused,
    { status: "unknown", code: "receiver_failed" },
  ]);
  expect(await sink.send(array, signal)).toEqual([accepted, accepted, refused, accepted]);
  expect(elastic.bodies[1]?.trimEnd().split("\n")).toHaveLength(4);
});

test.each([
  ["an unknown key", {}, {}, "wrong", "not_authorised", "check `apiKey`"],
  ["a read-only index", { isBlocked: true }, {}, API_KEY, "index_blocked", "free disk space"],
  ["a data stream by mode index", {}, { mode: "index" }, API_KEY, "mode_wrong", "set `mode: data_stream`"],
  ["a missing index", { next: [404] }, {}, API_KEY, "index_missing", "create it"],
  ["a key without rights", { next: [403] }, {}, API_KEY, "not_permitted", "allow create_doc"],
] as readonly (readonly [string, object, object, string, string, string])[])(
  "%s is told with what to do, and refuses no alert",
  async (...[, state, settings, key, code, what]) => {
    const elastic = await started();
    Object.assign(elastic.state, state);
    expect(await open(elastic.port, { ...settings }, key).send([item(1)], signal)).toEqual([
      { status: "unknown", code, detail: expect.stringContaining(what) },
    ]);
  },
);

test("basic authentication, and a call that is too large", async () => {
  const elastic = await started();
  elastic.state.maxBytes = 2200;
  const sink = open(elastic.port, { username: "sagewatch", password: { env: "P" } });
  expect(await sink.send([item(1), item(2)], signal)).toEqual([accepted, accepted]);
  for (const { doc } of elastic.taken)
    expect((doc as { event: { reason: string } }).event.reason).toContain("cut to fit");
});

test("documents as they go out", async () => {
  const elastic = await started();
  const rich: OutboxItem = {
    ...item(1, 2),
    pointers: [{ source: "spool", path: "a.json.gz", index: 4 }],
    additions: {
      revision: 2,
      enrichment: { account: { owner: "ml" } },
      errors: [{ name: "related", code: "timeout" }],
    },
  };
  await open(elastic.port).send([rich, { alert: hostileFinding, opened: true }], signal);
  await expect(elastic.bodies[0]).toMatchFileSnapshot("../../golden/elastic/data-stream.ndjson");
});

test("the templates map every field that a document has, and both map the same", async () => {
  const { mappings } = readTemplate("data-stream").template;
  expect(readTemplate("index").template.mappings).toEqual(mappings);
  const unmapped = (value: unknown, mapping: typeof mappings | undefined, path: string): string[] => {
    if (mapping === undefined) return [path];
    if (mapping.enabled === false || typeof value !== "object" || value === null) return [];
    if (Array.isArray(value)) return value.flatMap((one) => unmapped(one, mapping, path));
    return Object.entries(value).flatMap(([name, one]) => unmapped(one, mapping.properties?.[name], `${path}.${name}`));
  };
  fc.assert(
    fc.property(anyAlert, (alert) => {
      expect(unmapped(toEcs({ alert, opened: true }, "1"), mappings, "")).toEqual([]);
    }),
    { numRuns: 100 },
  );
});

test("what strangers wrote comes back byte for byte, and no call has a hidden character", async () => {
  const elastic = await started();
  const results = await open(elastic.port).send(hostileItems(), signal);
  expect(results.every(({ status }) => status === "accepted")).toBe(true);
  const fields = elastic.taken.map(
    ({ doc }) =>
      doc as unknown as {
        message: string;
        event: { reason: string };
        user: { name: string };
        sagewatch: { group: unknown };
      },
  );
  expect(fields.map((doc) => [doc.message, doc.event.reason, doc.user.name, doc.sagewatch.group])).toEqual(
    HOSTILE.map((text) => [text, text, text, [{ field: `g ${text}`, value: text }]]),
  );
  for (const body of elastic.bodies) expect(body.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
});

test("key and password are told nowhere", async () => {
  const elastic = await started();
  const told = await everythingTold(() => open(elastic.port), elastic.plan, `echo ${API_KEY}`);
  expect(told).toContain("not_authorised");
  expect(told).not.toContain(API_KEY);
  const basic = { username: "sagewatch", password: { env: "P" } };
  const toldBasic = await everythingTold(() => open(elastic.port, basic), elastic.plan, "echo planted-password");
  expect(toldBasic).not.toContain("planted-password");
  expect(toldBasic).not.toContain(Buffer.from("sagewatch:planted-password").toString("base64"));
});

test("settings: one way to log in, secrets are references", () => {
  const check = (more: object): boolean =>
    elasticSink.schema.safeParse({ type: "elastic", url: "https://e.example", ...more }).success;
  expect(check({ apiKey: { env: "A" } })).toBe(true);
  expect(check({ apiKey: "plain" })).toBe(false);
  expect(check({ username: "me" })).toBe(false);
  expect(check({ username: "me", password: { env: "P" }, apiKey: { env: "A" } })).toBe(false);
  expect(check({ target: "Alerts/../x" })).toBe(false);
});
