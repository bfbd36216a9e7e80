/**
 * Who made a CloudTrail call, from `userIdentity` in all the forms it comes in.
 *
 * The id is what alerts and groups go by: of an assumed role the role, so that rotating session names change nothing. Some
 * records lack its issuer: then the role is made of the session's ARN.
 * The kind is a judgement, made by these rules and no others:
 * root      type Root.
 * human     IAMUser, FederatedUser, SAMLUser, IdentityCenterUser, Directory; an assumed role that people come by: one of
 *           IAM Identity Center (AWSReservedSSO_…), one whose session had MFA, one whose session is named by an e-mail address.
 * service   AWSService, or nothing but `invokedBy`.
 * workload  all other assumed roles, Role, WebIdentityUser (OIDC: pipelines, pods).
 * unknown   the rest: another account (AWSAccount), Unknown, no identity.
 * Field reference: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
 */
import { ownValue, textAt } from "../../lib/json.ts";
import type { Principal } from "../../model/event.ts";

const KINDS: ReadonlyMap<string, Principal["kind"]> = new Map([
  ["Root", "root"],
  ["IAMUser", "human"],
  ["FederatedUser", "human"],
  ["SAMLUser", "human"],
  ["IdentityCenterUser", "human"],
  ["Directory", "human"],
  ["AWSService", "service"],
  ["AssumedRole", "workload"],
  ["Role", "workload"],
  ["WebIdentityUser", "workload"],
]);

/** The principal of a `userIdentity`, whatever that is. */
export function toPrincipal(identity: unknown): Principal {
  const type = textAt(identity, "type");
  const issuer = ownValue(ownValue(identity, "sessionContext"), "sessionIssuer");
  const own = textAt(issuer, "arn") || toRoleArn(textAt(identity, "arn")) || toRoleId(textAt(identity, "principalId"));
  const id = own || textAt(identity, "invokedBy");
  const session = type === "AssumedRole" ? toSession(identity) : "";
  return {
    id,
    name: toName(id),
    kind: toKind({ type, identity, session, isService: own === "" && id !== "" }),
    session,
  };
}

/** Last part of a path; of an ARN without one (…:root), its last field. */
export function toName(id: string): string {
  const path = id.slice(id.lastIndexOf("/") + 1);
  return path.startsWith("arn:") ? path.slice(path.lastIndexOf(":") + 1) : path;
}

/**
 * The role behind the ARN of one of its sessions, every other ARN as it is. STS leaves the role's path out, so that a role
 * with a path has another ARN here than as an issuer: two ids a role at most, not one a session.
 */
export function toRoleArn(arn: string): string {
  const [, partition, account, role] = /^arn:([^:]+):sts:[^:]*:([^:]*):assumed-role\/(.+)\/[^/]*$/.exec(arn) ?? [];
  return role === undefined ? arn : `arn:${partition}:iam::${account}:role/${role}`;
}

/**
 * The role's own id of "AROA…:SESSION", every other principal id as it is
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids).
 */
export function toRoleId(principalId: string): string {
  return /^AROA[A-Z0-9]+(?=:)/.exec(principalId)?.[0] ?? principalId;
}

/** Session name: behind the role in arn:aws:sts::ID:assumed-role/ROLE/SESSION, or behind the colon in the principal id. */
function toSession(identity: unknown): string {
  const arn = textAt(identity, "arn");
  const [, fromArn = ""] = /:assumed-role\/.*\/([^/]+)$/.exec(arn) ?? [];
  if (fromArn !== "") return fromArn;
  const principalId = textAt(identity, "principalId");
  const colon = principalId.indexOf(":");
  return colon === -1 ? "" : principalId.slice(colon + 1);
}

type Actor = {
  readonly type: string;
  readonly identity: unknown;
  readonly session: string;
  readonly isService: boolean;
};

function toKind({ type, identity, session, isService }: Actor): Principal["kind"] {
  const kind = KINDS.get(type);
  if (kind === undefined) return isService ? "service" : "unknown";
  if (type !== "AssumedRole") return kind;
  const role =
    textAt(identity, "sessionContext", "sessionIssuer", "userName") ||
    toName(textAt(identity, "arn").replace(/\/[^/]*$/, ""));
  const hasMfa = textAt(identity, "sessionContext", "attributes", "mfaAuthenticated") === "true";
  return role.startsWith("AWSReservedSSO_") || hasMfa || session.includes("@") ? "human" : "workload";
}
