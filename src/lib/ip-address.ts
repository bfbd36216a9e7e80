/**
 * Tells an IP address from other text. Log fields that usually hold an address may hold a service name or anything else.
 */
import { isIP } from "node:net";

/** True for an IPv4 address in dotted form or an IPv6 address, without a zone index, a port or white space. */
export function isIpAddress(text: string): boolean {
  return !text.includes("%") && isIP(text) !== 0;
}
