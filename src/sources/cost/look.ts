/**
 * Looks of the `cost` source at one account: which questions are due, their calls, and what of the answers is new.
 *
 * Each question has positions of its own: when it was last answered whole, and a digest of each period that was told; of
 * anomalies one digest each. A period is told again when its digest is another, with all its rows. A call is made when its
 * booking is committed, never before. Each try is a call: the client does not try again by itself. After a fault the
 * question rests, longer each time; when the day's calls are spent all do until the next day, and what they gave is stale.
 */
import type * as Sdk from "@aws-sdk/client-cost-explorer";
import type { AwsLimits } from "../../aws/clients.ts";
import type { Position } from "../../contracts.ts";
import { canonicalJson, sha256Hex } from "../../lib/canonical.ts";
import { toUtcText } from "../../lib/clock.ts";
import { SagewatchError } from "../../model/errors.ts";
import type { JsonObject } from "../../model/event.ts";
import type { Place } from "../poll/places.ts";
import type { Page, Rounds } from "../poll/rounds.ts";
import type { SourceDeps } from "../settings.ts";
import { type Budget, CALLS_KEY, createBudget, toDay } from "./budget.ts";
import { type Question, toPeriodText, toQuestions, toRequest, toSpan, type Told } from "./questions.ts";
import { createRows, type Period } from "./rows.ts";
import type { CostConfig } from "./settings.ts";

/** Large groupings take Cost Explorer many seconds. */
const LIMITS: AwsLimits = { answerMs: 60_000, silenceMs: 30_000, totalMs: 90_000 };
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Costs are renewed three times a day; older than this they are stale. */
const STALE_MS = 36 * HOUR_MS;
/** Anomalies that ended so many days ago are asked for: while one lasts its figures grow. */
const ANOMALY_DAYS = 7;
/** Anomalies of a page: the most that GetAnomalies gives. */
const ANOMALIES = 100;
/** Name of the question for them. */
const ANOMALY = "anomalies";
/**
 * Rest after a fault; doubled with each further one, up to the longest, which comes at once where waiting does not help. So
 * an outage of a whole day leaves some of the day's calls for when it ends.
 */
const REST_MS = 60_000;
const REST_MAX_MS = 4 * HOUR_MS;
/** Positions of periods are needed while these may be an estimate. */
const KEPT_MS = 45 * DAY_MS;

type Committed = Omit<Position, "source">;

/** How often a question failed in a row, and until when it is not asked; `isSpent`: for want of calls. */
type Rest = { readonly failures: number; readonly untilMs: number; readonly isSpent?: true };

/** What all looks of one reading share. */
type Desk = {
  readonly config: CostConfig;
  readonly deps: SourceDeps;
  readonly known: Map<string, string>;
  readonly budget: Budget;
  readonly questions: readonly Question[];
  /** By the key of the question. */
  readonly rests: Map<string, Rest>;
  /** When it was told last that an account's costs are stale, by its key. */
  readonly told: Map<string, number>;
};

/** One look at an account. */
type Look = Desk & {
  readonly place: Place;
  readonly sdk: typeof Sdk;
  readonly client: Sdk.CostExplorerClient;
  readonly signal: AbortSignal;
  readonly begunMs: number;
};

/** No call is left today. */
class Spent extends Error {}

/** The looks of one reading. `positions`: those of the last commit. */
export function createLook(
  config: CostConfig,
  deps: SourceDeps,
  positions: ReadonlyMap<string, string>,
): Rounds["look"] {
  const { clock } = deps;
  const budget = createBudget(positions.get(CALLS_KEY), config.callsPerDay, clock);
  const desk: Desk = {
    config,
    deps,
    budget,
    known: new Map(positions),
    questions: toQuestions(config),
    rests: new Map(),
    told: new Map(),
  };
  const clients = new Map<string, Sdk.CostExplorerClient>();
  return async function* (place, _position, signal) {
    const sdk = await import("@aws-sdk/client-cost-explorer");
    const client = clients.get(place.key) ?? place.aws.open(sdk.CostExplorerClient, LIMITS, { maxAttempts: 1 });
    clients.set(place.key, client);
    yield* askAll({ ...desk, place, sdk, client, signal, begunMs: clock.nowMs() });
    return { completeMs: Infinity, position: null };
  };
}

