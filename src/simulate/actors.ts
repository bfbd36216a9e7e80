/**
 * Who acts in the benign stream: how much, at what hours, with which credentials.
 *
 * An actor has a share of the stream, a daily curve, a session that is renewed, and activities by weight. Shares are of
 * records, so a change of `--records` keeps the proportions. People keep the hours of their own time zone.
 */
import type { Random } from "../lib/random.ts";
import * as delivery from "./activity-delivery.ts";
import * as ml from "./activity-ml.ts";
import * as people from "./activity-people.ts";
import * as platform from "./activity-platform.ts";
import { deniedAtEndpoint, insightPair } from "./activity-rare.ts";
import type { Activity, Scene } from "./calls.ts";
import { assumedRole, createRole, createSsoRole, iamUser, identityCenterUser, serviceCaller } from "./identity.ts";
import type { Call, Caller, Json, SimulatedRecord } from "./record.ts";
import { accountOf, ACCOUNTS, PEOPLE, SSO_REGION, type Account, type Person, type Region, type Team } from "./world.ts";

/** A caller, and what stands in the log because its session began. */
export type Session = { readonly caller: Caller; readonly opening: readonly (readonly [Caller, Call])[] };

/** One actor of one account. */
export type Actor = {
  readonly name: string;
  readonly account: Account;
  readonly regions: readonly (readonly [weight: number, region: Region])[];
  /** Share of all base records, relative to the other actors. */
  readonly share: number;
  /** How busy at a time: 0 is asleep, 1 the usual. */
  readonly curve: (timeMs: number) => number;
  readonly activities: readonly (readonly [weight: number, activity: Activity])[];
  readonly openSession: (scene: Scene) => Session;
  readonly sessionMs: number;
  /** At least this long between two activities. Default 0. */
  readonly minGapMs?: number;
  /** Takes the place of `activities` where records are not of calls. */
  readonly raw?: (scene: Scene) => readonly SimulatedRecord[];
};

const HOUR_MS = 3_600_000;
const BOTO =
  "Boto3/1.40.21 md/Botocore#1.40.21 ua/2.1 os/linux#6.1.147-172.266.amzn2023.x86_64 md/arch#x86_64 lang/python#3.11.13 md/pyimpl#CPython m/b,Z,D cfg/retry-mode#standard Botocore/1.40.21";
const TERRAFORM =
  "APN/1.0 HashiCorp/1.0 Terraform/1.12.2 (+https://www.terraform.io) terraform-provider-aws/6.9.0 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.37.2 ua/2.1 os/linux lang/go#1.24.5 md/GOOS#linux md/GOARCH#amd64 api/iam#1.46.0";
const GO_SDK = "aws-sdk-go-v2/1.38.0 ua/2.1 os/linux lang/go#1.24.6 md/GOOS#linux md/GOARCH#amd64 m/E,e";
const CLI =
  "aws-cli/2.28.11 md/awscrt#0.27.6 ua/2.1 os/macos#24.6.0 md/arch#arm64 lang/python#3.13.7 md/pyimpl#CPython m/b,Z,E cfg/retry-mode#standard md/installer#exe";
const BROWSER =
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/145.0.0.0 Safari/537.36";

/** The hours of a team: full from nine to six, less around, a little in the evening, none on weekends. */
export function officeCurve(utcOffsetHours: number): (timeMs: number) => number {
  return (timeMs) => {
    const local = new Date(timeMs + utcOffsetHours * HOUR_MS);
    const day = local.getUTCDay();
    if (day === 0 || day === 6) return 0;
    const hour = local.getUTCHours();
    if (hour >= 9 && hour < 18) return hour === 12 ? 0.6 : 1;
    if (hour === 8 || hour === 18) return 0.35;
    return hour >= 19 && hour < 22 ? 0.08 : 0;
  };
}

/** Machines: always awake, a third busier while customers are. */
function machineCurve(timeMs: number): number {
  return 0.85 + 0.3 * Math.sin(((new Date(timeMs).getUTCHours() - 8) / 24) * 2 * Math.PI);
}

const OFFICES = [-4, 1, 9].map(officeCurve);

/** Delivery follows the people, with a little by night (scheduled runs). */
function deliveryCurve(timeMs: number): number {
  return 0.1 + OFFICES.reduce((sum, curve) => sum + curve(timeMs), 0);
}

/** Opens sessions of a role from an inside address. */
function roleSession(
  roleName: string,
  agent: string,
  options: { isInstance?: boolean; vpc?: boolean; session?: (random: Random) => string },
): Actor["openSession"] {
  return ({ random, ids, account, timeMs }) => {
    const role = createRole(ids, account, roleName);
    const name =
      options.session?.(random) ??
      (options.isInstance === true ? `i-0${random.hex(16)}` : `${roleName}-${random.hex(8)}`);
    const identity = assumedRole(random, { role, name, createdMs: timeMs, isInstance: options.isInstance ?? false });
    const inside = options.vpc === true;
    const address = inside
      ? `10.${random.int(0, 3)}.${random.int(0, 255)}.${random.int(4, 250)}`
      : `192.0.2.${random.int(100, 140)}`;
    const caller: Caller = { accountId: account.id, identity, address, userAgent: agent };
    return { caller: inside ? { ...caller, vpcEndpointId: "vpce-0d985940f92611b87" } : caller, opening: [] };
  };
}

