/**
 * Needs as IAM policies: one for the identity that Sagewatch runs as, and for each role that it assumes a policy and a trust.
 *
 * Needs with the same resources and condition become one statement; statements, actions and resources stand in a fixed
 * order, so that the same configuration gives the same text. Pure.
 */
import type { Caller, Condition, Need } from "./needs.ts";

/** A statement as IAM has it. */
export type Statement = {
  readonly Effect: "Allow";
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: Condition;
};
/** A policy of an identity. */
export type Policy = { readonly Version: "2012-10-17"; readonly Statement: readonly Statement[] };

/** Who may assume a role. */
export type TrustPolicy = {
  readonly Version: "2012-10-17";
  readonly Statement: readonly [
    {
      readonly Effect: "Allow";
      readonly Principal: { readonly AWS: string };
      readonly Action: "sts:AssumeRole";
      readonly Condition?: Condition;
    },
  ];
};

/** All that a configuration needs. */
export type Policies = {
  /** Of the identity that Sagewatch runs as. */
  readonly policy: Policy;
  readonly roles: readonly {
    readonly role: string;
    readonly account: string;
    readonly policy: Policy;
    readonly trust: TrustPolicy;
  }[];
};

/** Stands in trust policies until the ARN of the identity is given. */
export const PRINCIPAL_UNKNOWN = "ARN_OF_THE_IDENTITY_THAT_SAGEWATCH_RUNS_AS";

/** The policies of needs. `principal`: ARN of the identity that Sagewatch runs as, for the roles' trust. */
export function toPolicies(needs: readonly Need[], principal: string = PRINCIPAL_UNKNOWN): Policies {
  const callers = new Map<string, NonNullable<Caller>>();
  for (const { by } of needs) if (by !== null) callers.set(by.role, by);
  return {
    policy: toPolicy(needs.filter(({ by }) => by === null)),
    roles: [...callers.values()]
      .toSorted((one, other) => compare(one.role, other.role))
      .map((caller) => ({
        role: caller.role,
        account: caller.role.split(":")[4] ?? "",
        policy: toPolicy(needs.filter(({ by }) => by?.role === caller.role)),
        trust: toTrust(caller, principal),
      })),
  };
}

function toTrust({ externalId }: NonNullable<Caller>, principal: string): TrustPolicy {
  const condition = { StringEquals: { "sts:ExternalId": [externalId ?? ""] } };
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { AWS: principal },
        Action: "sts:AssumeRole",
        ...(externalId === null ? {} : { Condition: condition }),
      },
    ],
  };
}

/** The policy of one identity's needs. */
export function toPolicy(needs: readonly Pick<Need, "action" | "resource" | "condition">[]): Policy {
  const byAction = new Map<string, { action: string; resources: Set<string>; condition: Condition | undefined }>();
  for (const { action, resource, condition } of needs) {
    const key = JSON.stringify([action, condition]);
    const entry = byAction.get(key) ?? { action, resources: new Set<string>(), condition };
    byAction.set(key, entry);
    entry.resources.add(resource);
  }
  const merged = new Map<
    string,
    { actions: string[]; resources: readonly string[]; condition: Condition | undefined }
  >();
  for (const { action, resources, condition } of byAction.values()) {
    const sorted = [...resources].toSorted(compare);
    const key = JSON.stringify([sorted, condition]);
    const entry = merged.get(key) ?? { actions: [], resources: sorted, condition };
    merged.set(key, entry);
    entry.actions.push(action);
  }
  const statements = [...merged.values()].map(({ actions, resources, condition }): Statement => ({
    Effect: "Allow",
    Action: actions.toSorted(compare),
    Resource: resources,
    ...(condition === undefined ? {} : { Condition: condition }),
  }));
  return { Version: "2012-10-17", Statement: statements.toSorted((a, b) => compare(orderOf(a), orderOf(b))) };
}

function orderOf(statement: Statement): string {
  return JSON.stringify([statement.Action, statement.Resource, statement.Condition ?? null]);
}

/** By code units: the same on every machine. */
function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
