/**
 * The three pages over real sockets: who gets what, what is refused, and who is cut off.
 */
import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { createHealthWatch, type HealthWatch, NOT_READY } from "../../../src/ops/http/health.ts";
import { type Http, startHttp } from "../../../src/ops/http/server.ts";
import type { Signal } from "../../../src/model/signal.ts";
import { systemClock } from "../../../src/lib/clock.ts";

const open: Http[] = [];
afterEach(async () => {
  for (const http of open.splice(0)) await http.close();
});

async function serve(
  watch: Pick<HealthWatch, "health" | "readiness"> = createHealthWatch(systemClock),
  metrics: () => Promise<string> = () => Promise.resolve("# no metrics\n"),
): Promise<{ url: string; port: number }> {
  const http = await startHttp({ host: "127.0.0.1", port: 0, watch, metrics });
  open.push(http);
  return { url: `http://127.0.0.1:${http.port}`, port: http.port };
}

/** What a raw request gets until the server hangs up, and after how long, ms. */
function raw(port: number, text: string): Promise<{ answer: string; ms: number }> {
  const { promise, resolve } = Promise.withResolvers<{ answer: string; ms: number }>();
  const begunMs = performance.now();
  const socket = connect(port, "127.0.0.1", () => socket.write(text));
  let answer = "";
  socket.on("data", (chunk) => void (answer += String(chunk)));
  socket.on("error", () => undefined);
  socket.on("close", () => resolve({ answer, ms: performance.now() - begunMs }));
  return promise;
}

