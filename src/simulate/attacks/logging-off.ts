/**
 * An administrator's session, taken over, switches the records off before anything else happens.
 *
 * Bedrock's prompt log first (its record has neither request nor response), then the trail's selectors, the trail itself,
 * and GuardDuty. The last try, to delete the trail, is refused.
 */
import { denial } from "../activity-delivery.ts";
import { assumedRole, createSsoRole } from "../identity.ts";
import { readCall, type Call } from "../record.ts";
import { accountOf, personOf, type Region } from "../world.ts";
import { EXPECTED_RULES, foreignCaller, whoAmI, type Attack } from "./stage.ts";

/** The attack. */
export const loggingOff: Attack = {
  title: "Logging and detection switched off",
  what: "A session of owen.castillo deletes Bedrock's invocation logging, narrows and stops the trail, and disables GuardDuty in prod-ml.",
  begins: { afterHours: 18.8 },
  rules: [EXPECTED_RULES.invocationLoggingOff, EXPECTED_RULES.trailOff, EXPECTED_RULES.guardDutyOff],
  note: "DeleteModelInvocationLoggingConfiguration, PutEventSelectors, StopLogging and UpdateDetector (enable false) succeed; DeleteTrail is denied.",
  play: (stage) => {
    const account = accountOf("prod-ml");
    const region: Region = "us-east-1";
    const person = personOf("owen.castillo");
    const role = createSsoRole(stage.ids, account, person.permissionSet);
    const session = `${person.user}@example.com`;
    const identity = assumedRole(stage.random, { role, name: session, createdMs: stage.now() });
    const caller = foreignCaller(account, identity, { host: 9 });
    const trailARN = `arn:aws:cloudtrail:${region}:${account.id}:trail/ml-audit`;
    const eventSelectors = [
      {
        readWriteType: "ReadOnly",
        includeManagementEvents: false,
        dataResources: [],
        excludeManagementEventSources: [],
      },
    ];
    const calls: readonly Call[] = [
      whoAmI(region),
      readCall("bedrock", "GetModelInvocationLoggingConfiguration"),
      { source: "bedrock", name: "DeleteModelInvocationLoggingConfiguration" },
      readCall("cloudtrail", "DescribeTrails", { trailNameList: [], includeShadowTrails: false }),
      {
        source: "cloudtrail",
        name: "PutEventSelectors",
        request: { trailName: "ml-audit", eventSelectors },
        response: { trailARN, eventSelectors },
      },
      { source: "cloudtrail", name: "StopLogging", request: { name: trailARN } },
      readCall("guardduty", "ListDetectors"),
      { source: "guardduty", name: "UpdateDetector", request: { detectorId: stage.random.hex(32), enable: false } },
      {
        source: "cloudtrail",
        name: "DeleteTrail",
        request: { name: trailARN },
        error: denial(String(identity["arn"]), "cloudtrail:DeleteTrail"),
      },
    ];
    for (const call of calls) {
      stage.wait(5, 45);
      stage.perform(caller, region, call);
    }
    return { account, regions: [region], principal: role.arn };
  },
};
