/** Sources that can be gone and are asked now and then: LookupEvents, GuardDuty's list of findings, Cost Explorer. */
import { join } from "node:path";
import { type Kept, serveCloudTrail } from "../fakes/cloudtrail.ts";
import { type Charge, serveCostExplorer } from "../fakes/cost/cost-explorer.ts";
import { startFaultProxy } from "../fakes/fault-proxy.ts";
import { serveGuardDuty, type WireFinding } from "../fakes/guardduty.ts";
import { type Served, startFake } from "../fakes/service.ts";
import { setProxy, type Target } from "./target.ts";

const DAY_MS = 86_400_000;
/**
 * Costs are asked for once an hour at most, and after a fault not for up to four: the clock of the daemon goes so much
 * faster that each round, a minute apart, asks.
 */
const COST_CLOCK_RATE = 250;

/** Behind the fault proxy; `config` is given its URL. */
async function openPolled(
  served: Served,
  target: (url: string) => Omit<Target, "of" | "set" | "close" | "proxy">,
): Promise<Target> {
  const fake = await startFake([served]);
  const proxy = await startFaultProxy(fake.url);
  return {
    ...target(proxy.url),
    of: "source",
    set: (mode) => setProxy(proxy, mode),
    proxy,
    close: async () => {
      await proxy.close();
      await fake.close();
    },
  };
}

/** LookupEvents, asked every 30 s, the least that there is. */
export function openLookup(): Promise<Target> {
  const name = "lookup";
  const kept: Kept[] = [];
  return openPolled(
    serveCloudTrail(() => kept),
    (endpoint) => ({
      name,
      config: { type: "cloudtrail-lookup", name, regions: ["eu-west-1"], every: "30s", endpoint },
      send: async (texts) => void kept.push(...texts.map((text) => ({ timeMs: Date.now(), text }))),
    }),
  );
}

/** Findings, asked for every 10 s, the least that there is. A mark is a finding under its id. */
export function openGuardDuty(): Promise<Target> {
  const name = "guardduty";
  const findings: WireFinding[] = [];
  return openPolled(
    serveGuardDuty({ id: "12abc34d567e8fa901bc2d34e56789f0" }, () => findings),
    (endpoint) => ({
      name,
      config: { type: "guardduty", name, regions: ["eu-west-1"], every: "10s", endpoint },
      rule: `title: A marked finding
id: 6b0b8a52-62a0-4f0c-8f13-0f5a1d3e7c03
logsource: {product: aws, service: guardduty}
detection:
  selection: {title: sagewatch-mark}
  condition: selection
level: high
`,
      send: async (texts) => void findings.push(...texts.map((text) => toFinding(toMarkId(text)))),
    }),
  );
}

function toFinding(id: string): WireFinding {
  const updatedAt = new Date().toISOString();
  return {
    schemaVersion: "2.0",
    accountId: "111122223333",
    region: "eu-west-1",
    partition: "aws",
    id,
    arn: `arn:aws:guardduty:eu-west-1:111122223333:detector/12abc34d567e8fa901bc2d34e56789f0/finding/${id}`,
    type: "Discovery:S3/AnomalousBehavior",
    title: "sagewatch-mark",
    severity: 8,
    createdAt: updatedAt,
    updatedAt,
  };
}

/** Costs of yesterday. A mark is a service of its name. */
export function openCost(): Promise<Target> {
  const name = "cost";
  const charges: Charge[] = [];
  const start = new Date(Date.now() - DAY_MS).toISOString().slice(0, 10);
  return openPolled(
    // Nothing of what the daemon asks for lies in the future of the fake.
    serveCostExplorer({ nowMs: () => Date.now() + 30 * DAY_MS, charges: () => charges }),
    (endpoint) => ({
      name,
      config: { type: "cost", name, every: "1h", groups: [["SERVICE"]], anomalies: false, callsPerDay: 200, endpoint },
      flags: ["--import", join(import.meta.dirname, "../clock/shift.ts")],
      env: { CLOCK_RATE: String(COST_CLOCK_RATE) },
      rule: `title: A marked service
id: 6b0b8a52-62a0-4f0c-8f13-0f5a1d3e7c04
logsource: {product: aws, service: cost}
detection:
  selection: {Dimensions.SERVICE|startswith: mark-}
  condition: selection
level: high
`,
      // Its hours pass faster; those of the clock that /ready goes by do not.
      asksSeldom: true,
      eventId: (mark) => `${start} SERVICE=${mark}`,
      send: async (texts) =>
        void charges.push(
          ...texts.map((text) => ({ start, usd: "1", estimated: true, of: { SERVICE: toMarkId(text) } })),
        ),
    }),
  );
}

function toMarkId(text: string): string {
  return (JSON.parse(text) as { readonly eventID: string }).eventID;
}
