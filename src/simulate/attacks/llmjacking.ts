/**
 * A stolen key is tried out against Bedrock, opens access to more models, and then calls them in bulk.
 *
 * The order known from published cases: list what there is, probe InvokeModel (a ValidationException costs nothing and
 * tells that the key works), see whether prompts are logged, sign the agreement, then call models in several Regions.
 */
import { modelCall } from "../activity-ml.ts";
import { iamUser } from "../identity.ts";
import { readCall, type Call } from "../record.ts";
import { accountOf, REGIONS, type Region } from "../world.ts";
import { EXPECTED_RULES, foreignCaller, ORDINARY_AGENTS, whoAmI, type Attack, type Stage } from "./stage.ts";

const MODEL = "anthropic.claude-sonnet-4-5-20250929-v1:0";
const DENIED: readonly [string, string] = [
  "AccessDenied",
  "You don't have access to the model with the specified model ID.",
];
const INVALID: readonly [string, string] = ["ValidationException", "max_tokens_to_sample: range: 1..1,000,000"];

/** Finds out what the key can do. */
function probe(stage: Stage, caller: ReturnType<typeof foreignCaller>): void {
  stage.perform(caller, "us-east-1", whoAmI("us-east-1"));
  for (const region of REGIONS) {
    stage.wait(3, 12);
    stage.perform(caller, region, readCall("bedrock", "ListFoundationModels"));
    stage.wait(2, 8);
    stage.perform(caller, region, readCall("bedrock", "GetFoundationModelAvailability", { modelId: MODEL }));
    stage.wait(2, 8);
    stage.perform(caller, region, { ...modelCall("InvokeModel", region, MODEL), error: DENIED });
  }
  stage.wait(5, 20);
  stage.perform(caller, "us-east-1", {
    ...modelCall("InvokeModel", "us-east-1", "amazon.nova-pro-v1:0"),
    error: INVALID,
  });
  stage.wait(5, 20);
  stage.perform(caller, "us-east-1", readCall("bedrock", "GetModelInvocationLoggingConfiguration"));
}

/** Opens the door to the models that were refused. */
function unlock(stage: Stage, caller: ReturnType<typeof foreignCaller>): void {
  const region: Region = "us-east-1";
  const calls: readonly Call[] = [
    { source: "bedrock", name: "PutUseCaseForModelAccess" },
    readCall("bedrock", "ListFoundationModelAgreementOffers", { modelId: MODEL }),
    {
      source: "bedrock",
      name: "CreateFoundationModelAgreement",
      request: { modelId: MODEL },
      response: { modelId: "anthropic.claude-sonnet-4-5-20250929-v1" },
    },
    {
      source: "bedrock",
      name: "PutFoundationModelEntitlement",
      request: { modelId: MODEL },
      response: { status: "SUCCESS" },
    },
  ];
  for (const call of calls) {
    stage.wait(8, 40);
    stage.perform(caller, region, call);
  }
}

/** The attack. */
export const llmjacking: Attack = {
  title: "LLMjacking with a stolen key",
  what: "The key of svc-chat-poc in sandbox lists models, probes InvokeModel, opens access to a model and then calls models 180 times in three Regions.",
  begins: { afterHours: 16.6 },
  rules: [EXPECTED_RULES.modelAccessThenInvoke, EXPECTED_RULES.llmjackingClassic],
  note: "Probing and enabling come first, calls of the model after, within about half an hour.",
  play: (stage) => {
    const account = accountOf("sandbox");
    const identity = iamUser(stage.ids, account, "svc-chat-poc");
    const caller = foreignCaller(account, identity, { host: 201, userAgent: ORDINARY_AGENTS.boto });
    probe(stage, caller);
    unlock(stage, caller);
    stage.wait(60, 120);
    for (let turn = 0; turn < 180; turn += 1) {
      const region = stage.random.weighted([
        [6, "us-east-1"],
        [3, "eu-west-1"],
        [1, "ap-northeast-1"],
      ] as const);
      const name = stage.random.pick(["InvokeModel", "InvokeModelWithResponseStream", "Converse"] as const);
      stage.wait(0, 8);
      stage.perform(caller, region, modelCall(name, region, MODEL));
    }
    return { account, regions: REGIONS, principal: String(identity["arn"]) };
  },
};
