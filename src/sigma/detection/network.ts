/**
 * IP networks as rules write them (`cidr`), masked and brought to one spelling, so that a rule means the same however
 * its author wrote the network. Reading addresses is in ../leaf/cidr.ts; nothing is matched here.
 */
import { parseNetwork } from "../leaf/cidr.ts";

/** A network in its one spelling (RFC 5952 for IPv6), and whether bits beyond the prefix were set as written. */
export type Spelling = { readonly text: string; readonly hostBits: boolean };

/** The one spelling of "10.0.0.0/8", "2001:db8::/32" or a bare address; null when the text is no network. */
export function toNetworkText(text: string): Spelling | null {
  const network = parseNetwork(text);
  if (network === null) return null;
  const masked = network.groups.map((group, index) => group & maskOf(network.bits - index * 16));
  const hostBits = masked.some((group, index) => group !== network.groups[index]);
  if (text.includes(":")) return { text: `${compress(masked)}/${network.bits}`, hostBits };
  const [high = 0, low = 0] = masked.slice(6);
  return { text: `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}/${network.bits - 96}`, hostBits };
}

/** The leading `bits` (clamped to 0..16) of a 16-bit group. */
function maskOf(bits: number): number {
  return (0xffff << (16 - Math.max(0, Math.min(16, bits)))) & 0xffff;
}

/** Lower case, the longest run of zeros (two or more, the first of equals) as "::". */
function compress(groups: readonly number[]): string {
  const text = groups.map((group) => group.toString(16)).join(":");
  const runs = [...text.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].map(([run]) => run);
  const zeros = (run: string): number => run.replaceAll(":", "").length;
  const longest = runs.reduce((best, run) => (zeros(run) > zeros(best) ? run : best), "");
  return longest === "" ? text : text.replace(longest, "::").replace(":::", "::");
}
