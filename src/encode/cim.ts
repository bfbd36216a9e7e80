/**
 * An alert as an event for Splunk: the native form, with the fields of the Common Information Model's data model Alerts
 * beside it, so that searches over `datamodel=Alerts` and Enterprise Security find it without a field of our own.
 * https://docs.splunk.com/Documentation/CIM/latest/User/Alerts
 *
 * `id` and `severity` are the same in both; no other name is. Of several evidence rows the first speaks. Pure.
 */
import type { Alert } from "../model/alert.ts";
import { type Behind, toNative } from "./native.ts";

/** The event, to be written by JSON.stringify. */
export function toCimEvent(alert: Alert, behind: Behind = {}): Readonly<Record<string, unknown>> {
  const [first] = alert.evidence;
  const techniques = [...alert.attack, ...alert.atlas];
  const fields = {
    app: "Sagewatch",
    type: "alert",
    signature: alert.ruleName,
    signature_id: alert.ruleId,
    subject: alert.title,
    description: alert.why,
    src: first?.sourceIPAddress ?? "",
    dest: first?.target ?? "",
    user: alert.principal,
    vendor_account: alert.accountId,
    vendor_region: alert.region,
  };
  const filled = Object.entries(fields).filter(([, value]) => value !== "");
  return {
    ...toNative(alert, behind),
    ...Object.fromEntries(filled),
    ...(techniques.length > 0 && { mitre_technique_id: techniques }),
  };
}
