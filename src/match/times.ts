/**
 * The event times of a batch by account and Region, for the measures of lateness and silence.
 *
 * A record that no rule can match is passed over without being parsed; of it the account is seen in its bytes, and the
 * Region is that of the other records of the account, of which one is read where none was. Where its account cannot be seen
 * either, it counts with the others if they agree, else under neither name. Asked for by live runs only; it decides nothing.
 */
import type { Event } from "../model/event.ts";
import type { SeenTimes } from "../model/ages.ts";

/** Gathers the times of one batch. */
export type BatchTimes = {
  /** A record that was passed over; `accountId` empty where it could not be seen. */
  passed(index: number, timeMs: number, accountId: string): void;
  read(event: Event): void;
  /** Of passed records one a name that no record that was read has: reading these would name the others. */
  nameless(): readonly number[];
  /** Names passed records where none was read; the event is counted as passed already. */
  name(event: Event): void;
  end(): readonly SeenTimes[];
};

type Row = { readonly accountId: string; readonly region: string; readonly timesMs: number[] };

export function createBatchTimes(): BatchTimes {
  const rows: Row[] = [];
  const passed = new Map<string, { readonly first: number; readonly timesMs: number[] }>();
  let last = -1;
  const rowOf = ({ accountId, region }: Event): Row => {
    const isSame = (row: Row | undefined): boolean => row?.accountId === accountId && row.region === region;
    if (!isSame(rows[last])) last = rows.findIndex(isSame);
    if (last === -1) last = rows.push({ accountId, region, timesMs: [] }) - 1;
    return rows[last] as Row;
  };
  const rowsOf = (accountId: string): readonly Row[] =>
    accountId === "" ? rows : rows.filter((row) => row.accountId === accountId);
  return {
    passed: (index, timeMs, accountId) => {
      const of = passed.get(accountId);
      if (of === undefined) passed.set(accountId, { first: index, timesMs: [timeMs] });
      else of.timesMs.push(timeMs);
    },
    read: (event) => void rowOf(event).timesMs.push(event.timeMs),
    nameless: () => [...passed].flatMap(([accountId, { first }]) => (rowsOf(accountId).length === 0 ? [first] : [])),
    name: (event) => void rowOf(event),
    end: () => {
      const more: Row[] = [];
      for (const [accountId, { timesMs }] of passed) {
        const [one, ...others] = rowsOf(accountId);
        if (one !== undefined && others.length === 0) for (const timeMs of timesMs) one.timesMs.push(timeMs);
        else more.push({ accountId, region: "", timesMs });
      }
      return [...rows, ...more];
    },
  };
}
