/**
 * Cost Explorer as AWS answers it: costs by period and group, in pages whose tokens fit one query only, and anomalies.
 *
 * It refuses what AWS refuses: periods that are none or lie too far back, more than two groups, groups and metrics that do
 * not exist, hours where they are not switched on, tokens of another query. End is exclusive.
 * https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html, …/API_GetAnomalies.html
 */
import * as ce from "@aws-sdk/client-cost-explorer";
import { FakeError, serve, type Served } from "../service.ts";

/** What was used: costs of a period (its start, as the API writes it) by dimension, "TAG:NAME" among them. */
export type Charge = {
  readonly start: string;
  readonly usd: string;
  readonly hours?: string;
  readonly estimated?: boolean;
  /** Default Usage. */
  readonly recordType?: string;
  readonly of: Readonly<Record<string, string>>;
};

export type Books = {
  readonly nowMs: () => number;
  readonly charges: () => readonly Charge[];
  readonly anomalies?: () => readonly ce.Anomaly[];
  /** Groups of a page. Default 1000. */
  readonly pageGroups?: number;
  /** Anomalies of a page, if fewer are asked for. */
  readonly pageAnomalies?: number;
  /** Whether hourly costs are switched on. Default true. */
  readonly isHourly?: boolean;
};

const METRICS = new Set([
  "AmortizedCost", "BlendedCost", "NetAmortizedCost", "NetUnblendedCost", "NormalizedUsageAmount", "UnblendedCost",
  "UsageQuantity",
]); // prettier-ignore
const DIMENSIONS = new Set([
  "AZ", "INSTANCE_TYPE", "LEGAL_ENTITY_NAME", "INVOICING_ENTITY", "LINKED_ACCOUNT", "OPERATION", "PLATFORM",
  "PURCHASE_TYPE", "SERVICE", "TENANCY", "RECORD_TYPE", "USAGE_TYPE", "REGION",
]); // prettier-ignore
const DAY_MS = 86_400_000;
const FORMS = { DAILY: /^\d{4}-\d\d-\d\d$/, HOURLY: /^\d{4}-\d\d-\d\dT\d\d:00:00Z$/, MONTHLY: /^\d{4}-\d\d-\d\d$/ };
const PERIOD_MS = { DAILY: DAY_MS, HOURLY: 3_600_000, MONTHLY: Number.NaN };
/** How far back costs go: 14 months, and 14 days by the hour. */
const BACK_MS = { DAILY: 14 * 31 * DAY_MS, HOURLY: 14 * DAY_MS, MONTHLY: Number.NaN };

const invalid = (text: string): FakeError => new FakeError("ValidationException", text, 400);

/** Serves the books, as they are at each request. */
export function serveCostExplorer(books: Books): Served {
  return serve(ce, {
    GetCostAndUsage: (input) => toCosts(input, books),
    GetAnomalies: ({ DateInterval, MaxResults = 100, NextPageToken }) => {
      if (MaxResults < 1 || MaxResults > 100) throw invalid("MaxResults is 1 to 100");
      const { StartDate = "", EndDate = toText(books.nowMs(), "DAILY") } = DateInterval ?? {};
      if (!FORMS.DAILY.test(StartDate) || !FORMS.DAILY.test(EndDate)) throw invalid("dates are yyyy-MM-dd");
      if (StartDate > EndDate) throw invalid("Start date should be before end date");
      const query = JSON.stringify([StartDate, EndDate, MaxResults]);
      const found = (books.anomalies?.() ?? []).filter(({ AnomalyEndDate = "" }) => {
        const day = AnomalyEndDate.slice(0, 10);
        return day >= StartDate && day <= EndDate;
      });
      const size = Math.min(MaxResults, books.pageAnomalies ?? MaxResults);
      const { items: Anomalies, next } = toPage(found, size, { query, token: NextPageToken });
      return { Anomalies: [...Anomalies], ...next };
    },
  });
}

