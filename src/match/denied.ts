/**
 * The many spellings in which AWS services say that a call was not allowed.
 *
 * Each service names the error itself, some with a prefix ("Client.", "KMS."), some with a suffix ("Exception", "Fault").
 * Both are taken off before the look-up. Codes of the API references and of captured records (data-notes.md, section 3).
 * Failures of authentication (a bad key, an expired token) are not here: they say nothing about permissions.
 */
import type { Event, Json } from "../model/event.ts";
import { textAt } from "../lib/json.ts";

/** Without prefix and suffix, lower case. */
const DENIED: ReadonlySet<string> = new Set([
  "accessdenied",
  "accessforbidden",
  "allaccessdisabled",
  "authorizationerror",
  "explicitdeny",
  "forbidden",
  "insufficientprivileges",
  "notauthorized",
  "unauthorized",
  "unauthorizedaccess",
  "unauthorizedoperation",
  "usernotauthorized",
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
