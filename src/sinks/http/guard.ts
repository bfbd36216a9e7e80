/**
 * Which addresses a sink may connect to: none that lies inside, unless the settings list it.
 *
 * A URL of the config may name a host whose owner answers with an inner address, later or every second time. So the
 * address is judged where the connection is made, after the name was resolved, and that very address is used. Denied are
 * loopback, private, link-local (with the machine's metadata), shared, multicast and reserved ranges, of both families,
 * also as IPv4 inside IPv6. Never tries a denied address.
 *
 * Without TLS only listed addresses are connected to, unless the settings say aloud that it may be read on the way.
 */
import { lookup as resolveName, type LookupAddress } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

/** https://www.iana.org/assignments/iana-ipv4-special-registry, and the same for IPv6. */
const DENIED = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "224.0.0.0/4",
  "240.0.0.0/4",
  "::/96",
  "::ffff:0:0:0/96",
  "64:ff9b::/96",
  "64:ff9b:1::/48",
  "2002::/16",
  "2001::/32",
  "fc00::/7",
  "fe80::/10",
  "fec0::/10",
  "ff00::/8",
];

/** Judges addresses, and resolves names to allowed ones only. */
export type AddressGuard = {
  /** Why an address may not be connected to; null when it may. */
  judge(address: string, isTls: boolean): Denial | null;
  /** For an agent's `lookup`: fails with a denial as its code when any address of the name is denied. */
  lookup(isTls: boolean): LookupFunction;
};
/** `address_denied`: it lies inside. `plain_denied`: it may be connected to with TLS only. */
export type Denial = "address_denied" | "plain_denied";

/** True for an address or a CIDR range. */
export function isRange(text: string): boolean {
  const [address = "", bits, more] = text.split("/");
  const family = isIP(address);
  if (family === 0 || more !== undefined || address.includes("%")) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** `allow`: addresses and ranges inside that are permitted all the same; `insecure`: plain HTTP to any other is too. */
export type GuardSettings = { readonly allow: readonly string[]; readonly insecure: boolean };

/** `resolve` default: the machine's resolver. */
export function createAddressGuard(
  { allow, insecure }: GuardSettings,
  resolve: typeof resolveName = resolveName,
): AddressGuard {
  const [denied, allowed] = [toList(DENIED), toList(allow)];
  const judge = (text: string, isTls: boolean): Denial | null => {
    const address = unmap(text);
    const family = isIP(address) === 4 ? "ipv4" : "ipv6";
    if (isIP(address) === 0) return "address_denied";
    if (allowed.check(address, family)) return null;
    if (denied.check(address, family)) return "address_denied";
    return isTls || insecure ? null : "plain_denied";
  };
  const lookup =
    (isTls: boolean): LookupFunction =>
    (host, options, done) => {
      resolve(host, { ...options, all: true }, (error, found: LookupAddress[]) => {
        const [first] = found ?? [];
        if (error !== null || first === undefined) return done(error ?? toFault("name_unknown"), "");
        const denial = found.map(({ address }) => judge(address, isTls)).find((one) => one !== null);
        if (denial !== undefined) return done(toFault(denial), "");
        if (options.all === true) return done(null, found);
        done(null, first.address, first.family);
      });
    };
  return { judge, lookup };
}

/** The host of a URL as a text for look-ups, and whether it is an address, which is never looked up. */
export function hostOf(url: URL): { readonly host: string; readonly isAddress: boolean } {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return { host, isAddress: isIP(host) !== 0 };
}

/** The IPv4 address that stands inside an IPv6 one, else the text itself. */
function unmap(text: string): string {
  if (isIP(text) !== 6) return text;
  const host = new URL(`http://[${text.replace(/%.*$/, "")}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(host);
  if (mapped === null) return host;
  const [high, low] = [mapped[1], mapped[2]].map((part) => Number.parseInt(part ?? "", 16)) as [number, number];
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

function toList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [text = "", bits] = range.split("/");
    const family = isIP(text) === 4 ? "ipv4" : "ipv6";
    list.addSubnet(text, bits === undefined ? (family === "ipv4" ? 32 : 128) : Number(bits), family);
  }
  return list;
}

function toFault(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}
