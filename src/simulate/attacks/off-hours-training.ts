/**
 * A person's session starts a very large training job at three in the morning, UTC.
 *
 * It is night where the person lives as well (New York, 23:00). Eight ml.p4d.24xlarge instances; the jobs that people
 * start by day have one instance of a small type.
 */
import { createTrainingJob } from "../activity-ml.ts";
import { assumedRole, createSsoRole } from "../identity.ts";
import { readCall } from "../record.ts";
import { accountOf, personOf, type Region } from "../world.ts";
import { EXPECTED_RULES, foreignCaller, whoAmI, type Attack } from "./stage.ts";

/** The attack. */
export const offHoursTraining: Attack = {
  title: "Large training job at night",
  what: "A session of dana.whitfield starts a training job on 8 ml.p4d.24xlarge in prod-ml soon after 03:00 UTC.",
  begins: { atUtcHour: 3 },
  rules: [EXPECTED_RULES.offHoursTraining, EXPECTED_RULES.largeTraining],
  note: "One CreateTrainingJob outside 07:00 to 20:00 UTC, Monday to Friday. Pipelines train at night too, but under the role SageMakerPipelineRole.",
  play: (stage) => {
    const account = accountOf("prod-ml");
    const region: Region = "us-east-1";
    const person = personOf("dana.whitfield");
    const role = createSsoRole(stage.ids, account, person.permissionSet);
    const identity = assumedRole(stage.random, { role, name: `${person.user}@example.com`, createdMs: stage.now() });
    const caller = foreignCaller(account, identity, { host: 142 });
    stage.wait(120, 480);
    stage.perform(caller, region, whoAmI(region));
    stage.wait(10, 40);
    stage.perform(caller, region, readCall("sagemaker", "ListTrainingJobs", { maxResults: 10 }));
    stage.wait(30, 90);
    const name = `prod-ml-embedder-${stage.random.hex(6)}`;
    const job = {
      name,
      instanceType: "ml.p4d.24xlarge",
      instanceCount: 8,
      roleName: "SageMakerExecutionRole",
      tags: [],
    };
    stage.perform(caller, region, createTrainingJob(stage.scene(account, region), job));
    stage.wait(20, 60);
    stage.perform(caller, region, readCall("sagemaker", "DescribeTrainingJob", { trainingJobName: name }));
    return { account, regions: [region], principal: role.arn };
  },
};
