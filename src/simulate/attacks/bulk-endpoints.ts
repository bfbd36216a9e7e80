/**
 * Twelve inference endpoints in twenty minutes by one role, under session names that change.
 *
 * The release role is assumed anew for every three endpoints, so no single session stands out: only counting by the role
 * behind the sessions finds it.
 */
import { createEndpoint } from "../activity-ml.ts";
import { assumedRole, createRole } from "../identity.ts";
import { accountOf, type Region } from "../world.ts";
import { EXPECTED_RULES, foreignCaller, ORDINARY_AGENTS, whoAmI, type Attack } from "./stage.ts";

/** The attack. */
export const bulkEndpoints: Attack = {
  title: "Bulk creation of GPU endpoints",
  what: "The role ml-release creates 12 models, endpoint configurations and endpoints with ml.g5 and ml.p4d instances within 20 minutes, under four session names.",
  begins: { afterHours: 10.4 },
  rules: [EXPECTED_RULES.bulkEndpoints, EXPECTED_RULES.gpuSpike],
  note: "12 CreateEndpoint in under 20 minutes; 3 in each of 4 sessions, so a count by session ARN misses it.",
  play: (stage) => {
    const account = accountOf("prod-ml");
    const region: Region = "us-east-1";
    const role = createRole(stage.ids, account, "ml-release");
    const open = (): ReturnType<typeof foreignCaller> => {
      const name = `botocore-session-${Math.floor(stage.now() / 1000)}`;
      const identity = assumedRole(stage.random, { role, name, createdMs: stage.now() });
      return foreignCaller(account, identity, { host: 77, userAgent: ORDINARY_AGENTS.boto });
    };
    for (let session = 0; session < 4; session += 1) {
      const caller = open();
      stage.perform(caller, region, whoAmI(region));
      for (let turn = 0; turn < 3; turn += 1) {
        stage.wait(50, 105);
        const instanceType = stage.random.pick(["ml.g5.12xlarge", "ml.g5.48xlarge", "ml.p4d.24xlarge"]);
        const name = `chat-${stage.random.hex(8)}`;
        stage.perform(
          caller,
          region,
          ...createEndpoint(stage.scene(account, region), { name, instanceType, instanceCount: 1 }),
        );
      }
    }
    return { account, regions: [region], principal: role.arn };
  },
};
