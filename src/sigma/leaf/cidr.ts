/**
 * IP networks of rules against addresses of records, IPv4 and IPv6.
 *
 * `::ffff:a.b.c.d` counts as the IPv4 address it carries. Host bits of a network are masked away. Whatever is no address
 * ("AWS Internal", a host name, a list, an octet with a leading zero) is simply in no network. Pure.
 */

import { TextCache } from "../../lib/texts/cache.ts";

/** An address as eight 16-bit groups, IPv4 in the mapped form. */
export type Address = { readonly family: 4 | 6; readonly groups: readonly number[] };

const OCTET = /^(?:0|[1-9]\d{0,2})$/;
const GROUP = /^[0-9a-f]{1,4}$/i;
/** Length of the mapped prefix of IPv4 inside IPv6 (RFC 4291, 2.5.5.2). */
const MAPPED_BITS = 96;

/** Reads an address; null for anything else. */
export function parseAddress(text: string): Address | null {
  if (!text.includes(":")) {
    const groups = parseV4(text);
    return groups === null ? null : { family: 4, groups: [0, 0, 0, 0, 0, 0xffff, ...groups] };
  }
  const groups = parseV6(text);
  return groups === null ? null : { family: isMapped(groups) ? 4 : 6, groups };
}

/** A network: an address and the number of leading bits that count, over the mapped form. */
export type Network = { readonly family: 4 | 6; readonly groups: readonly number[]; readonly bits: number };

/** Reads "ADDRESS/BITS" or a bare address; null when it is neither. */
export function parseNetwork(text: string): Network | null {
  const slash = text.indexOf("/");
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === null) return null;
  const v4Text = !text.includes(":");
  const most = v4Text ? 32 : 128;
  const suffix = slash < 0 ? String(most) : text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(suffix) || Number(suffix) > most) return null;
  const bits = v4Text ? Number(suffix) + MAPPED_BITS : Number(suffix);
  return { family: bits >= MAPPED_BITS ? address.family : 6, groups: address.groups, bits };
}

/** Addresses that were asked for last: each is asked for by all networks of all rules, and callers come again. */
const addresses = new TextCache<Address | null>();
/** No address is longer. */
const ADDRESS_MAX = 45;

function addressOf(text: string): Address | null {
  if (text.length > ADDRESS_MAX) return null;
  const known = addresses.get(text);
  if (known !== undefined) return known;
  const address = parseAddress(text);
  addresses.set(text, address);
  return address;
}

/** Compiles a network; null when the text is none. */
export function compileCidr(text: string): ((candidate: string) => boolean) | null {
  const network = parseNetwork(text);
  if (network === null) return null;
  return (candidate) => {
    const address = addressOf(candidate);
    return address !== null && address.family === network.family && inNetwork(address.groups, network);
  };
}

function inNetwork(groups: readonly number[], network: Network): boolean {
  for (let index = 0; index < 8; index += 1) {
    const bits = Math.min(16, network.bits - index * 16);
    if (bits <= 0) return true;
    const mask = (0xffff << (16 - bits)) & 0xffff;
    if ((((groups[index] ?? 0) ^ (network.groups[index] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}

/** Two 16-bit groups of a dotted quad, or null. */
function parseV4(text: string): readonly [number, number] | null {
  if (text.length < 7 || text.length > 15) return null;
  const octets = text.split(".");
  if (octets.length !== 4 || !octets.every((octet) => OCTET.test(octet) && Number(octet) < 256)) return null;
  const [a = 0, b = 0, c = 0, d = 0] = octets.map(Number);
  return [a * 256 + b, c * 256 + d];
}

function parseV6(text: string): readonly number[] | null {
  if (text.length > ADDRESS_MAX) return null;
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0] ?? "");
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? "") : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1) return missing === 0 ? head : null;
  return missing < 1 ? null : [...head, ...Array.from({ length: missing }, () => 0), ...tail];
}

/** The groups of one side of `::`; a dotted quad may stand last. */
function parseGroups(text: string): number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    const quad = index === parts.length - 1 && part.includes(".") ? parseV4(part) : null;
    if (quad !== null) groups.push(...quad);
    else if (GROUP.test(part)) groups.push(Number.parseInt(part, 16));
    else return null;
  }
  return groups;
}

function isMapped(groups: readonly number[]): boolean {
  return groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
}
