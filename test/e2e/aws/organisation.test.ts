/**
 * One daemon for an organisation: accounts by one role name with an external id each, and GuardDuty by its administrator.
 * What the configuration says of an account holds for that account, whoever gave the record.
 */
import * as sts from "@aws-sdk/client-sts";
import { existsSync, readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import type { Alert } from "../../../src/model/alert.ts";
import type { Signal } from "../../../src/model/signal.ts";
import { useEnvironmentCredentials } from "../../aws/set-up.ts";
import { record } from "../../commands/records.ts";
import { serveCloudTrail, type Kept } from "../../fakes/cloudtrail.ts";
import { serveGuardDuty, type WireFinding } from "../../fakes/guardduty.ts";
import { type Call, type Fake, FakeError, serve, startFake } from "../../fakes/service.ts";
import { createPlace, type Place, run, TIMEOUT_MS, toConfig, until, write } from "../make.ts";

useEnvironmentCredentials();

const [PROD, LAB, SECURITY] = ["111122223333", "444455556666", "999988887777"] as const;
const EXTERNAL_IDS: Readonly<Record<string, string>> = {
  [PROD]: "of-prod",
  [LAB]: "of-lab",
  [SECURITY]: "of-security",
};
const MINUTE = 60_000;
const DAY = 1440 * MINUTE;
/** Dates around now: whatever the hour of the test, `shut` is closed at its events. */
const DATES = [-1, 0, 1].map((days) => new Date(Date.now() + days * DAY).toISOString().slice(0, 10));
const ALL_DAYS = [{ days: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], from: "00:00", to: "24:00" }];
const ACCOUNTS = {
  [PROD]: { name: "ml-prod", env: "prod", owner: "team-ml", calendar: "shut" },
  [LAB]: { name: "lab", env: "dev", owner: "research", calendar: "always" },
};

/** Rules over calls and findings, each also out of hours. */
const RULES = [
  ["Job", "cloudtrail", { eventName: "CreateTrainingJob" }],
  ["Job out of hours", "cloudtrail", { eventName: "CreateTrainingJob", "enrich.calendar.business.open": false }],
  ["Finding", "guardduty", { "type|startswith": "UnauthorizedAccess" }],
  ["Finding out of hours", "guardduty", { "type|startswith": "UnauthorizedAccess", "enrich.calendar.business.open": false }],
].map(([title, service, selection], at) =>
  JSON.stringify({
    title,
    id: `6c1d7f42-2b7e-4d55-9c07-00000000000${at}`,
    logsource: { product: "aws", service },
    detection: { selection, condition: "selection" },
    level: "high",
  }),
); // prettier-ignore

const toTime = (minutesAgo: number): string =>
  new Date(Math.floor(Date.now() / 1000) * 1000 - minutesAgo * MINUTE).toISOString().replace(".000Z", "Z");

/** A job that the account's own user starts. */
function toJob(accountId: string, minutesAgo: number): Kept {
  const eventTime = toTime(minutesAgo);
  const arn = `arn:aws:iam::${accountId}:user/mallory`;
  const job = record(minutesAgo, {
    userIdentity: { type: "IAMUser", principalId: "AIDAEXAMPLE", arn, accountId, userName: "mallory" },
    eventTime,
    eventSource: "sagemaker.amazonaws.com",
    eventName: "CreateTrainingJob",
    awsRegion: "eu-west-1",
    recipientAccountId: accountId,
    eventID: `job-of-${accountId}`,
  });
  return { timeMs: Date.parse(eventTime), text: JSON.stringify(job) };
}

/** A finding of a member's own detector, as the administrator's lists it. */
function toFinding(accountId: string): WireFinding {
  const updatedAt = toTime(10);
  return {
    schemaVersion: "2.0", accountId, region: "eu-west-1", partition: "aws", id: `finding-of-${accountId}`, severity: 8,
    arn: `arn:aws:guardduty:eu-west-1:${accountId}:detector/of-member/finding/finding-of-${accountId}`,
    type: "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS", title: "Credentials used outside",
    createdAt: updatedAt, updatedAt,
  }; // prettier-ignore
}

/** The account whose role the caller has, by the keys that STS gave out for it. */
const ownerOf = ({ accessKeyId }: Call): string => accessKeyId.replace("ASIA", "");

/** Three accounts: each gives its role to who knows its external id, and shows to whoever has the role what is its own. */
async function startOrganisation(): Promise<Fake> {
  const calls = new Map([PROD, LAB].map((account, at) => [account as string, [toJob(account, 30 + at)]]));
  const fake = await startFake([
    serve(sts, {
      AssumeRole: ({ RoleArn = "", ExternalId }) => {
        const account = /^arn:aws:iam::(\d{12}):role\/sagewatch-read$/.exec(RoleArn)?.[1] ?? "";
        if (EXTERNAL_IDS[account] === undefined || EXTERNAL_IDS[account] !== ExternalId)
          throw new FakeError("AccessDenied", `not authorized to perform: sts:AssumeRole on resource: ${RoleArn}`, 403);
        const Expiration = new Date(Date.now() + 60 * MINUTE);
        const Credentials = { AccessKeyId: `ASIA${account}`, SecretAccessKey: "s", SessionToken: "t", Expiration };
        return { Credentials };
      },
    }),
    serveCloudTrail((_region, call) => calls.get(ownerOf(call)) ?? []),
    serveGuardDuty({ id: "of-administrator" }, (_region, call) =>
      ownerOf(call) === SECURITY ? [toFinding(PROD), toFinding(LAB)] : [],
    ),
  ]);
  onTestFinished(() => fake.close());
  return fake;
}

