import { expect, test } from "vitest";
import { isIpAddress } from "../../src/lib/ip-address.ts";

test.each([
  ["198.51.100.7", true],
  ["2001:db8::7", true],
  ["::ffff:198.51.100.7", true],
  ["", false],
  ["AWS Internal", false],
  ["sagemaker.amazonaws.com", false],
  ["198.51.100.7:443", false],
  ["198.51.100.07", false],
  ["256.1.1.1", false],
  [" 198.51.100.7", false],
  ["fe80::1%eth0", false],
])("%j is an address: %j", (text, expected) => {
  expect(isIpAddress(text)).toBe(expected);
});
