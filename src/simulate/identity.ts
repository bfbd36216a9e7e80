/**
 * `userIdentity` in its real forms, and callers made of them.
 *
 * Roles, IAM users, IAM Identity Center sessions, AWS services for themselves, web identities. Promised: a role keeps its
 * unique id and issuer ARN for the whole run while session names and keys change, as in reality.
 */
import { toUtcText } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import type { Caller, Json } from "./record.ts";
import { accessKeyId, SSO_REGION, uniqueId, type Account, type Person } from "./world.ts";

/** A role. `arn` is what an alert names as the principal of its sessions. */
export type Role = { readonly account: Account; readonly name: string; readonly id: string; readonly arn: string };

/** A session of a role. */
export type SessionOptions = {
  readonly role: Role;
  readonly name: string;
  /** When the session began, epoch ms. */
  readonly createdMs: number;
  /** False where AWS leaves out the key: a service with a service-linked role. Default true. */
  readonly hasKey?: boolean;
  readonly mfa?: boolean;
  /** Set for credentials of an EC2 instance profile. */
  readonly isInstance?: boolean;
};

/**
 * A role of an account. The unique id depends on the seed, account and name only.
 * @param pathAndName the name alone, or with an IAM path before it, as in `/aws-service-role/x/Name`
 */
export function createRole(random: Random, account: Account, pathAndName: string): Role {
  const cut = pathAndName.lastIndexOf("/") + 1;
  const name = pathAndName.slice(cut);
  const path = cut === 0 ? "/" : pathAndName.slice(0, cut);
  const id = uniqueId(random.fork(`role/${account.id}/${name}`), "AROA");
  return { account, name, id, arn: `arn:aws:iam::${account.id}:role${path}${name}` };
}

/** The role that IAM Identity Center keeps in an account for a permission set. */
export function createSsoRole(random: Random, account: Account, permissionSet: Person["permissionSet"]): Role {
  const suffix = random.fork(`sso/${account.id}/${permissionSet}`).hex(16);
  const path = `/aws-reserved/sso.amazonaws.com/${SSO_REGION}/`;
  return createRole(random, account, `${path}AWSReservedSSO_${permissionSet}_${suffix}`);
}

/** userIdentity of a role's session; keys, and the older empty `webIdFederationData` now and then, from `random`. */
export function assumedRole(random: Random, options: SessionOptions): Json {
  const { role } = options;
  const identity: Json = {
    type: "AssumedRole",
    principalId: `${role.id}:${options.name}`,
    arn: `arn:aws:sts::${role.account.id}:assumed-role/${role.name}/${options.name}`,
    accountId: role.account.id,
  };
  if (options.hasKey !== false) identity["accessKeyId"] = accessKeyId(random, "ASIA");
  const issuer = { type: "Role", principalId: role.id, arn: role.arn, accountId: role.account.id, userName: role.name };
  const attributes = { creationDate: toUtcText(options.createdMs), mfaAuthenticated: String(options.mfa ?? false) };
  const context: Json = { sessionIssuer: issuer };
  if (random.chance(0.25)) context["webIdFederationData"] = {};
  context["attributes"] = attributes;
  if (options.isInstance === true) context["ec2RoleDelivery"] = "2.0";
  identity["sessionContext"] = context;
  return identity;
}

/** userIdentity of an IAM user with a long-lived key. The id and key depend on the seed, account and name only. */
export function iamUser(random: Random, account: Account, userName: string): Json {
  const own = random.fork(`user/${account.id}/${userName}`);
  return {
    type: "IAMUser",
    principalId: uniqueId(own, "AIDA"),
    arn: `arn:aws:iam::${account.id}:user/${userName}`,
    accountId: account.id,
    accessKeyId: accessKeyId(own, "AKIA"),
    userName,
  };
}

/** userIdentity of an AWS service that acts for itself. */
export function awsService(name: string): Json {
  return { type: "AWSService", invokedBy: `${name}.amazonaws.com` };
}

/** userIdentity of a person at IAM Identity Center: ARN and key are empty texts there, not missing. */
export function identityCenterUser(random: Random, account: Account, person: Person): Json {
  const own = random.fork(`identity-center/${person.user}`);
  return {
    type: "IdentityCenterUser",
    principalId: own.uuid(),
    arn: "",
    accountId: account.id,
    accessKeyId: "",
    onBehalfOf: {
      userId: own.uuid(),
      identityStoreArn: `arn:aws:identitystore::${account.id}:identitystore/d-9367012345`,
    },
    credentialId: own.uuid(),
  };
}

/** A caller for records that an AWS service writes by itself; each call of it brings its own identity. */
export function serviceCaller(account: Account, name: string): Caller {
  const host = `${name}.amazonaws.com`;
  return { accountId: account.id, identity: awsService(name), address: host, userAgent: host };
}
