/**
 * Judges what a run found against what was planted. Pure.
 *
 * An expected rule counts as found when one of its alerts shares a record with the attack; where an alert lists only the
 * first of very many records, the same principal within the attack's time counts too. Alerts that share nothing with any
 * attack are unplanned: in a simulated day there should be none.
 */
import type { Alert } from "../../model/alert.ts";
import type { AttackAnswer } from "../answers.ts";

/** An attack and its verdict. Rules are file names in detections/. */
export type Verdict = {
  readonly attack: AttackAnswer;
  readonly found: readonly string[];
  readonly missed: readonly string[];
  readonly alerts: number;
};
export type Judgement = { readonly verdicts: readonly Verdict[]; readonly unplanned: readonly Alert[] };

/** @param fileOf name of a rule's file in detections/, by rule id */
export function judge(
  attacks: readonly AttackAnswer[],
  alerts: readonly Alert[],
  fileOf: ReadonlyMap<string, string>,
): Judgement {
  const verdicts = attacks.map((attack) => {
    const own = alerts.filter((alert) => belongs(alert, attack));
    const files = new Set(own.map(({ ruleId }) => fileOf.get(ruleId)));
    const { rules } = attack.expect;
    return {
      attack,
      alerts: own.length,
      found: rules.filter((rule) => files.has(rule)),
      missed: rules.filter((rule) => !files.has(rule)),
    };
  });
  return { verdicts, unplanned: alerts.filter((alert) => !attacks.some((attack) => belongs(alert, attack))) };
}

function belongs(alert: Alert, attack: AttackAnswer): boolean {
  const planted = new Set(attack.eventIds);
  if (alert.eventIds.some((id) => planted.has(id))) return true;
  const overlaps = alert.firstEventTime <= attack.lastEventTime && alert.lastEventTime >= attack.firstEventTime;
  return overlaps && alert.principal === attack.principal && alert.eventCount > alert.eventIds.length;
}
