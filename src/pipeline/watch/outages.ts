/**
 * Troubles that last: one operational alert each, opened when it begins and revised when it ends, over restarts too.
 *
 * What is open is read back from the alerts themselves: `group.state` says whether the trouble lasts. So a process that
 * starts again neither tells it twice nor forgets to tell its end.
 */
import type { Views } from "../../contracts.ts";
import type { OperationalAbout, OperationalName } from "../operational.ts";

/** Alerts of earlier troubles that are looked at, of one name: more than there are accounts and sources. */
const LOOKED_AT = 10_000;

/** Says something of a trouble. */
export type Tell = (name: OperationalName, about: Omit<OperationalAbout, "nowMs">) => void;

export type OutagesOptions = {
  readonly name: OperationalName;
  /** `group.state` of an alert whose trouble lasts, and of one whose trouble is over. */
  readonly states: { readonly open: string; readonly over: string };
  /** The trouble's key, of the group that its alerts have. */
  readonly keyOf: (group: Readonly<Record<string, string>>) => string;
  readonly alerts: Views["alerts"];
  readonly tell: Tell;
};

/** What is told of a trouble; `group` without the state. */
export type Outage = {
  readonly why: string;
  readonly group: Readonly<Record<string, string>>;
  readonly accountId?: string;
  /** A sink that does not get it. */
  readonly except?: string;
};

export type Outages = {
  /** Since when the trouble lasts, as its alert says, epoch ms; undefined while there is none. */
  sinceMs(key: string): number | undefined;
  /** Tells of a trouble that lasts since `sinceMs`. */
  begin(outage: Outage & { readonly sinceMs: number }): void;
  /** Tells its end; nothing where none is open. */
  end(outage: Outage): void;
};

/** Begins with the troubles that the store knows of. */
export function createOutages({ name, states, keyOf, alerts, tell }: OutagesOptions): Outages {
  const open = new Map<string, number>();
  const seen = new Set<string>();
  for (const { group, firstEventTime } of alerts({ ruleId: `sagewatch.${name}`, limit: LOOKED_AT })) {
    const key = keyOf(group);
    // The newest alert of a key says how it stands.
    if (group["state"] === states.open && !seen.has(key)) open.set(key, Date.parse(firstEventTime));
    seen.add(key);
  }
  const say = (state: string, sinceMs: number, { group, ...outage }: Outage): void =>
    tell(name, { ...outage, key: keyOf(group), sinceMs, group: { ...group, state } });
  return {
    sinceMs: (key) => open.get(key),
    begin: ({ sinceMs, ...outage }) => {
      open.set(keyOf(outage.group), sinceMs);
      say(states.open, sinceMs, outage);
    },
    end: (outage) => {
      const key = keyOf(outage.group);
      const sinceMs = open.get(key);
      if (sinceMs === undefined) return;
      open.delete(key);
      say(states.over, sinceMs, outage);
    },
  };
}