/** Asks what is due. A question that fails does not keep the others from being asked; the first fault is thrown in the end. */
async function* askAll(look: Look): AsyncGenerator<Page, void> {
  const { config, deps, questions, rests, budget, signal } = look;
  const asks = questions.map((question) => ({ name: question.name, ask: () => askCosts(question, look) }));
  if (config.anomalies) asks.unshift({ name: ANOMALY, ask: () => askAnomalies(look) });
  const faults: Error[] = [];
  for (const { name, ask } of asks) {
    const key = keyOf(look.place, name);
    if (!isDue(key, look)) continue;
    try {
      yield* ask();
      rests.delete(key);
    } catch (error) {
      if (signal.aborted || !(error instanceof Error)) throw error;
      if (error instanceof Spent) {
        const untilMs = budget.renewedMs();
        for (const one of asks) rests.set(keyOf(look.place, one.name), { failures: 0, untilMs, isSpent: true });
        tellStale(look, toSpentText(config, untilMs));
        break;
      }
      const failures = rests.get(key)?.failures ?? 0;
      const isRefused = error instanceof SagewatchError && !error.retryable;
      const restMs = isRefused ? REST_MAX_MS : Math.min(REST_MAX_MS, REST_MS * 2 ** failures);
      const untilMs = deps.clock.nowMs() + restMs;
      rests.set(key, { failures: failures + 1, untilMs });
      faults.push(error);
    }
  }
  const keys = asks.map(({ name }) => keyOf(look.place, name));
  for (const key of keys) lookForStale(key, look);
  const isAnyStale = keys.some((key) => isStale(key, look) || isSpent(rests.get(key), look));
  deps.stale?.(look.place.accountId, isAnyStale);
  if (faults[0] !== undefined) throw faults[0];
}

/** Tells of a question that was answered whole before, and has not been for too long. */
function lookForStale(key: string, look: Look): void {
  if (!isStale(key, look)) return;
  const lookedMs = Number(look.known.get(key));
  tellStale(look, `${key} was answered last at ${toUtcText(lookedMs)}; what it gave is stale.`);
}

function isStale(key: string, { known, begunMs }: Look): boolean {
  return begunMs - Number(known.get(key) ?? Number.NaN) > STALE_MS;
}

function isSpent(rest: Rest | undefined, { begunMs }: Look): boolean {
  return rest?.isSpent === true && begunMs < rest.untilMs;
}

/** At most once an hour: alerts are made by the hour. */
function tellStale({ told, place, begunMs, deps }: Look, why: string): void {
  if (begunMs - (told.get(place.key) ?? -Infinity) < HOUR_MS) return;
  told.set(place.key, begunMs);
  deps.alert?.("source_stale", { key: place.key, why });
}

function toSpentText({ callsPerDay }: CostConfig, untilMs: number): string {
  return `The ${callsPerDay} calls of today are made: costs are stale until ${toUtcText(untilMs)}; raise callsPerDay, or ask for fewer groups.`;
}

function keyOf({ key }: Place, name: string): string {
  return `${key} ${name}`;
}

/** A question is due again so long after its last whole answer began, unless it rests. */
function isDue(key: string, { known, begunMs, config, rests }: Look): boolean {
  if (begunMs < (rests.get(key)?.untilMs ?? -Infinity)) return false;
  const lookedMs = Number(known.get(key) ?? Number.NaN);
  return !(begunMs >= lookedMs && begunMs - lookedMs < config.every);
}

async function* askCosts(question: Question, look: Look): AsyncGenerator<Page, void> {
  const { known, place, begunMs, config, sdk, client } = look;
  const key = keyOf(place, question.name);
  const span = toSpan(question, toTold(key, known), { nowMs: begunMs, sinceMs: config.since });
  const rows = createRows({
    question,
    toldFrom: toPeriodText(span.toldMs, question.granularity),
    retrievedAt: toUtcText(begunMs),
    accountId: place.accountId,
  });
  for (let token: string | undefined, page = 0; page === 0 || token !== undefined; page += 1) {
    const command = new sdk.GetCostAndUsageCommand(toRequest(question, span, { ...config, token }));
    const answer = yield* call(
      { operation: "GetCostAndUsage", path: toPath(look, question.name, `call-${page}`) },
      (abortSignal) => client.send(command, { abortSignal }),
      look,
    );
    if (answer === null) return;
    for (const period of rows.add(answer.ResultsByTime ?? [])) yield* tell(period, question, look);
    token = answer.NextPageToken === "" ? undefined : answer.NextPageToken;
  }
  for (const period of rows.end()) yield* tell(period, question, look);
  yield* finish(key, look);
}