describe("pages", () => {
  test.each(["/health", "/ready", "/metrics"])(
    "%s: GET and HEAD, never kept, never sniffed, for nobody else's page",
    async (path) => {
      const { url } = await serve();
      const got = await fetch(url + path);
      const head = await fetch(url + path, { method: "HEAD" });
      const body = await got.text();
      expect(head.status).toBe(got.status);
      expect(await head.text()).toBe("");
      // Ages and figures in it may have grown by digits between the two requests.
      const told = Number(head.headers.get("content-length"));
      expect(Math.abs(told - body.length) / body.length, `${told} of ${body.length}`).toBeLessThan(0.05);
      expect(told).toBeGreaterThan(10);
      expect(got.headers.get("x-content-type-options")).toBe("nosniff");
      expect(got.headers.get("cache-control")).toBe("no-store");
      const crossed = await fetch(url + path, { headers: { origin: "https://elsewhere.example" } });
      expect([...crossed.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
    },
  );

  const refused: readonly (readonly [method: string, path: string, status: number, code: string])[] = [
    ["GET", "/", 404, "not_found"],
    ["GET", "/health/", 404, "not_found"],
    ["GET", "/HEALTH", 404, "not_found"],
    ["GET", "/metrics/../health2", 404, "not_found"],
    ["GET", "/%2e%2e/etc/passwd", 404, "not_found"],
    ["POST", "/elsewhere", 404, "not_found"],
    ["POST", "/health", 405, "method_not_allowed"],
    ["PUT", "/metrics", 405, "method_not_allowed"],
    ["DELETE", "/ready", 405, "method_not_allowed"],
    ["OPTIONS", "/metrics", 405, "method_not_allowed"],
    ["POST", "/metrics?x=1", 405, "method_not_allowed"],
  ];
  test.each(refused)("%s %s is %i in JSON", async (...[method, path, status, code]) => {
    const { url } = await serve();
    const answer = await fetch(url + path, { method });
    expect([answer.status, await answer.json()]).toEqual([status, { code }]);
    expect(answer.headers.get("allow")).toBe(status === 405 ? "GET, HEAD" : null);
    expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
  });

  test("an error inside says nothing of itself", async () => {
    const { url } = await serve(undefined, () => Promise.reject(new Error("password=hunter2 at /srv")));
    const answer = await fetch(`${url}/metrics`);
    expect([answer.status, await answer.json()]).toEqual([500, { code: "internal" }]);
  });

  test("a query changes nothing, a bad escape is refused", async () => {
    const { url, port } = await serve();
    expect((await fetch(`${url}/health?verbose=1`)).status).toBe(200);
    const { answer } = await raw(port, "GET /%zz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    expect(answer).toMatch(/^HTTP\/1\.1 400 [^]*\{"code":"bad_request"\}$/);
  });
});

describe("clients that do not behave", () => {
  test("a body that is too large is not read, and a head that is too large is refused", async () => {
    const { port } = await serve();
    const body = await raw(
      port,
      `POST /health HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100000\r\nconnection: close\r\n\r\n${"x".repeat(5000)}`,
    );
    expect(body.answer).toMatch(/^HTTP\/1\.1 4(05|13) /);
    expect((await raw(port, `GET /health HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(9000)}\r\n\r\n`)).answer).toMatch(
      /^HTTP\/1\.1 431 /,
    );
  });

  test("who never ends the head, or the body, is cut off; others are served meanwhile", async () => {
    const { port, url } = await serve();
    const slow = [
      raw(port, "GET /health HTTP/1.1\r\nhost: x\r\n"),
      raw(port, "POST /health HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"),
      raw(port, ""),
    ];
    expect((await fetch(`${url}/health`)).status).toBe(200);
    const ended = await Promise.all(slow);
    for (const { ms } of ended) expect(ms).toBeLessThan(13_000);
    expect(ended[0]?.answer).toMatch(/^(HTTP\/1\.1 408 |$)/);
  });

  test("of a crowd of connections the first are served, the others turned away", async () => {
    const { port, url } = await serve();
    const held = Array.from({ length: 80 }, () => raw(port, "GET /health HTTP/1.1\r\n"));
    const gone = await Promise.all(held);
    expect(gone.filter(({ ms, answer }) => ms < 2000 && answer === "").length).toBeGreaterThanOrEqual(16);
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });
});

test("a port that is taken is a coded error that says what to do", async () => {
  const { port } = await serve();
  const again = startHttp({
    host: "127.0.0.1",
    port,
    watch: createHealthWatch(systemClock),
    metrics: () => Promise.resolve(""),
  });
  await expect(again).rejects.toMatchObject({
    code: "http_failed",
    exitCode: 3,
    message: expect.stringMatching(
      new RegExp(`127\\.0\\.0\\.1:${port}: somebody listens there already; set http\\.host`),
    ),
  });
  await expect(
    startHttp({
      host: "192.0.2.1",
      port: 0,
      watch: createHealthWatch(systemClock),
      metrics: () => Promise.resolve(""),
    }),
  ).rejects.toMatchObject({ code: "http_failed" });
});

describe("health", () => {
  const loaded: Signal = { type: "rules_loaded", rules: 1, correlations: 0, warnings: 0, hash: "aa", elapsedMs: 1 };
  const batch: Signal = { type: "batch", source: "s", read: 1, evaluated: 1, bytes: 1, matches: 0, elapsedMs: 1 };
  const state: Signal = { type: "state", groups: 0, members: 0, bytes: 0 };

  function watchAt(): { watch: HealthWatch; pass: (ms: number) => void } {
    let nowMs = 1000;
    const watch = createHealthWatch({ ...systemClock, monotonicMs: () => nowMs });
    return { watch, pass: (ms) => void (nowMs += ms) };
  }
  const codes = (watch: HealthWatch): string[] => watch.readiness().reasons.map(({ code }) => code);

  const later: readonly (readonly [name: string, signals: readonly Signal[], codes: readonly string[]])[] = [
    ["the disk is full", [{ type: "store_full", detail: "" }], ["store_full"]],
    ["the state cannot be written", [{ type: "store_failed", detail: "" }], ["store_failed"]],
    ["somebody took the folder", [{ type: "fenced", detail: "" }], ["store_fenced"]],
    [
      "the quarantine is full",
      [{ type: "input_blocked", cause: "quarantine_full", key: "quarantine" }],
      ["quarantine_full"],
    ],
    ["it drains", [{ type: "draining", reason: "signal" }], ["draining"]],
    [
      "there is room again",
      [{ type: "input_blocked", cause: "outbox_full", key: "siem" }, { type: "input_unblocked" }],
      [],
    ],
  ];
  test.each(later)("when %s readiness says so, and it lives", (_name, signals, expected) => {
    const { watch } = watchAt();
    expect(codes(watch)).toEqual(["starting", "rules_not_loaded"]);
    watch.listen(loaded);
    watch.running([]);
    expect(watch.readiness()).toEqual({ ready: true, reasons: [] });
    for (const signal of signals) watch.listen(signal);
    expect(codes(watch)).toEqual(expected);
    expect(watch.health().status).toBe("ok");
    expect(watch.readings().filter(({ name, value }) => name === "sagewatch_not_ready" && value === 1)).toHaveLength(
      expected.length,
    );
  });

  test("a source is unread until all of what it reads from answered, and again after minutes without", () => {
    const { watch, pass } = watchAt();
    let answeredMs: number | null = null;
    watch.listen(loaded);
    watch.running([
      { source: "trail", asksMs: 0, answeredMs: () => answeredMs },
      { source: "lookup", asksMs: 900_000, answeredMs: () => 1000 },
    ]);
    const unread = { code: "source_unread", what: NOT_READY.source_unread };
    expect(watch.readiness()).toEqual({ ready: false, reasons: [{ ...unread, key: "trail" }] });
    expect(watch.readings()).toContainEqual({
      name: "sagewatch_not_ready",
      labels: { reason: "source_unread" },
      value: 1,
    });
    answeredMs = 1000;
    expect(watch.readiness()).toEqual({ ready: true, reasons: [] });
    pass(120_000);
    expect(codes(watch)).toEqual([]);
    pass(1);
    expect(watch.readiness().reasons).toEqual([{ ...unread, key: "trail" }]);
    pass(800_000);
    expect(watch.readiness().reasons.map(({ key }) => key)).toEqual(["trail", "lookup"]);
    expect(watch.health().reasons.map(({ code }) => code)).not.toContain("source_unread");
    answeredMs = 921_001;
    // Where nothing is read on purpose, only that is said.
    watch.listen({ type: "input_blocked", cause: "outbox_full", key: "siem" });
    expect(codes(watch)).toEqual(["outbox_full"]);
  });

  test("a full outbox names its sink", () => {
    const { watch } = watchAt();
    watch.listen(loaded);
    watch.running([]);
    watch.listen({ type: "input_blocked", cause: "outbox_full", key: "siem" });
    expect(watch.readiness().reasons).toEqual([{ code: "outbox_full", what: NOT_READY.outbox_full, key: "siem" }]);
  });

  test("a loop that no longer tells of itself, or that reads without committing, is not alive; an idle one is", () => {
    const { watch, pass } = watchAt();
    watch.running([]);
    pass(59_000);
    expect(watch.health()).toMatchObject({ status: "ok", lastCommitAgeS: null, lastReportAgeS: 59 });
    pass(2_000);
    expect(watch.health().reasons.map(({ code }) => code)).toEqual(["loop_stalled"]);
    watch.listen(state);
    watch.listen(batch);
    watch.listen({ type: "committed", records: 1, alerts: 0, elapsedMs: 1 });
    pass(61_000);
    watch.listen(state);
    expect(watch.health()).toMatchObject({ status: "ok", lastCommitAgeS: 61 });
    watch.listen(batch);
    pass(61_000);
    watch.listen(state);
    expect(watch.health().reasons.map(({ code }) => code)).toEqual(["commit_stalled"]);
  });
});
