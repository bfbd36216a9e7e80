/**
 * The printed policy, held against an IAM that others wrote: as it stands it is enough for a daemon of every AWS source and
 * sink and for doctor, and without any one of its actions on any one of its resources the daemon or doctor says which.
 *
 * MiniStack checks what it has. What it lacks our fakes refuse by the same policies. kms is checked by neither.
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseConfig } from "../../../src/config/load.ts";
import { ADAPTERS } from "../../../src/config/registries.ts";
import { needsOf } from "../../../src/commands/doctor/adapters.ts";
import type { Need } from "../../../src/aws/needs.ts";
import { type Policies, toPolicies } from "../../../src/aws/policy.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import type { Signal } from "../../../src/model/signal.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { call } from "../../commands/cli.ts";
import { RULE } from "../../commands/doctor/world.ts";
import { configText, createPlace, type Place, run, write } from "../../e2e/make.ts";
import { findPeer } from "../../support/peers/install.ts";
import { type Account, openAccount, PRINCIPAL, toAdapters } from "./account.ts";

/** Longer than half of the queues' visibility, so that messages have to be kept. */
const SLOW_MS = 4_000;
const LATE_MS = 100_000;

const found = findPeer("ministack");
const why = "missing" in found ? found.missing : null;

/** What is taken out: an action on a resource, as the own identity or as the role. */
const NEEDS = toNeeds("http://127.0.0.1:1").filter(({ action }) => !action.startsWith("kms:"));

function toNeeds(endpoint: string): readonly Need[] {
  const { config } = parseConfig(JSON.stringify({ ...toAdapters(endpoint), state: { dir: "/tmp/none" } }), { adapters: ADAPTERS, path: null }); // prettier-ignore
  const needs = needsOf(config).map((need) => [`${need.by?.role} ${need.action} ${need.resource}`, need] as const);
  return [...new Map(needs).values()];
}

function configure(place: Place, endpoint: string): { readonly path: string; readonly text: string } {
  const rules = [write(join(place.root, "own", "acl.yml"), RULE)];
  const { sources, sinks } = toAdapters(endpoint);
  const more = { sources, sinks: [...sinks, { type: "file", path: place.sink }], http: { enabled: false }, commit: { intervalMs: 20 } }; // prettier-ignore
  const text = configText(place, { rules, more });
  return { path: write(join(place.root, "sagewatch.yml"), text), text };
}

/**
 * What a daemon asks for in a rare hour only, and doctor always: attributes of a queue after an outage, and more time for
 * messages of EventBridge, which are committed at once.
 */
function isQuiet({ action, resource }: Need): boolean {
  return (
    // Without it alerts are sent all the same.
    action === "events:DescribeEventBus" ||
    action === "sqs:GetQueueAttributes" ||
    (action === "sqs:ChangeMessageVisibility" && resource.endsWith(":events"))
  );
}

/** Daemons that were told to end; one that cannot send takes its time. */
const ending: Promise<unknown>[] = [];

/** A daemon until `isEnough` of what it told; its signals. */
async function watch(text: string, isEnough: (signals: readonly Signal[]) => boolean): Promise<readonly Signal[]> {
  const { config } = parseConfig(text, { adapters: ADAPTERS, path: null });
  const signals: Signal[] = [];
  const end = new AbortController();
  const ended = run(config, { signal: end.signal, emit: (signal) => void signals.push(signal) });
  ending.push(ended.catch(() => undefined));
  const lateMs = performance.now() + LATE_MS;
  while (!isEnough(signals) && performance.now() < lateMs) await Promise.race([systemClock.sleep(50), ended]);
  end.abort();
  return signals;
}

/** What was said of denied calls: warnings of sources, sinks that are down, a canary that could not be sent. */
function deniedIn(signals: readonly Signal[]): readonly string[] {
  return signals.flatMap((signal) => {
    if (signal.type === "canary_missing") return signal.detail.includes("(aws_denied: ") ? [signal.detail] : [];
    const isTold = signal.type === "source_warning" || signal.type === "sink_down";
    return isTold && signal.code === "aws_denied" ? [signal.detail] : [];
  });
}

describe.skipIf(why !== null)(`the policy in MiniStack${why === null ? "" : ` (skipped: ${why})`}`, () => {
  useEnvironmentCredentials();
  let account: Account;
  beforeAll(async () => {
    account = await openAccount();
    process.env["AWS_ACCESS_KEY_ID"] = account.key.accessKeyId;
    process.env["AWS_SECRET_ACCESS_KEY"] = account.key.secretAccessKey;
  });
  afterAll(async () => {
    await Promise.all(ending);
    await account?.close();
  });

  test("as it is printed it is enough for a daemon and for doctor", async () => {
    const { path, text } = configure(createPlace(), account.endpoint);
    const printed = await call("doctor", "--policy", "--principal", PRINCIPAL, "--config", path);
    await account.allow(JSON.parse(printed.stdout) as Policies, SLOW_MS);
    await account.deliver("whole");
    const actions = new Set(NEEDS.map(({ action }) => action).filter((one) => one !== "sqs:GetQueueAttributes"));
    const signals = await watch(text, () => [...actions].every((action) => account.seen().has(action)));
    expect([...actions].filter((action) => !account.seen().has(action))).toEqual([]);
    expect(deniedIn(signals)).toEqual([]);
    expect(await account.alerts()).toBeGreaterThan(0);
    const { stdout } = await call("doctor", "--config", path);
    // MiniStack checks whether ListPublicKeys is allowed, and then does not have it.
    const failed = stdout.split("\n").filter((line) => line.startsWith("FAIL"));
    expect(failed.filter((line) => !line.includes("Unknown CloudTrail action: 'ListPublicKeys'"))).toEqual([]);
  });

  test.each(
    NEEDS.map((need) => [`${need.action} on ${need.resource} (${need.by === null ? "own" : "role"})`, need] as const),
  )("without %s it is said what to allow", async (_, need) => {
    const { path, text } = configure(createPlace(), account.endpoint);
    const left = toNeeds(account.endpoint).filter(
      ({ action, resource, by }) => action !== need.action || resource !== need.resource || by?.role !== need.by?.role,
    );
    await account.allow(toPolicies(left, PRINCIPAL), need.action === "sqs:ChangeMessageVisibility" ? SLOW_MS : 0);
    const remedy = `allow ${need.action} for this identity`;
    await account.deliver(`without-${NEEDS.indexOf(need)}`);
    const tells = (told: readonly Signal[]): boolean => deniedIn(told).some((detail) => detail.includes(remedy));
    const said = isQuiet(need)
      ? (await call("doctor", "--config", path)).stdout
      : deniedIn(await watch(text, tells)).join("\n");
    expect(said).toContain(remedy);
  });
});
