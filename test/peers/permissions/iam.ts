/**
 * Users, roles and their policies in a peer that checks both, by signed queries: there is no client of IAM among the packages.
 *
 * Whoever asks is the peer's root, which may do everything.
 */
import { Sha256 } from "@smithy/core/checksum";
import { SignatureV4 } from "@smithy/signature-v4";
import { EMULATOR_CREDENTIALS } from "../../fakes/emulator.ts";

export type Iam = {
  /** A user, and its key. */
  createUser(name: string): Promise<{ readonly accessKeyId: string; readonly secretAccessKey: string }>;
  createRole(name: string, trust: object): Promise<void>;
  /** Takes the place of the policy that it had. */
  setUserPolicy(name: string, policy: object): Promise<void>;
  setRolePolicy(name: string, policy: object): Promise<void>;
};

const VERSION = "2010-05-08";
const POLICY = "sagewatch";

/** IAM of the peer at `url`. */
export function openIam(url: string): Iam {
  const call = (parameters: Readonly<Record<string, string>>): Promise<string> => ask(url, parameters);
  return {
    createUser: async (UserName) => {
      await call({ Action: "CreateUser", UserName });
      const answer = await call({ Action: "CreateAccessKey", UserName });
      return { accessKeyId: read(answer, "AccessKeyId"), secretAccessKey: read(answer, "SecretAccessKey") };
    },
    createRole: async (RoleName, trust) => {
      await call({ Action: "CreateRole", RoleName, AssumeRolePolicyDocument: JSON.stringify(trust) });
    },
    setUserPolicy: async (UserName, policy) => {
      await call({ Action: "PutUserPolicy", UserName, PolicyName: POLICY, PolicyDocument: JSON.stringify(policy) });
    },
    setRolePolicy: async (RoleName, policy) => {
      await call({ Action: "PutRolePolicy", RoleName, PolicyName: POLICY, PolicyDocument: JSON.stringify(policy) });
    },
  };
}

async function ask(url: string, parameters: Readonly<Record<string, string>>): Promise<string> {
  const { hostname, port, host } = new URL(url);
  const body = new URLSearchParams({ Version: VERSION, ...parameters }).toString();
  const signer = new SignatureV4({
    credentials: EMULATOR_CREDENTIALS,
    region: "us-east-1",
    service: "iam",
    sha256: Sha256,
  });
  const headers = { host, "content-type": "application/x-www-form-urlencoded" };
  const request = { method: "POST", protocol: "http:", hostname, port: Number(port), path: "/", headers, query: {} };
  const signed = await signer.sign({ ...request, body });
  const answer = await fetch(url, { method: "POST", headers: signed.headers, body });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${parameters["Action"]}: ${answer.status} ${text.slice(0, 500)}`);
  return text;
}

function read(xml: string, name: string): string {
  const [, found] = new RegExp(`<${name}>([^<]+)</${name}>`).exec(xml) ?? [];
  if (found === undefined) throw new Error(`no ${name} in ${xml.slice(0, 500)}`);
  return found;
}
