/**
 * Bytes in use by rule, by account and whole, and the caps on each.
 *
 * A group counts to the account of its first member. The sums are kept as groups change, so that asking costs nothing.
 */

import type { PressureScope } from "../../model/watch/pressure.ts";

/** Caps on the memory of all groups, bytes, and the shares of it that one rule and one account may take. */
export type MemoryCaps = { readonly maxBytes: number; readonly ruleShare: number; readonly accountShare: number };

/** What is over its cap: a rule, an account (by their numbers here) or the whole; and by how much, bytes. */
export type Excess = { readonly scope: PressureScope; readonly index: number; readonly bytes: number };

/**
 * Memory is freed to this share of a cap, so that the next time comes late: 1/128 of 512 MiB are some 10,000 groups. Four
 * times as many at once took 40 MiB more in passing and no less time.
 */
const LOW_WATER = 127 / 128;

export type Usage = {
  /** The number of an account, made when there is none. */
  account(accountId: string): number;
  accountId(index: number): string;
  /** `groups` and `members` are differences too. */
  add(of: { rule: number; account: number }, more: { bytes: number; groups: number; members: number }): void;
  /** `besides` are bytes that belong to no group. Null when all is within its caps. */
  excess(besides: number): Excess | null;
  total(): { readonly bytes: number; readonly groups: number; readonly members: number };
  /** Bytes of a rule. */
  ofRule(rule: number): number;
};

export function createUsage(caps: MemoryCaps): Usage {
  const rules: number[] = [];
  const accounts: { id: string; bytes: number; groups: number }[] = [];
  const indexes = new Map<string, number>();
  const free: number[] = [];
  /** What may be over: only what grew is looked at. */
  const grown = { rules: new Set<number>(), accounts: new Set<number>() };
  const total = { bytes: 0, groups: 0, members: 0 };
  const over = (bytes: number, share: number): number =>
    bytes > caps.maxBytes * share ? bytes - caps.maxBytes * share * LOW_WATER : 0;
  return {
    account: (accountId) => {
      const known = indexes.get(accountId);
      if (known !== undefined) return known;
      const index = free.pop() ?? accounts.length;
      accounts[index] = { id: accountId, bytes: 0, groups: 0 };
      indexes.set(accountId, index);
      return index;
    },
    accountId: (index) => accounts[index]?.id ?? "",
    add: ({ rule, account }, more) => {
      rules[rule] = (rules[rule] ?? 0) + more.bytes;
      const held = accounts[account] as (typeof accounts)[number];
      held.bytes += more.bytes;
      held.groups += more.groups;
      total.bytes += more.bytes;
      total.groups += more.groups;
      total.members += more.members;
      if (more.bytes > 0) {
        grown.rules.add(rule);
        grown.accounts.add(account);
      }
      if (held.groups > 0) return;
      indexes.delete(held.id);
      grown.accounts.delete(account);
      free.push(account);
    },
    excess: (besides) => {
      for (const index of grown.rules) {
        const bytes = over(rules[index] ?? 0, caps.ruleShare);
        if (bytes > 0) return { scope: "rule", index, bytes };
        grown.rules.delete(index);
      }
      for (const index of grown.accounts) {
        const bytes = over(accounts[index]?.bytes ?? 0, caps.accountShare);
        if (bytes > 0) return { scope: "account", index, bytes };
        grown.accounts.delete(index);
      }
      const bytes = over(total.bytes + besides, 1);
      return bytes > 0 ? { scope: "whole", index: 0, bytes } : null;
    },
    total: () => total,
    ofRule: (rule) => rules[rule] ?? 0,
  };
}
