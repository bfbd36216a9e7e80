/**
 * From the pages of an answer to rows: one a period and group, with what its days before came to.
 *
 * The groups of a period may be spread over pages, and differ from day to day. A period is given when the next one begins
 * or the answer ends, with a digest by which its next reading tells whether anything has changed. Held are the groups of
 * one period and the amounts of the periods it is compared with. Pure.
 */
import type * as Sdk from "@aws-sdk/client-cost-explorer";
import { canonicalJson, sha256Hex } from "../../lib/canonical.ts";
import type { JsonObject } from "../../model/event.ts";
import { EARLIER, type Question } from "./questions.ts";

/** A period of an answer. `start` as AWS writes it. */
export type Period = {
  readonly start: string;
  readonly rows: readonly JsonObject[];
  readonly digest: string;
  readonly isEstimated: boolean;
};

export type RowsOptions = {
  readonly question: Question;
  /** Periods before it are compared with and not given. */
  readonly toldFrom: string;
  /** RFC 3339. */
  readonly retrievedAt: string;
  /** The account that was asked, null for that of the credentials. */
  readonly accountId: string | null;
};

export type Rows = {
  /** Takes a page; returns the periods that are whole. */
  add(results: readonly Sdk.ResultByTime[]): readonly Period[];
  /** The answer has ended. */
  end(): readonly Period[];
};

type Open = { readonly start: string; readonly end: string; isEstimated: boolean; readonly groups: Sdk.Group[] };
/** Amounts of a period by the keys of their groups, as AWS wrote them. */
type Amounts = ReadonlyMap<string, string>;

export function createRows(options: RowsOptions): Rows {
  const earlier: Amounts[] = [];
  let open: Open | null = null;
  const close = (): readonly Period[] => {
    if (open === null) return [];
    const closed = open;
    open = null;
    const period = closed.start < options.toldFrom ? [] : [toPeriod(closed, earlier, options)];
    earlier.push(new Map(closed.groups.map((group) => [nameOf(group), amountOf(group)])));
    if (earlier.length > EARLIER[options.question.granularity]) earlier.shift();
    return period;
  };
  return {
    add: (results) =>
      results.flatMap(({ TimePeriod, Estimated = false, Groups = [] }) => {
        const start = TimePeriod?.Start ?? "";
        const closed = open === null || open.start === start ? [] : close();
        open ??= { start, end: TimePeriod?.End ?? "", isEstimated: false, groups: [] };
        open.isEstimated ||= Estimated;
        open.groups.push(...Groups);
        return closed;
      }),
    end: close,
  };
}

function nameOf({ Keys = [] }: Sdk.Group): string {
  return Keys.join("\n");
}

function amountOf({ Metrics }: Sdk.Group): string {
  return Metrics?.["UnblendedCost"]?.Amount ?? "0";
}

function toPeriod({ start, end, isEstimated, groups }: Open, earlier: readonly Amounts[], by: RowsOptions): Period {
  const { question, retrievedAt, accountId } = by;
  const sorted = groups.toSorted((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1));
  const rows = sorted.map((group): JsonObject => ({
    TimePeriod: { Start: start, End: end },
    Granularity: question.granularity,
    Estimated: isEstimated,
    Dimensions: toDimensions(question.groups, group),
    Metrics: (group.Metrics ?? {}) as unknown as JsonObject,
    Earlier: { Periods: EARLIER[question.granularity], Highest: highest(nameOf(group), earlier) },
    ...(accountId === null ? {} : { AccountId: accountId }),
    RetrievedAt: retrievedAt,
  }));
  const digest = sha256Hex(canonicalJson([isEstimated, sorted.map(({ Keys, Metrics }) => [Keys, Metrics])]));
  return { start, rows, digest: digest.slice(0, 16), isEstimated };
}

/** The value of a tag comes as "NAME$VALUE". */
function toDimensions(names: readonly string[], { Keys = [] }: Sdk.Group): JsonObject {
  return Object.fromEntries(
    names.map((name, at) => {
      const key = Keys[at] ?? "";
      return [name, name.startsWith("TAG:") && key.startsWith(`${name.slice(4)}$`) ? key.slice(name.length - 3) : key];
    }),
  );
}

function highest(name: string, earlier: readonly Amounts[]): string {
  let most = "0";
  for (const amounts of earlier) {
    const amount = amounts.get(name);
    if (amount !== undefined && Number(amount) > Number(most)) most = amount;
  }
  return most;
}
