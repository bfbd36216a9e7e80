/**
 * Runs probes side by side, each within a deadline, and shows what came of them.
 */
import { toFailure } from "../../aws/probes.ts";
import type { Clock } from "../../lib/clock.ts";
import { safeText } from "../../lib/safe-text.ts";
import type { Finding, Probe } from "../../model/probe.ts";
import { redactText } from "../../ops/redact.ts";

/** A probe and what came of it. */
export type Checked = { readonly check: string } & Finding;

/** Longest time for one check, ms. */
const DEADLINE_MS = 10_000;

/** What came of each, in their order. Never throws. */
export function runProbes(
  probes: readonly Probe[],
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<readonly Checked[]> {
  return Promise.all(probes.map(async (probe) => ({ check: probe.name, ...(await runProbe(probe, clock, signal)) })));
}

async function runProbe(probe: Probe, clock: Clock, until: AbortSignal): Promise<Finding> {
  const [late, over] = [new AbortController(), new AbortController()];
  const signal = AbortSignal.any([until, late.signal]);
  const deadline = clock.sleep(DEADLINE_MS, AbortSignal.any([until, over.signal])).then((): Finding => {
    late.abort(new Error("the deadline of the check"));
    const mend = "look whether the network lets this machine reach it: routes, security groups, VPC endpoints, a proxy";
    return { status: "fail", did: `no answer within ${DEADLINE_MS / 1000} s`, mend };
  });
  try {
    return await Promise.race([probe.run({ clock, signal }).catch(toFailure), deadline]);
  } catch (error) {
    return toFailure(error);
  } finally {
    over.abort();
  }
}

const WORDS = { ok: "OK", fail: "FAIL", not_tried: "NOT TRIED" } as const;

/** Lines for people: what was done, and below it what to mend and what is odd. */
export function renderChecks(checks: readonly Checked[]): string {
  const lines = checks.flatMap((one) => [
    `${WORDS[one.status].padEnd(9)}  ${one.check}: ${one.did}`,
    ...(one.status === "fail" ? [`           mend: ${one.mend}`] : []),
    ...(one.status === "ok" ? (one.notes ?? []).map((note) => `           note: ${note}`) : []),
  ]);
  const count = (status: Finding["status"]): number => checks.filter((one) => one.status === status).length;
  const sum = `${count("ok")} ok, ${count("fail")} failed, ${count("not_tried")} not tried`;
  return [...lines, "", sum].map((line) => `${safeText(redactText(line))}\n`).join("");
}

/** The same as one JSON object. */
export function toJson(checks: readonly Checked[]): string {
  const ok = checks.every(({ status }) => status !== "fail");
  return `${redactText(JSON.stringify({ ok, checks }, null, 2))}\n`;
}