const sinkPath = ({ root }: Place, name: string): string => `${root}/${name}.ndjson`;

type Sent = Alert & { readonly enrichment?: { readonly account?: unknown } };

/** Alerts of the rules above that a sink was given, each once. */
function sentTo(place: Place, sink: string): readonly Sent[] {
  const path = sinkPath(place, sink);
  if (!existsSync(path)) return [];
  const all = readFileSync(path, "utf8").split("\n").slice(0, -1).map((line) => JSON.parse(line) as Sent); // prettier-ignore
  const own = all.filter(({ ruleName }) => /^(?:Job|Finding)/.test(ruleName));
  return [...new Map(own.map((alert) => [alert.id, alert])).values()];
}

const toWords = (alerts: readonly Sent[]): string[] =>
  alerts.map(({ ruleName, accountId, accountName }) => `${ruleName}: ${accountId} ${accountName}`).toSorted();

type Running = { readonly place: Place; readonly signals: readonly Signal[]; readonly stop: () => Promise<void> };

function start({ url }: Fake, externalId: Readonly<Record<string, string>>): Running {
  const place = createPlace();
  const signals: Signal[] = [];
  const shared = { regions: ["eu-west-1"], endpoint: url, role: "sagewatch-read", externalId };
  const config = toConfig(place, {
    rules: [write(`${place.root}/own/rules.yml`, RULES.join("\n---\n"))],
    more: {
      accounts: ACCOUNTS,
      calendars: { always: { open: ALL_DAYS }, shut: { open: ALL_DAYS, holidays: DATES } },
      sources: [
        { type: "cloudtrail-lookup", name: "calls", accounts: [PROD, LAB], every: "30s", ...shared },
        { type: "guardduty", name: "findings", accounts: [SECURITY], since: "1h", ...shared },
      ],
      sinks: [
        { type: "file", name: "all", path: sinkPath(place, "all") },
        { type: "file", name: "lab", path: sinkPath(place, "lab"), when: { accounts: ["lab"] } },
      ],
      http: { enabled: false },
      commit: { intervalMs: 20 },
    },
  });
  const end = new AbortController();
  const over = run(config, { signal: end.signal, emit: (signal) => void signals.push(signal) });
  return {
    place,
    signals,
    stop: async () => {
      end.abort();
      await over;
    },
  };
}

test(
  "what is configured of an account stands in its alerts, of calls and of findings that the administrator lists",
  { timeout: TIMEOUT_MS },
  async () => {
    const fake = await startOrganisation();
    const { place, stop } = start(fake, EXTERNAL_IDS);
    await until(() => sentTo(place, "all").length >= 6 && sentTo(place, "lab").length >= 2, "the alerts");
    await stop();
    const sent = sentTo(place, "all");
    expect(toWords(sent)).toEqual([
      `Finding out of hours: ${PROD} ml-prod`,
      `Finding: ${PROD} ml-prod`,
      `Finding: ${LAB} lab`,
      `Job out of hours: ${PROD} ml-prod`,
      `Job: ${PROD} ml-prod`,
      `Job: ${LAB} lab`,
    ]);
    for (const { accountId, title, enrichment } of sent) {
      const { name, env, owner } = ACCOUNTS[accountId as typeof PROD];
      expect(enrichment?.account).toEqual({ name, env, owner });
      expect(title).toContain(name);
    }
    expect(toWords(sentTo(place, "lab"))).toEqual([`Finding: ${LAB} lab`, `Job: ${LAB} lab`]);
    const roles = fake.requests.flatMap(({ operation, input, error }) =>
      operation === "AssumeRole" ? [{ ...(input as { RoleArn: string; ExternalId: string }), error }] : [],
    );
    expect(new Set(roles.map(({ RoleArn, ExternalId, error }) => `${RoleArn} ${ExternalId} ${error}`))).toEqual(
      new Set([PROD, LAB, SECURITY].map((id) => `arn:aws:iam::${id}:role/sagewatch-read ${EXTERNAL_IDS[id]} null`)),
    );
  },
);

test(
  "an account that refuses the external id is told with its role, and holds back no other",
  { timeout: TIMEOUT_MS },
  async () => {
    const fake = await startOrganisation();
    const { place, signals, stop } = start(fake, { ...EXTERNAL_IDS, [PROD]: "of-somebody-else" });
    const told = (): string[] =>
      signals.flatMap((signal) =>
        JSON.stringify(signal).includes(`${PROD}:role/sagewatch-read`) ? [signal.type] : [],
      );
    await until(() => sentTo(place, "all").length >= 4 && told().length > 0, "the alerts of the others");
    await stop();
    expect(toWords(sentTo(place, "all"))).toEqual([
      `Finding out of hours: ${PROD} ml-prod`,
      `Finding: ${PROD} ml-prod`,
      `Finding: ${LAB} lab`,
      `Job: ${LAB} lab`,
    ]);
    expect(signals.find((signal) => JSON.stringify(signal).includes(`${PROD}:role/sagewatch-read`))).toMatchObject({
      code: "aws_denied",
      source: "calls",
    });
  },
);
