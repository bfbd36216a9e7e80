/**
 * The generated policy is exact: a daemon with every AWS source and sink, and doctor beside it, ask for all of its actions
 * and for no other; with it they work; without any one of its actions something tells which.
 *
 * Not seen here are kms actions, which AWS asks on the caller's behalf.
 */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseConfig } from "../../../src/config/load.ts";
import { ADAPTERS } from "../../../src/config/registries.ts";
import { needsOf } from "../../../src/commands/doctor/adapters.ts";
import type { Signal } from "../../../src/model/signal.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { configText, createPlace, type Place, run, TIMEOUT_MS, write } from "../../e2e/make.ts";
import { call } from "../cli.ts";
import { RULE, startWorld, type World } from "./world.ts";

useEnvironmentCredentials();
let world: World;
beforeAll(async () => void (world = await startWorld()));
afterAll(() => world.close());

/** Actions that no harmless call tries: a daemon without them says so. */
const SENDS = { eventbridge: "events:PutEvents", "security-hub": "securityhub:BatchImportFindings", sns: "sns:Publish", sqs: "sqs:SendMessage" }; // prettier-ignore
const UNTRIED = new Set<string>([...Object.values(SENDS), "sqs:ReceiveMessage"]);

/** Longer than half of the queues' visibility, so that messages have to be kept. */
const SLOW_MS = 4_000;

function configure(place: Place): { readonly path: string; readonly text: string } {
  const rules = [write(join(place.root, "own", "acl.yml"), RULE)];
  const { sources, sinks } = world;
  const text = configText(place, {
    rules,
    more: { sources, sinks, http: { enabled: false }, commit: { intervalMs: 20 } },
  });
  return { path: write(join(place.root, "sagewatch.yml"), text), text };
}

function actionsOf(text: string): ReadonlySet<string> {
  const { config } = parseConfig(text, { adapters: ADAPTERS, path: null });
  return new Set(needsOf(config).map(({ action }) => action).filter((action) => !action.startsWith("kms:"))); // prettier-ignore
}

/** A daemon until `isEnough` of what it told; its signals. */
async function watch(text: string, isEnough: (signals: readonly Signal[]) => boolean): Promise<readonly Signal[]> {
  const { config } = parseConfig(text, { adapters: ADAPTERS, path: null });
  const signals: Signal[] = [];
  const end = new AbortController();
  const look = setInterval(() => isEnough(signals) && end.abort(), 50);
  const late = setTimeout(() => end.abort(), 30_000);
  await run(config, { signal: end.signal, emit: (signal) => void signals.push(signal) });
  clearInterval(look);
  clearTimeout(late);
  return signals;
}

test(
  "daemon and doctor ask for exactly the actions of the policy, and work with no other",
  { timeout: TIMEOUT_MS },
  async () => {
    const { path, text } = configure(createPlace());
    const policy = actionsOf(text);
    world.allow(policy, SLOW_MS);
    await world.deliver("one");
    const hasAll = (): boolean => [...policy].every((action) => world.seen().has(action) || action === "sqs:GetQueueAttributes"); // prettier-ignore
    const signals = await watch(text, hasAll);
    const doctor = await call("doctor", "--config", path);
    expect(signals.filter(({ type }) => ["sink_down", "source_warning"].includes(type))).toEqual([]);
    expect(doctor.stdout).not.toContain("FAIL");
    expect(doctor.code).toBe(0);
    const seen = [...world.seen()].filter((action) => action !== "sts:GetCallerIdentity");
    expect(seen.toSorted()).toEqual([...policy].toSorted());
  },
);

test(
  "doctor fails and names each action that is taken out and that a harmless call can try",
  { timeout: TIMEOUT_MS },
  async () => {
    const { path, text } = configure(createPlace());
    const policy = actionsOf(text);
    const tried = [...policy].filter((action) => !UNTRIED.has(action));
    expect(tried.length).toBe(policy.size - UNTRIED.size);
    for (const action of tried) {
      world.allow(new Set([...policy].filter((other) => other !== action)));
      const { code, stdout } = await call("doctor", "--config", path);
      expect([action, code]).toEqual([action, 1]);
      expect(stdout).toContain(`allow ${action} for this identity`);
    }
  },
);

test(
  "doctor names what it did not try, and a daemon without these actions tells of each",
  { timeout: TIMEOUT_MS },
  async () => {
    const { path, text } = configure(createPlace());
    const policy = actionsOf(text);
    world.allow(policy);
    const { stdout } = await call("doctor", "--config", path);
    const untried = stdout.split("\n").filter((line) => line.startsWith("NOT TRIED"));
    for (const action of UNTRIED) expect(untried.join("\n")).toContain(action);
    world.allow(new Set([...policy].filter((action) => !UNTRIED.has(action))));
    const denied = (signals: readonly Signal[]): Set<string> =>
      new Set(
        signals.flatMap((signal) => {
          if (signal.type === "sink_down" && signal.code === "aws_denied") return [signal.sink];
          if (signal.type === "source_warning" && signal.code === "aws_denied") return [signal.source];
          return [];
        }),
      );
    const expected = [...Object.keys(SENDS), "sqs-eventbridge", "sqs-s3"].toSorted();
    const signals = await watch(text, (told) => denied(told).size === expected.length);
    expect([...denied(signals)].toSorted()).toEqual(expected);
  },
);

test("a daemon that may do nothing tells of every source what to allow", { timeout: TIMEOUT_MS }, async () => {
  const { text } = configure(createPlace());
  world.allow(new Set());
  const denied = (signals: readonly Signal[]): ReadonlyMap<string, string> =>
    new Map(
      signals.flatMap((signal) =>
        signal.type === "source_warning" && signal.code === "aws_denied" ? [[signal.source, signal.detail]] : [],
      ),
    );
  const signals = await watch(text, (told) => denied(told).size === world.sources.length);
  expect([...denied(signals).keys()].toSorted()).toEqual(
    world.sources.map((source) => (source as { type: string }).type).toSorted(),
  );
  const need = /allow \w+:\w+ for this identity in its IAM policy \(`sagewatch doctor --policy` prints all of it\)/;
  for (const detail of denied(signals).values()) expect(detail).toMatch(need);
  // What fails by itself and passes is no matter of permissions, and is told apart from it.
  expect(signals.filter((signal) => signal.type === "source_warning" && signal.code === "odd_input")).toEqual([]);
});