function toCosts(input: ce.GetCostAndUsageRequest, books: Books): ce.GetCostAndUsageResponse {
  const { TimePeriod, Granularity = "DAILY", Metrics = [], GroupBy = [], Filter, NextPageToken } = input;
  checkSpan(TimePeriod, Granularity, books);
  checkQuery(Metrics, GroupBy);
  const [start, end] = [TimePeriod?.Start ?? "", TimePeriod?.End ?? ""];
  const wanted = toFilter(Filter);
  const groups: { start: string; estimated: boolean; group: ce.Group | null }[] = [];
  for (let ms = Date.parse(start); ms < Date.parse(end); ms += PERIOD_MS[Granularity]) {
    const of = books.charges().filter((one) => one.start === toText(ms, Granularity));
    const made = toGroups(of.filter(wanted), GroupBy, Metrics);
    const period = { start: toText(ms, Granularity), estimated: of.some(({ estimated = false }) => estimated) };
    groups.push(...(made.length === 0 ? [null] : made).map((group) => ({ ...period, group })));
  }
  const query = JSON.stringify([start, end, Granularity, Metrics, GroupBy, Filter]);
  const { items, next } = toPage(groups, books.pageGroups ?? 1000, { query, token: NextPageToken });
  const results = new Map<string, ce.ResultByTime & { Groups: ce.Group[] }>();
  for (const { start: Start, estimated: Estimated, group } of items) {
    const End = toText(Date.parse(Start) + PERIOD_MS[Granularity], Granularity);
    const result = results.get(Start) ?? { TimePeriod: { Start, End }, Total: {}, Groups: [], Estimated };
    results.set(Start, result);
    if (group !== null) result.Groups.push(group);
  }
  return { GroupDefinitions: GroupBy, ResultsByTime: [...results.values()], DimensionValueAttributes: [], ...next };
}

function checkQuery(Metrics: readonly string[], GroupBy: readonly ce.GroupDefinition[]): void {
  if (Metrics.length === 0) throw invalid("At least one metric is required");
  for (const metric of Metrics) if (!METRICS.has(metric)) throw invalid(`${metric} is not a valid metric`);
  if (GroupBy.length > 2) throw invalid("At most two group definitions are allowed");
  for (const { Type, Key = "" } of GroupBy)
    if (Type === "DIMENSION" && !DIMENSIONS.has(Key)) throw invalid(`Group Definition dimension is invalid: ${Key}`);
}

function checkSpan(
  span: ce.DateInterval | undefined,
  granularity: ce.Granularity,
  { nowMs, isHourly = true }: Books,
): void {
  const { Start = "", End = "" } = span ?? {};
  const form = FORMS[granularity];
  if (granularity === "MONTHLY") throw new FakeError("NotImplemented", "this fake has no months", 501);
  if (!form.test(Start) || !form.test(End)) throw invalid(`Start and end have the form ${String(form)}`);
  if (Date.parse(Start) >= Date.parse(End)) throw invalid("Start date (and hour) should be before end date (and hour)");
  if (Date.parse(Start) > nowMs()) throw invalid("Start date (and hour) should not be in the future");
  if (Date.parse(Start) < nowMs() - BACK_MS[granularity]) throw invalid("Data is not available for dates so far back");
  if (granularity === "HOURLY" && !isHourly)
    throw new FakeError("DataUnavailableException", "Hourly data is not switched on for this account", 400);
}

function toFilter(filter: ce.Expression | undefined): (charge: Charge) => boolean {
  if (filter === undefined) return () => true;
  const { Key, Values = [] } = filter.Dimensions ?? {};
  if (Key !== "RECORD_TYPE") throw new FakeError("NotImplemented", "this fake filters by RECORD_TYPE only", 501);
  return ({ recordType = "Usage" }) => Values.includes(recordType);
}

function toGroups(
  charges: readonly Charge[],
  by: readonly ce.GroupDefinition[],
  metrics: readonly string[],
): ce.Group[] {
  const groups = new Map<string, { keys: string[]; usd: string; hours: string }>();
  for (const { of, usd, hours = "0" } of charges) {
    const keys = by.map(({ Type, Key = "" }) =>
      Type === "TAG" ? `${Key}$${of[`TAG:${Key}`] ?? ""}` : (of[Key] ?? ""),
    );
    const name = keys.join("\n");
    const group = groups.get(name);
    groups.set(
      name,
      group === undefined ? { keys, usd, hours } : { ...group, usd: String(Number(group.usd) + Number(usd)) },
    );
  }
  return [...groups.values()].map(({ keys, usd, hours }) => ({
    Keys: keys,
    Metrics: Object.fromEntries(
      metrics.map((metric) => [
        metric,
        metric === "UsageQuantity" ? { Amount: hours, Unit: "N/A" } : { Amount: usd, Unit: "USD" },
      ]),
    ),
  }));
}

function toPage<Item>(
  all: readonly Item[],
  size: number,
  { query, token }: { readonly query: string; readonly token: string | undefined },
): { readonly items: readonly Item[]; readonly next: { readonly NextPageToken?: string } } {
  const [made, at = "0"] = (token ?? `${query}#0`).split("#");
  if (made !== query) throw new FakeError("InvalidNextTokenException", "The token is not of this query", 400);
  const until = Number(at) + size;
  return {
    items: all.slice(Number(at), until),
    next: until < all.length ? { NextPageToken: `${query}#${until}` } : {},
  };
}

function toText(ms: number, granularity: ce.Granularity): string {
  const text = new Date(ms).toISOString();
  return granularity === "HOURLY" ? `${text.slice(0, 13)}:00:00Z` : text.slice(0, 10);
}
