/**
 * Takes credentials out of texts before they are logged.
 *
 * Errors of libraries and of the operating system can quote an address with a password, a header or a key. Configured
 * secrets are opaque already (model/secret.ts); this is the second line, for what comes from elsewhere. Pure and linear.
 * Key formats: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html (unique ids).
 */
import { SECRET_TEXT } from "../model/secret.ts";

const PATTERNS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/\b(?:AKIA|ASIA)[A-Z2-7]{16}\b/g, SECRET_TEXT],
  [/\b(authorization["']?\s*[:=]\s*["']?)(?:(?:bearer|basic|splunk|apikey)\s+)?[^\s"',;]+/gi, `$1${SECRET_TEXT}`],
  [/\b(bearer\s+)[\w.~+/=-]{8,}/gi, `$1${SECRET_TEXT}`],
  [/\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@"']{1,256}@/gi, `$1${SECRET_TEXT}@`],
  [/\b(X-Amz-(?:Signature|Credential|Security-Token)=)[^&\s"']+/gi, `$1${SECRET_TEXT}`],
  [
    /\b((?:aws_?)?(?:secret_?access_?key|session_?token|password|passwd|api_?key)["']?\s*[:=]\s*["']?)[^\s"',;&]+/gi,
    `$1${SECRET_TEXT}`,
  ],
];

/** `text` with every credential that can be told by its form replaced by "[secret]". */
export function redactText(text: string): string {
  return PATTERNS.reduce((cleaned, [pattern, replacement]) => cleaned.replace(pattern, replacement), text);
}

/** Shorter values would blank out ordinary words. */
const VALUE_CHARS = 6;

/** The same, and each of these values too: as it stands, in an address, in base64 and in JSON. */
export function createRedaction(values: readonly string[]): (text: string) => string {
  const forms = values.flatMap((value) =>
    value.length < VALUE_CHARS
      ? []
      : [
          value,
          encodeURIComponent(value.toWellFormed()),
          Buffer.from(value).toString("base64").replace(/=+$/, ""),
          JSON.stringify(value).slice(1, -1),
        ],
  );
  // The longest first: one may be a part of another.
  const all = [...new Set(forms)].toSorted((left, right) => right.length - left.length);
  return (text) => redactText(all.reduce((cleaned, form) => cleaned.replaceAll(form, SECRET_TEXT), text));
}
