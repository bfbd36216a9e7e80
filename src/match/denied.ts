/**
 * The many spellings in which AWS services say that a call was not allowed.
 *
 * Each service names the error itself, some with a prefix ("Client.", "KMS."), some with a suffix ("Exception", "Fault").
 * Both are taken off before the look-up. Codes of the API references and of captured records (data-notes.md, section 3).
 * It need not be the caller's own permission: that of a role or key which the call makes use of counts, too.
 * Failures of authentication (a bad key, an expired token) are not here: they say nothing about permissions. Nor are codes
 * that also stand for something else, such as OperationNotPermitted (a state that does not allow it), InvalidAccess
 * (Security Hub is off), OrganizationAccessDenied (an organization that changed) or a resource policy that is too narrow.
 */
import type { Event, Json } from "../model/event.ts";
import { textAt } from "../lib/json.ts";

/** Without prefix and suffix, lower case. */
const DENIED: ReadonlySet<string> = new Set([
  "accessdenied",
  "accessdeniedfordependency",
  "accessforbidden",
  "accesstoclusterdenied",
  "accesstosnapshotdenied",
  "allaccessdisabled",
  "authorization",
  "authorizationerror",
  "cloudhsmaccessdenied",
  "dependencyaccessdenied",
  "dependentserviceaccessdenied",
  "ec2accessdenied",
  "encryptionkeyaccessdenied",
  "explicitdeny",
  "forbidden",
  "forbiddenerror",
  "iamrolemissingpermissions",
  "insufficientdependencyserviceaccesspermission",
  "insufficientiamaccesspermission",
  "insufficientpermissions",
  "insufficientprivileges",
  "kmsaccessdenied",
  "notauthorized",
  "opsitemaccessdenied",
  "s3accessdenied",
  "snsnoauthorization",
  "unauthorized",
  "unauthorizedaccess",
  "unauthorizedoperation",
  "unauthorizedresourceaccess",
  "usernotauthorized",
  "waflogdestinationpermissionissue",
]);

/** True when the code, such as "Client.UnauthorizedOperation", means that a permission was missing. */
export function isDenied(errorCode: string): boolean {
  if (errorCode === "") return false;
  const bare = errorCode.slice(errorCode.lastIndexOf(".") + 1).toLowerCase();
  return DENIED.has(bare.replace(/(?:exception|fault)$/, ""));
}

/** The field `enrich.denied`. Reads the record, whose code is whole; the evidence line may be cut. */
export function deniedField(event: Event): Json {
  return isDenied(textAt(event.record, "errorCode"));
}
