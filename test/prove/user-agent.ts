/**
 * Records under another user agent: an attacker chooses it, so no rule may hang on it.
 */
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** The record with "x" in the place of every `userAgent`. */
export function withOtherAgent(record: Uint8Array): Uint8Array {
  const text = decoder.decode(record);
  const changed = text.replace(/"userAgent":"(?:[^"\\]|\\.)*"/g, '"userAgent":"x"');
  if (changed === text && text.includes('"userAgent"')) throw new Error("the user agent could not be replaced");
  return encoder.encode(changed);
}
