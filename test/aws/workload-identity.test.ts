/**
 * Credentials as a pod in EKS and a task in ECS have them: a token file for STS (IRSA), or an address that gives keys (EKS
 * Pod Identity, ECS). Tokens are exchanged while the daemon runs, so each fetch reads them anew.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createCredentials } from "../../src/aws/credentials.ts";
import { systemClock } from "../../src/lib/clock.ts";

const ROLE = "arn:aws:iam::111122223333:role/sagewatch";
let folder = "";
let server: Server;
let address = "";
let asked: string[] = [];
let saved: NodeJS.ProcessEnv = {};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sagewatch-identity-"));
  asked = [];
  server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const token = new URLSearchParams(body).get("WebIdentityToken") ?? request.headers.authorization ?? "";
      asked.push(token);
      const isSts = request.method === "POST";
      response.setHeader("content-type", isSts ? "text/xml" : "application/json");
      response.end(isSts ? stsAnswer(token) : httpAnswer(token));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  saved = { ...process.env };
  for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) delete process.env[name];
  Object.assign(process.env, {
    AWS_CONFIG_FILE: join(folder, "config"),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, "credentials"),
    AWS_EC2_METADATA_DISABLED: "true",
  });
});

afterEach(async () => {
  for (const name of Object.keys(process.env)) if (!Object.hasOwn(saved, name)) delete process.env[name];
  Object.assign(process.env, saved);
  server.close();
  await once(server, "close");
  rmSync(folder, { recursive: true, force: true });
});

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

const expires = "2099-01-01T00:00:00Z";
const stsAnswer = (token: string): string => `<AssumeRoleWithWebIdentityResponse>
  <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIA-${token}</AccessKeyId>
  <SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken><Expiration>${expires}</Expiration>
  </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`;
const httpAnswer = (token: string): string =>
  JSON.stringify({ AccessKeyId: `ASIA-${token}`, SecretAccessKey: "secret", Token: "session", Expiration: expires });

test.each([
  ["IRSA", () => ({ AWS_WEB_IDENTITY_TOKEN_FILE: "token", AWS_ROLE_ARN: ROLE, AWS_ENDPOINT_URL_STS: address })],
  [
    "EKS Pod Identity",
    () => ({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${address}/v1/credentials`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: "token",
    }),
  ],
])(
  "%s: keys for the token of the file, kept until they are refused, then for the token that stands there now",
  async (_name, variables) => {
    const token = join(folder, "token");
    for (const [name, value] of Object.entries(variables())) process.env[name] = value === "token" ? token : value;
    writeFileSync(token, "first");
    const credentials = createCredentials({ region: "eu-west-1" }, null, { clock: systemClock });
    const given = await credentials();
    expect([given.accessKeyId, (await credentials()).accessKeyId, asked]).toEqual([
      "ASIA-first",
      "ASIA-first",
      ["first"],
    ]);
    writeFileSync(token, "second");
    credentials.drop(given.accessKeyId);
    expect([(await credentials()).accessKeyId, asked]).toEqual(["ASIA-second", ["first", "second"]]);
  },
);
