/**
 * Accelerators of a call: every call of the table in the shape that CloudTrail writes it, and anything at all beside it.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createFields } from "../../../src/match/fields.ts";
import type { Json, JsonObject } from "../../../src/model/event.ts";
import { ACCELERATORS } from "../../../src/match/tables/accelerators.ts";
import { CALLS } from "../../../src/match/tables/calls.ts";
import { compileRules } from "../../../src/sigma/compile.ts";
import { eventOf, json, leaf, NO_LISTS, ruleOf, setOf, text } from "../build.ts";
import { call, ec2, fleet, image, p4d, rows, sagemaker } from "./calls.ts";
import { block, changes, resize } from "./changes.ts";
import { cpuMs } from "../../support/cpu.ts";

const fields = createFields({ calendars: {}, accountCalendars: {} });
const NAMES = ["gpu.requested", "gpu.count", "gpu.model", "usd_per_hour", "price.known"] as const;

function read(name: (typeof NAMES)[number], record: JsonObject, region = "us-east-1"): Json | undefined {
  return fields.get(`enrich.${name}`)?.(eventOf(record, { region }));
}

const instance = (instanceType: string, amiLaunchIndex: number): JsonObject => ({
  instanceId: `i-0a1b2c3d4e5f6071${String(amiLaunchIndex)}`,
  amiLaunchIndex,
  instanceType,
  instanceState: { code: 0, name: "pending" },
});

describe("requested", () => {
  test.each([...rows, ...changes])("%s", (_what, record, requested) => {
    expect([read("gpu.requested", record), read("gpu.count", record)]).toEqual([requested, requested]);
    const denied = { ...record, errorCode: "AccessDenied", errorMessage: "no" };
    expect([read("gpu.requested", denied), read("gpu.count", denied)]).toEqual([requested, 0]);
  });

  test("the table of this test has every call", () => {
    const records = [...rows, ...changes].map(([, record]) => record);
    const tried = new Set([...records, block].map((record) => record["eventName"]));
    expect([...CALLS.keys()].filter((name) => !tried.has(name))).toEqual([]);
  });

  test("the shipped rule on SageMaker names every call of it, so that no other one has to be parsed", () => {
    const file = join(import.meta.dirname, "../../../detections/cloudtrail/sagemaker/sm-gpu-spike.yml");
    const named = new Set([...readFileSync(file, "utf8").matchAll(/^ {6}- (\w+)$/gm)].map(([, name]) => name));
    const known = [...CALLS].filter(([, { source }]) => source === "sagemaker").map(([name]) => name);
    expect(known.filter((name) => !named.has(name))).toEqual([]);
  });

  test.each<[string, JsonObject]>([
    ["another call", ec2("DescribeInstances", { instanceType: "p5.48xlarge" })],
    [
      "a call of that name at another service",
      call("appstream", "CreateFleet", { request: fleet({ InstanceType: "p5.48xlarge" }, 4) }),
    ],
    ["no request", ec2("RunInstances", null)],
    ["no type", ec2("RunInstances", { instancesSet: { items: [{ maxCount: 3 }] } })],
    ["a fleet's new size without types", ec2("ModifyFleet", resize({ TotalTargetCapacity: 50 }))],
    [
      "a fleet's new types without a size",
      ec2("ModifyFleet", {
        ModifyFleetRequest: { LaunchTemplateConfig: { Overrides: { InstanceType: "p5.48xlarge" } } },
      }),
    ],
    ["hosts of a family unheard of", ec2("AllocateHosts", { instanceFamily: "constructor", quantity: 3 })],
    [
      "nodes for a group whose type nothing names",
      sagemaker("BatchAddClusterNodes", { nodesToAdd: [{ instanceGroupName: "w", incrementTargetCountBy: 9 }] }),
    ],
    ["a type unheard of", ec2("RunInstances", { instanceType: "__proto__" })],
    ["a count that is garbage", sagemaker("CreateTrainingJob", { resourceConfig: { ...p4d, instanceCount: "many" } })],
    ["a count below zero", sagemaker("CreateTrainingJob", { resourceConfig: { ...p4d, instanceCount: -5 } })],
    ["no name", {}],
  ])("%s: nothing", (_what, record) => {
    expect(NAMES.slice(0, 4).map((name) => read(name, record))).toEqual([0, 0, null, null]);
  });

  test("a count in text, and one beyond all measure", () => {
    const ask = (instanceCount: Json): Json | undefined =>
      read("gpu.requested", sagemaker("CreateTrainingJob", { resourceConfig: { ...p4d, instanceCount } }));
    expect([ask("3"), ask(1e300)]).toEqual([24, 8_000_000]);
  });
});

describe("count: what the response says", () => {
  test("RunInstances was given fewer than it asked for", () => {
    const record = ec2(
      "RunInstances",
      { instancesSet: { items: [{ ...image, minCount: 1, maxCount: 10 }] }, instanceType: "p4d.24xlarge" },
      { responseElements: { instancesSet: { items: [instance("p4d.24xlarge", 0), instance("p4d.24xlarge", 1)] } } },
    );
    expect(NAMES.map((name) => read(name, record))).toEqual([80, 16, "A100", 43.9153, true]);
  });

  test("RunInstances by a launch template names its type in the response only", () => {
    const record = ec2(
      "RunInstances",
      {
        launchTemplate: { launchTemplateId: "lt-0a1b2c3d4e5f60718" },
        instancesSet: { items: [{ minCount: 1, maxCount: 1 }] },
      },
      { responseElements: { instancesSet: { items: [instance("p5.48xlarge", 0)] } } },
    );
    expect(NAMES.slice(0, 3).map((name) => read(name, record))).toEqual([8, 8, "H100"]);
  });

  test.each<[string, Json, number]>([
    ["one", { item: { instanceIds: { item: "i-0a1b2c3d4e5f60718" }, instanceType: "p4d.24xlarge" } }, 8],
    [
      "several",
      {
        item: [
          { instanceIds: { item: ["i-0a1b2c3d4e5f60718", "i-0a1b2c3d4e5f60719"] }, instanceType: "p4d.24xlarge" },
          { instanceIds: { item: "i-0a1b2c3d4e5f6071a" }, instanceType: "g5.12xlarge" },
        ],
      },
      20,
    ],
    ["none", "", 0],
  ])("CreateFleet was given %s", (_what, fleetInstanceSet, count) => {
    const record = ec2("CreateFleet", fleet({ InstanceType: "p4d.24xlarge" }, 10), {
      responseElements: { CreateFleetResponse: { fleetInstanceSet, fleetId: "fleet-1" } },
    });
    expect([read("gpu.requested", record), read("gpu.count", record)]).toEqual([80, count]);
  });

  const node = (parts: JsonObject): JsonObject => ({ instanceGroupName: "w", status: "Pending", ...parts });
  test.for<[string, JsonObject, Json, readonly [requested: number, count: number]]>([
    [
      "the nodes that came",
      { instanceTypes: ["ml.p4d.24xlarge"] },
      [node({ instanceTypes: ["ml.p4d.24xlarge"] })],
      [24, 8],
    ],
    ["what was asked for, where they name no type", { instanceTypes: ["ml.p4d.24xlarge"] }, [node({})], [24, 24]],
    [
      "the types of the response, where the request names none",
      {},
      [node({ instanceTypes: ["ml.p4d.24xlarge"] })],
      [8, 8],
    ],
  ])("BatchAddClusterNodes: %s", ([, asked, successful, figures]) => {
    const nodesToAdd = [{ instanceGroupName: "w", incrementTargetCountBy: 3, ...asked }];
    const record = call("sagemaker", "BatchAddClusterNodes", {
      request: { clusterName: "c", nodesToAdd },
      rest: { responseElements: { successful, failed: [] } },
    });
    expect([read("gpu.requested", record), read("gpu.count", record)]).toEqual(figures);
  });

  test("PurchaseCapacityBlock says in its response what the offer is, and refused it tells nothing", () => {
    const refused = { ...block, responseElements: null, errorCode: "Client.UnauthorizedOperation" };
    expect(NAMES.slice(0, 3).map((name) => read(name, block))).toEqual([16, 16, "H100"]);
    expect(NAMES.slice(0, 3).map((name) => read(name, refused))).toEqual([0, 0, null]);
  });

  test("a dry run was given nothing", () => {
    const record = ec2("RunInstances", { instanceType: "p4d.24xlarge" }, { errorCode: "Client.DryRunOperation" });
    expect([read("gpu.requested", record), read("gpu.count", record)]).toEqual([8, 0]);
  });
});

test("each model once, in the order of the record", () => {
  const types = ["ml.g5.xlarge", "ml.p4de.24xlarge", "ml.p4d.24xlarge", "ml.m5.large"];
  const record = sagemaker("CreateCluster", {
    instanceGroups: types.map((instanceType) => ({ instanceType, instanceCount: 1 })),
  });
  expect(read("gpu.model", record)).toEqual(["A10G", "A100"]);
});

test.each([
  ["p4d.24xlarge", 8, "A100"],
  ["p5.48xlarge", 8, "H100"],
  ["p5.4xlarge", 1, "H100"],
  ["g5.12xlarge", 4, "A10G"],
  ["g6f.large", 0.125, "L4"],
  ["trn1.32xlarge", 16, "Trainium"],
  ["inf2.48xlarge", 12, "Inferentia2"],
  ["dl1.24xlarge", 8, "Gaudi HL-205"],
])("%s has %s %s", (type, count, model) => {
  expect(ACCELERATORS[type]).toEqual([count, model]);
});

test("a record costs its length, whatever it holds", () => {
  const many = Array.from({ length: 50_000 }, () => ({}));
  const wide = { instancesSet: { items: many }, instanceType: many, maxCount: many, launchTemplateConfigs: many };
  const pools = { instancePools: many, instanceType: many, initialInstanceCount: many };
  const records = [
    ec2("RunInstances", wide),
    ec2("CreateFleet", { ...wide, launchTemplateConfigs: [{ overrides: many }] }),
    sagemaker("CreateEndpointConfig", { productionVariants: [pools, pools] }),
  ];
  const started = cpuMs();
  expect(records.map((record) => read("gpu.requested", record))).toEqual([0, 0, 0]);
  // Quadratic it would take minutes.
  expect(cpuMs() - started).toBeLessThan(2000);
});

test("any record at all gives a figure, and is left as it is", () => {
  const words = [
    "instancesSet", "items", "item", "instanceType", "maxCount", "value", "resourceConfig", "instanceGroups", "instanceCount",
    "trainingJobDefinitions", "CreateFleetRequest", "LaunchTemplateConfigs", "Overrides", "productionVariants",
    "instancePools", "__proto__", "constructor", "responseElements", "requestParameters", "weightedCapacity",
  ] as const; // prettier-ignore
  const leaf = fc.oneof(
    fc.constantFrom("p5.48xlarge", "ml.p4d.24xlarge", "9", "-1", "toString"),
    fc.double(),
    fc.constant(null),
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { depthSize: "medium" },
      leaf,
      fc.array(tie("tree"), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom(...words), tie("tree"), { maxKeys: 5 }),
    ),
  }));
  const names = [...CALLS.entries()];
  fc.assert(
    fc.property(
      fc.constantFrom(...names),
      fc.tuple(tree, tree, tree),
      ([eventName, { source }], [request, response, errorCode]) => {
        const text = JSON.stringify({
          ...call(source, eventName, { request: request as Json }),
          responseElements: response,
          errorCode,
        });
        const record = json(text);
        const [requested, count, , usd] = NAMES.map((name) => read(name, record));
        expect(JSON.stringify(record)).toBe(text);
        for (const figure of [requested, count, usd ?? 0])
          expect(Number.isFinite(figure) && Number(figure) >= 0).toBe(true);
      },
    ),
    { numRuns: 2000 },
  );
});

test("rules meet each of several models, a sum of accelerators, and a missing price", () => {
  const rules = [
    ruleOf("model", text("enrich.gpu.model", "h100")),
    ruleOf("many", leaf("enrich.gpu.requested", { type: "compare", operator: "gte", value: 12, part: null })),
    ruleOf("unpriced", leaf("enrich.price.known", { type: "boolean", value: false })),
    ruleOf("cost", leaf("enrich.usd_per_hour", { type: "exists", value: true })),
  ];
  const compiled = compileRules(setOf(rules), { lists: NO_LISTS, fields });
  const meet = (...types: readonly string[]): string[] => {
    const groups = types.map((instanceType) => ({ instanceType, instanceCount: 1 }));
    const event = eventOf(sagemaker("CreateCluster", { instanceGroups: groups }), { region: "us-east-1" });
    return compiled.evaluate(event).map((index) => compiled.detections[index]?.title ?? "");
  };
  expect([
    meet("ml.g5.12xlarge", "ml.p5.48xlarge"),
    meet("ml.trn2.48xlarge"),
    meet("ml.p5.4xlarge"),
    meet("ml.m5.large"),
  ]).toEqual([["model", "many", "cost"], ["many", "unpriced"], ["model", "cost"], []]);
});