/** Since when the question is answered, and from where its answers are estimates. */
function toTold(key: string, known: ReadonlyMap<string, string>): Told {
  const lookedMs = Number(known.get(key) ?? Number.NaN);
  let estimatedMs = Infinity;
  for (const [name, value] of known) {
    if (!value.endsWith(" estimated") || !name.startsWith(`${key} `)) continue;
    estimatedMs = Math.min(estimatedMs, Date.parse(name.slice(key.length + 1)));
  }
  return {
    lookedMs: Number.isNaN(lookedMs) ? null : lookedMs,
    estimatedMs: Number.isFinite(estimatedMs) ? estimatedMs : null,
  };
}

function* tell(period: Period, question: Question, { known, ...look }: Look): Generator<Page, void> {
  const key = `${keyOf(look.place, question.name)} ${period.start}`;
  const value = `${period.digest}${period.isEstimated ? " estimated" : ""}`;
  if (known.get(key) === value || period.rows.length === 0) return;
  yield toPage(period.rows, toPath({ ...look, known }, question.name, period.start), [{ key, value }]);
  known.set(key, value);
}

async function* askAnomalies(look: Look): AsyncGenerator<Page, void> {
  const { known, place, begunMs, sdk, client } = look;
  const key = keyOf(place, ANOMALY);
  const listed = new Set<string>();
  for (let token: string | undefined, page = 0; page === 0 || token !== undefined; page += 1) {
    const command = new sdk.GetAnomaliesCommand({
      DateInterval: { StartDate: toDay(begunMs - ANOMALY_DAYS * DAY_MS), EndDate: toDay(begunMs) },
      MaxResults: ANOMALIES,
      ...(token === undefined ? {} : { NextPageToken: token }),
    });
    const answer = yield* call(
      { operation: "GetAnomalies", path: toPath(look, ANOMALY, `call-${page}`) },
      (abortSignal) => client.send(command, { abortSignal }),
      look,
    );
    if (answer === null) return;
    const changed = (answer.Anomalies ?? []).flatMap((anomaly) => {
      const position = { key: `${key} ${anomaly.AnomalyId}`, value: sha256Hex(canonicalJson(anomaly)).slice(0, 16) };
      listed.add(position.key);
      return known.get(position.key) === position.value ? [] : [{ anomaly, position }];
    });
    if (changed.length > 0) {
      const account = place.accountId === null ? {} : { AccountId: place.accountId };
      const records = changed.map(({ anomaly }) => ({ ...anomaly, ...account, RetrievedAt: toUtcText(begunMs) }));
      const positions = changed.map(({ position }) => position);
      yield toPage(records as unknown as JsonObject[], toPath(look, ANOMALY, String(page)), positions);
      for (const { key: one, value } of positions) known.set(one, value);
    }
    token = answer.NextPageToken === "" ? undefined : answer.NextPageToken;
  }
  yield* finish(key, look);
  look.deps.forget?.(look.config.name, (one) => one.startsWith(`${key} `) && !listed.has(one));
}

/** The question is answered whole. */
function* finish(key: string, { known, begunMs, place, config, deps }: Look): Generator<Page, void> {
  const position = { key, value: String(begunMs) };
  yield { body: null, path: place.key, position: null, others: [position] };
  known.set(key, position.value);
  const keptFrom = toDay(begunMs - KEPT_MS);
  deps.forget?.(config.name, (one) => {
    const [, day] = / (\d{4}-\d\d-\d\d)(?:T[\d:]+Z)?$/.exec(one) ?? [];
    return day !== undefined && one.startsWith(`${key} `) && day < keptFrom;
  });
}

function toPath({ place, begunMs }: Look, ...rest: readonly string[]): string {
  return `cost://${place.key}/${rest.join("/")}/${begunMs}`;
}

function toPage(records: readonly JsonObject[], path: string, others: readonly Committed[]): Page {
  return { body: Buffer.from(JSON.stringify({ Records: records })), path, position: null, others };
}

/** Books a call, waits until that is committed, and makes it. Null: aborted. Throws Spent, and errors aws_*. */
async function* call<T>(
  { operation, path }: { readonly operation: string; readonly path: string },
  send: (abortSignal: AbortSignal) => Promise<T>,
  { budget, place, signal }: Look,
): AsyncGenerator<Page, T | null> {
  const booking = budget.book();
  if (booking === null) throw new Spent();
  const committed = Promise.withResolvers<boolean>();
  const onAbort = (): void => committed.resolve(false);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const settle = (error?: unknown): void => committed.resolve(error === undefined);
    yield { body: null, path, position: null, others: [booking], settle };
    if (signal.aborted || !(await committed.promise)) return null;
    const about = { service: "ce", operation, resource: place.key };
    return await place.aws.call(about, send, { limits: LIMITS, signal });
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