/** A person's working day: IAM Identity Center hands out a role, the console a session. */
function personSession(person: Person, fromConsole: boolean): Actor["openSession"] {
  return (scene) => {
    const { random, ids, account, timeMs } = scene;
    const role = createSsoRole(ids, account, person.permissionSet);
    const name = `${person.user}@example.com`;
    const identity = assumedRole(random, { role, name, createdMs: timeMs });
    const address = `${person.team.network}.${10 + PEOPLE.indexOf(person)}`;
    const caller: Caller = {
      accountId: account.id,
      identity,
      address,
      userAgent: fromConsole ? BROWSER : CLI,
      fromConsole,
    };
    const hub = accountOf("shared-services");
    const portal: Caller = {
      accountId: hub.id,
      identity: identityCenterUser(ids, hub, person),
      address,
      userAgent: BROWSER,
    };
    const top: Json = { serviceEventDetails: { role_name: person.permissionSet, account_id: account.id } };
    const federate: Call = { source: "sso", name: "Federate", eventType: "AwsServiceEvent", region: SSO_REGION, top };
    const { accessKeyId: _, ...withoutKey } = identity;
    const signIn = people.consoleSignIn(scene, withoutKey);
    return {
      caller,
      opening: fromConsole
        ? [
            [portal, federate],
            [caller, signIn],
          ]
        : [[portal, federate]],
    };
  };
}

/** Machines that every account has. `scale` is the account's share of machine work. */
function machineActors(account: Account, scale: number): Actor[] {
  const machine = { account, regions: account.regions, curve: machineCurve, sessionMs: 6 * HOUR_MS };
  const service = { ...machine, openSession: () => ({ caller: serviceCaller(account, "ec2"), opening: [] }) };
  const workload = roleSession("feature-sync-lambda", BOTO, { vpc: true, session: () => "feature-sync" });
  const agent = "aws-sdk-go/1.55.5 (go1.23.4; linux; amd64) amazon-ssm-agent/3.3.1611.0";
  const keepers: Actor["activities"] = [
    [6, platform.watchFleet],
    [1, platform.readParameter],
  ];
  const services: Actor["activities"] = [
    [12, platform.serviceAssumesRole],
    [2, platform.checkLogBucket],
    [0.5, platform.serviceEvent],
    [0.4, platform.scaleFleet],
  ];
  const reads: Actor["activities"] = [
    [3, platform.readSecret],
    [3, platform.readParameter],
    [5, platform.useDataKey],
  ];
  return [
    {
      ...machine,
      name: "agents",
      share: 0.11 * scale,
      activities: [[1, platform.ssmAgent]],
      openSession: roleSession("ml-worker-instance", agent, { isInstance: true, vpc: true }),
    },
    { ...machine, name: "workloads", share: 0.2 * scale, activities: reads, openSession: workload },
    {
      ...machine,
      name: "controllers",
      share: 0.14 * scale,
      activities: keepers,
      openSession: roleSession("cluster-autoscaler", GO_SDK, { vpc: true }),
    },
    { ...service, name: "services", share: 0.14 * scale, activities: services },
    { ...service, name: "insight", share: 0.00004 * scale, activities: [], raw: insightPair },
    { ...service, name: "endpoint-policy", share: 0.0012 * scale, activities: [], raw: deniedAtEndpoint },
  ];
}

/** Tools that people run over every account: sessions of an hour, from the company's own network. */
function toolActors(account: Account, scale: number): Actor[] {
  const tool = { account, regions: account.regions, curve: deliveryCurve, sessionMs: HOUR_MS };
  const scanner = roleSession("posture-scanner", BOTO, { session: (random) => `scan-${random.hex(6)}` });
  const terraform = roleSession("terraform-apply", TERRAFORM, { session: () => "terraform" });
  const builds = roleSession("github-actions-build", BOTO, { session: () => "GitHubActions" });
  const changes: Actor["activities"] = [
    [20, delivery.terraformPlan],
    [3, delivery.terraformApply],
  ];
  return [
    {
      ...tool,
      name: "scanner",
      curve: machineCurve,
      share: 0.06 * scale,
      activities: [[1, delivery.scannerSweep]],
      openSession: scanner,
    },
    { ...tool, name: "terraform", share: 0.08 * scale, activities: changes, openSession: terraform },
    { ...tool, name: "builds", share: 0.03 * scale, activities: [[1, delivery.ciBuild]], openSession: builds },
  ];
}

