/**
 * Certificates for the tests: an authority, a server for 127.0.0.1 and localhost, and a client, as PEM texts.
 *
 * Made in milliseconds without any program: Node signs, the few structures of X.509 (RFC 5280) that are needed are written
 * out here. Valid from an hour ago for ten years; P-256 keys. For tests only.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

/** PEM texts; `key` is PKCS #8. */
export type Pair = { readonly cert: string; readonly key: string };
export type Pki = { readonly ca: Pair; readonly server: Pair; readonly client: Pair };

const [SEQUENCE, SET, OID, UTF8, BITS, OCTETS, INTEGER, BOOLEAN, UTC_TIME] = [
  0x30, 0x31, 0x06, 0x0c, 0x03, 0x04, 0x02, 0x01, 0x17,
];
const ECDSA_SHA256 = der(SEQUENCE, oid("2a8648ce3d040302"));
const YEARS_MS = 10 * 365 * 86_400_000;

/** Makes an authority and two certificates of it; `endMs`: when those end, ten years from now unless given. */
export function makePki(endMs: number = Date.now() + YEARS_MS): Pki {
  const ca = keys();
  const [server, client] = [keys(), keys()];
  const issuer = { name: "Sagewatch Test CA", key: ca.privateKey };
  const san = der(
    SEQUENCE,
    Buffer.concat([der(0x82, Buffer.from("localhost")), der(0x87, Buffer.from([127, 0, 0, 1]))]),
  );
  return {
    ca: pair(issuer.name, ca, issuer, extension("551d13", der(SEQUENCE, der(BOOLEAN, Buffer.from([0xff]))), true)),
    server: pair("localhost", server, issuer, extension("551d11", san, false), endMs),
    client: pair("sagewatch", client, issuer, Buffer.alloc(0), endMs),
  };
}

type Keys = { readonly publicKey: KeyObject; readonly privateKey: KeyObject };

function keys(): Keys {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

// oxlint-disable-next-line max-params -- the five parts of a certificate
function pair(
  name: string,
  own: Keys,
  issuer: { name: string; key: KeyObject },
  extensions: Buffer,
  endMs = Date.now() + YEARS_MS,
): Pair {
  const body = der(
    SEQUENCE,
    Buffer.concat([
      der(0xa0, der(INTEGER, Buffer.from([2]))),
      der(INTEGER, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
      ECDSA_SHA256,
      toName(issuer.name),
      der(SEQUENCE, Buffer.concat([time(Math.min(Date.now(), endMs) - 3_600_000), time(endMs)])),
      toName(name),
      own.publicKey.export({ type: "spki", format: "der" }),
      extensions.length === 0 ? extensions : der(0xa3, der(SEQUENCE, extensions)),
    ]),
  );
  const signature = sign("sha256", body, issuer.key);
  const whole = der(
    SEQUENCE,
    Buffer.concat([body, ECDSA_SHA256, der(BITS, Buffer.concat([Buffer.from([0]), signature]))]),
  );
  const lines = whole.toString("base64").replace(/.{64}/g, "$&\n").trimEnd();
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: own.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

function toName(text: string): Buffer {
  return der(SEQUENCE, der(SET, der(SEQUENCE, Buffer.concat([oid("550403"), der(UTF8, Buffer.from(text))]))));
}

function extension(id: string, value: Buffer, isCritical: boolean): Buffer {
  const critical = isCritical ? der(BOOLEAN, Buffer.from([0xff])) : Buffer.alloc(0);
  return der(SEQUENCE, Buffer.concat([oid(id), critical, der(OCTETS, value)]));
}

function time(epochMs: number): Buffer {
  const text = new Date(epochMs).toISOString().replace(/[-:T]|\.\d+/g, "");
  return der(UTC_TIME, Buffer.from(text.slice(2)));
}

function oid(hex: string): Buffer {
  return der(OID, Buffer.from(hex, "hex"));
}

/** A value with its tag and length, as DER has it. */
function der(tag: number, value: Buffer): Buffer {
  const { length } = value;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), value]);
}
