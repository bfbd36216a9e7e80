/**
 * A long-lived key is stolen and used from outside to start GPU machines.
 *
 * Who am I, what quota is there, a key pair, then RunInstances of large GPU types in two Regions: refused for rights and
 * quota at first, then granted for smaller requests. Fields as in EC2's records (a list under `instancesSet.items`).
 */
import { runInstances } from "../calls.ts";
import { iamUser } from "../identity.ts";
import { readCall, type Call } from "../record.ts";
import { accountOf, resourceId, type Region } from "../world.ts";
import { EXPECTED_RULES, foreignCaller, whoAmI, type Attack, type Stage } from "./stage.ts";

const UNAUTHORIZED: Call["error"] = [
  "Client.UnauthorizedOperation",
  "You are not authorized to perform this operation. User: arn:aws:iam::444455556666:user/svc-feature-export is not authorized to perform: ec2:RunInstances with an explicit deny in a service control policy",
];
const NO_QUOTA: Call["error"] = [
  "Client.VcpuLimitExceeded",
  "You have requested more vCPU capacity than your current vCPU limit of 64 allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.",
];

const IMAGES: Readonly<Record<Region, string>> = {
  "us-east-1": "ami-0c7217cdde317cfec",
  "eu-west-1": "ami-0905a3c97561e0b69",
  "ap-northeast-1": "ami-07c589821f2b353aa",
};

function createKeyPair(stage: Stage, keyName: string): Call {
  const keyFingerprint = Array.from({ length: 20 }, () => stage.random.hex(2)).join(":");
  const response = {
    requestId: stage.random.uuid(),
    keyName,
    keyFingerprint,
    keyPairId: resourceId(stage.random, "key"),
    keyMaterial: "<sensitiveDataRemoved>",
  };
  return { source: "ec2", name: "CreateKeyPair", request: { keyName, keyType: "rsa", keyFormat: "pem" }, response };
}

/** The attack. */
export const credentialTheftGpu: Attack = {
  title: "Stolen access key starts GPU instances",
  what: "The key of svc-feature-export is used from outside: quotas are read, then p4d, p5 and g5 instances are launched in two Regions, refused at first, then granted.",
  begins: { afterHours: 13.2 },
  rules: [EXPECTED_RULES.gpuLaunch, EXPECTED_RULES.gpuLaunchFailures],
  note: "6 RunInstances with GPU types, 3 refused and 3 granted, in us-east-1 and eu-west-1. The same key has honest use all day from the company's network.",
  play: (stage) => {
    const account = accountOf("data-platform");
    const identity = iamUser(stage.ids, account, "svc-feature-export");
    const thief = foreignCaller(account, identity, { host: 23 });
    stage.perform(thief, "us-east-1", whoAmI("us-east-1"));
    for (const quotaCode of ["L-417A185B", "L-DB2E81BA"]) {
      stage.wait(4, 15);
      stage.perform(
        thief,
        "us-east-1",
        readCall("servicequotas", "GetServiceQuota", { serviceCode: "ec2", quotaCode }),
      );
    }
    stage.wait(5, 20);
    stage.perform(
      thief,
      "us-east-1",
      readCall("ec2", "DescribeInstanceTypeOfferings", {
        DescribeInstanceTypeOfferingsRequest: { LocationType: "region", MaxResults: 100 },
      }),
    );
    const keyName = `k-${stage.random.hex(6)}`;
    const launches: readonly (readonly [Region, string, number, Call["error"]?])[] = [
      ["us-east-1", "p4d.24xlarge", 2, UNAUTHORIZED],
      ["us-east-1", "p5.48xlarge", 1, NO_QUOTA],
      ["us-east-1", "g5.12xlarge", 2],
      ["eu-west-1", "p4d.24xlarge", 1, NO_QUOTA],
      ["eu-west-1", "g5.48xlarge", 1],
      ["eu-west-1", "g5.12xlarge", 2],
    ];
    let last: Region | undefined;
    for (const [region, instanceType, count, error] of launches) {
      stage.wait(20, 70);
      if (region !== last) stage.perform(thief, region, createKeyPair(stage, keyName));
      last = region;
      stage.wait(10, 30);
      const wanted = {
        instanceType,
        count,
        imageId: IMAGES[region],
        keyName,
        ...(error === undefined ? {} : { error }),
      };
      stage.perform(thief, region, runInstances(stage.scene(account, region), wanted));
    }
    return { account, regions: ["us-east-1", "eu-west-1"], principal: String(identity["arn"]) };
  },
};
