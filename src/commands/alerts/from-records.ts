/**
 * What the kept records of an alert say beyond its content: who signed the calls, where, and what they cost.
 *
 * Records are decoded as ever, and prices are those of the fields that rules read. A record that was not kept, or that can
 * no longer be decoded, adds nothing; how many were looked at is told with every figure. Pure.
 */
import type { Fact } from "../../encode/story.ts";
import { isObject, ownValue, textAt } from "../../lib/json.ts";
import { toBurn } from "../../match/burn.ts";
import type { Alert } from "../../model/alert.ts";
import type { Event, Principal } from "../../model/event.ts";

const KINDS: Readonly<Record<Principal["kind"], string>> = {
  human: "a person, by the kind of credentials",
  workload: "a workload",
  service: "an AWS service",
  root: "the root user of the account",
  unknown: "",
};
/** Sessions and keys that are named. */
const NAMED_MAX = 5;

/** Kind, sessions and credentials of the callers, and their account where it is another. */
export function toWhoFacts(events: readonly Event[], alert: Alert): Fact[] {
  const facts: readonly Fact[] = [
    ["kind", distinct(events.map(({ principal }) => KINDS[principal.kind]))],
    ["session", distinct(events.map(({ principal }) => principal.session))],
    ["signed with", distinct(events.map(toCredential))],
    ["comes from", distinct(events.map((event) => toForeign(event, alert.accountId)))],
  ];
  return facts.filter(([, values]) => values.length > 0);
}

/** Sentences on what the calls cost; none where no accelerator is asked for. */
export function toCost(events: readonly Event[], alert: Alert): string[] {
  const burn = toBurn(events);
  if (burn === null) return [];
  const { accelerators: count, models, usdPerHour, unpriced, failed: refused } = burn;
  const of = events.length < alert.eventCount ? `, by the ${events.length} of ${alert.eventCount} records kept` : "";
  const money =
    usdPerHour === null ? "no list price is known" : `about $${usdPerHour.toFixed(2)} an hour at list prices`;
  return [
    `${count} accelerator${count === 1 ? "" : "s"} (${models.join(", ")}): ${money}${of}.`,
    ...(refused > 0
      ? [`${refused} of these calls failed: what they asked for is counted as if it had been given.`]
      : []),
    ...(usdPerHour !== null && unpriced > 0
      ? [`${unpriced} of these calls have no known price and are left out of the sum.`]
      : []),
  ];
}

function distinct(texts: readonly string[]): string[] {
  const all = [...new Set(texts)].filter((text) => text !== "");
  const more = all.length - NAMED_MAX;
  return more > 0 ? [...all.slice(0, NAMED_MAX), `and ${more} more`] : all;
}

/** "long-lived key AKIA…", "temporary key ASIA…, with MFA": ids of keys are no secrets, and what one revokes. */
function toCredential({ record }: Event): string {
  const identity = ownValue(record, "userIdentity");
  const keyId = textAt(identity, "accessKeyId");
  if (keyId === "") return "";
  const context = ownValue(identity, "sessionContext");
  const mfa = isObject(context) ? textAt(ownValue(context, "attributes"), "mfaAuthenticated") : "";
  const kind = keyId.startsWith("AKIA") ? "long-lived key" : keyId.startsWith("ASIA") ? "temporary key" : "key";
  return `${kind} ${keyId}${mfa === "" ? "" : mfa === "true" ? ", with MFA" : ", without MFA"}`;
}

function toForeign({ record }: Event, accountId: string): string {
  const own = textAt(ownValue(record, "userIdentity"), "accountId");
  return own === "" || own === accountId ? "" : `account ${own}`;
}
