/** Late records are told by the account and Region that they are of; what is of none known is told apart. */
import { expect, test } from "vitest";
import type { Signal } from "../../src/model/signal.ts";
import { tellLate } from "../../src/pipeline/lateness.ts";

const watermarkMs = Date.UTC(2026, 10, 25, 9);

function told(late: number, times?: Parameters<typeof tellLate>[1]["times"]): readonly Signal[] {
  const signals: Signal[] = [];
  const result = times === undefined ? { late, watermarkMs } : { late, watermarkMs, times };
  tellLate("trail", result, (signal) => void signals.push(signal));
  return signals;
}
const row = (accountId: string, region: string, records: number): Signal => ({
  type: "late",
  source: "trail",
  accountId,
  region,
  records,
});

test("by account and Region; an account without a late record is not named", () => {
  const times = [
    { accountId: "111122223333", region: "eu-west-1", timesMs: [watermarkMs - 1, watermarkMs, watermarkMs - 5] },
    { accountId: "111122223333", region: "us-east-1", timesMs: [watermarkMs - 1] },
    { accountId: "444455556666", region: "eu-west-1", timesMs: [watermarkMs] },
  ];
  expect(told(3, times)).toEqual([row("111122223333", "eu-west-1", 2), row("111122223333", "us-east-1", 1)]);
});

test("nothing is lost of the sum where accounts are not known, or nobody asked for times", () => {
  expect(told(4, [{ accountId: "111122223333", region: "eu-west-1", timesMs: [watermarkMs - 1] }])).toEqual([
    row("111122223333", "eu-west-1", 1),
    row("", "", 3),
  ]);
  expect(told(2)).toEqual([row("", "", 2)]);
});