/** Actors of the accounts with AI workloads. */
function mlActors(account: Account, scale: number): Actor[] {
  const machine = { account, regions: account.regions, curve: machineCurve, sessionMs: 6 * HOUR_MS };
  const notebook = roleSession("SageMakerExecutionRole", BOTO, { vpc: true, session: () => "SageMaker" });
  const pipeline = roleSession("SageMakerPipelineRole", BOTO, { vpc: true, session: () => "SageMaker-Pipelines" });
  const app = roleSession("inference-gateway-task", BOTO, { vpc: true, session: (random) => random.hex(32) });
  const release = roleSession("ml-release", BOTO, { session: () => "GitHubActions" });
  const data: Actor["activities"] = [
    [4, ml.readTrainingData],
    [1, ml.moveModelArtifacts],
  ];
  return [
    {
      ...machine,
      name: "notebooks",
      curve: deliveryCurve,
      share: 0.07 * scale,
      activities: [[1, ml.useNotebook]],
      openSession: notebook,
    },
    { ...machine, name: "pipelines", share: 0.006 * scale, activities: [[1, ml.runPipeline]], openSession: pipeline },
    { ...machine, name: "applications", share: 0.13 * scale, activities: [[1, ml.askModel]], openSession: app },
    {
      ...machine,
      name: "training-data",
      share: 0.12 * scale,
      activities: [[1, (scene) => scene.random.weighted(data)(scene)]],
      openSession: notebook,
    },
    {
      ...machine,
      name: "releases",
      curve: deliveryCurve,
      share: 0.0006 * scale,
      activities: [[1, delivery.releaseEndpoint]],
      openSession: release,
      minGapMs: 45 * 60_000,
    },
    {
      ...machine,
      name: "gpu-tests",
      curve: deliveryCurve,
      share: 0.0001 * scale,
      activities: [[1, delivery.gpuTestRun]],
      openSession: release,
      minGapMs: HOUR_MS,
    },
  ];
}

const BY_PERMISSION: Readonly<Record<Person["permissionSet"], readonly (readonly [number, Activity])[]>> = {
  MLEngineer: [
    [3, people.workInShell],
    [1, people.openStudio],
    [0.5, people.trainByHand],
  ],
  Researcher: [
    [3, people.workInShell],
    [2, people.tryModel],
    [0.5, people.trainByHand],
  ],
  DataEngineer: [[1, people.workInShell]],
  PlatformAdmin: [
    [3, people.workInShell],
    [1, people.reviewModels],
  ],
};

/** A person in one account: once in the console, once in the shell. */
function personActors(person: Person, account: Account): Actor[] {
  const team: Team = person.team;
  const own = {
    account,
    regions: [[1, account.name === "sandbox" ? "us-east-1" : team.region]] as const,
    curve: officeCurve(team.utcOffsetHours),
    sessionMs: 9 * HOUR_MS,
  };
  const shell = BY_PERMISSION[person.permissionSet];
  return [
    {
      ...own,
      name: `${person.user}/console`,
      share: 0.0035,
      activities: [[1, people.browseConsole]],
      openSession: personSession(person, true),
    },
    {
      ...own,
      name: `${person.user}/shell`,
      share: 0.003,
      activities: shell,
      openSession: personSession(person, false),
    },
  ];
}

/** An export job outside AWS that still has a long-lived key; its key is the one that gets stolen. */
function exportJob(): Actor {
  const account = accountOf("data-platform");
  const openSession: Actor["openSession"] = ({ ids }) => ({
    caller: {
      accountId: account.id,
      identity: iamUser(ids, account, "svc-feature-export"),
      address: "192.0.2.61",
      userAgent: BOTO,
    },
    opening: [],
  });
  const shared = { account, regions: [[1, "eu-west-1"]] as const, curve: machineCurve, sessionMs: 24 * HOUR_MS };
  return { ...shared, name: "export-job", share: 0.004, activities: [[1, ml.readTrainingData]], openSession };
}

/** All actors, in the fixed order that the stream goes through them. */
export function createActors(): readonly Actor[] {
  const scales: Readonly<Record<Account["name"], number>> = {
    "prod-ml": 0.36,
    research: 0.24,
    "data-platform": 0.2,
    "shared-services": 0.12,
    sandbox: 0.06,
  };
  const flowLogs = accountOf("data-platform");
  const delivery = { account: flowLogs, regions: flowLogs.regions, curve: machineCurve, sessionMs: 24 * HOUR_MS };
  const openSession: Actor["openSession"] = () => ({ caller: serviceCaller(flowLogs, "delivery.logs"), opening: [] });
  return [
    ...ACCOUNTS.flatMap((account) => machineActors(account, scales[account.name])),
    ...ACCOUNTS.flatMap((account) => toolActors(account, scales[account.name])),
    ...mlActors(accountOf("prod-ml"), 0.6),
    ...mlActors(accountOf("research"), 0.4),
    ...PEOPLE.flatMap((person) => person.accounts.flatMap((name) => personActors(person, accountOf(name)))),
    exportJob(),
    { ...delivery, name: "flow-logs", share: 0.03, activities: [[1, platform.deniedLogDelivery]], openSession },
  ];
}
