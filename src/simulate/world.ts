/**
 * The simulated company: five accounts, three Regions, teams in three time zones, and their addresses.
 *
 * Every other file of the simulator takes its names from here, so that the benign stream and the planted attacks speak
 * of the same people, roles and buckets. Account ids are the ones AWS prints in its documentation and addresses are from
 * the documentation ranges of RFC 5737: nothing here belongs to anybody. Nothing is drawn here but identifiers.
 */
import type { Random } from "../lib/random.ts";

/** A Region of the simulation. */
export type Region = "us-east-1" | "eu-west-1" | "ap-northeast-1";

/** The three Regions, the one of the global services first. */
export const REGIONS: readonly Region[] = ["us-east-1", "eu-west-1", "ap-northeast-1"];

/** An AWS account of the company. */
export type Account = {
  /** Twelve digits, a leading zero included: never a number. */
  readonly id: string;
  readonly name: "prod-ml" | "research" | "data-platform" | "shared-services" | "sandbox";
  readonly env: "prod" | "dev" | "shared";
  readonly owner: string;
  /** Share of the account's machine work by Region. */
  readonly regions: readonly (readonly [weight: number, region: Region])[];
};

/** A team: its working day is 09:00 to 18:00 at `utcOffsetHours`. */
export type Team = {
  readonly name: "ml-east" | "ml-berlin" | "ml-tokyo";
  /** Fixed offset: New York is on daylight time in the simulated days, Berlin and Tokyo are not. */
  readonly utcOffsetHours: number;
  readonly region: Region;
  /** First three bytes of the office's addresses. */
  readonly network: string;
};

/** A person who signs in through IAM Identity Center. */
export type Person = {
  readonly user: string;
  readonly team: Team;
  /** The permission set of the person, the same in each account. */
  readonly permissionSet: "MLEngineer" | "Researcher" | "DataEngineer" | "PlatformAdmin";
  readonly accounts: readonly Account["name"][];
};

const TEAMS = {
  east: { name: "ml-east", utcOffsetHours: -4, region: "us-east-1", network: "203.0.113" },
  berlin: { name: "ml-berlin", utcOffsetHours: 1, region: "eu-west-1", network: "192.0.2" },
  tokyo: { name: "ml-tokyo", utcOffsetHours: 9, region: "ap-northeast-1", network: "203.0.113" },
} as const satisfies Record<string, Team>;

/** The five accounts. */
export const ACCOUNTS: readonly Account[] = [
  {
    id: "111122223333",
    name: "prod-ml",
    env: "prod",
    owner: "ml-platform@example.com",
    regions: [
      [5, "us-east-1"],
      [3, "eu-west-1"],
      [2, "ap-northeast-1"],
    ],
  },
  {
    id: "012345678901",
    name: "research",
    env: "dev",
    owner: "research@example.com",
    regions: [
      [4, "us-east-1"],
      [4, "eu-west-1"],
      [1, "ap-northeast-1"],
    ],
  },
  {
    id: "444455556666",
    name: "data-platform",
    env: "prod",
    owner: "data-platform@example.com",
    regions: [
      [3, "us-east-1"],
      [5, "eu-west-1"],
    ],
  },
  {
    id: "777788889999",
    name: "shared-services",
    env: "shared",
    owner: "platform@example.com",
    regions: [
      [2, "us-east-1"],
      [5, "eu-west-1"],
    ],
  },
  {
    id: "123456789012",
    name: "sandbox",
    env: "dev",
    owner: "platform@example.com",
    regions: [[1, "us-east-1"]],
  },
];

/** The people. Those with "Researcher" call models; those who look at model settings are "PlatformAdmin". */
export const PEOPLE: readonly Person[] = [
  { user: "dana.whitfield", team: TEAMS.east, permissionSet: "MLEngineer", accounts: ["prod-ml", "research"] },
  { user: "marcus.bell", team: TEAMS.east, permissionSet: "Researcher", accounts: ["research", "sandbox"] },
  { user: "priya.raman", team: TEAMS.east, permissionSet: "DataEngineer", accounts: ["data-platform"] },
  { user: "owen.castillo", team: TEAMS.east, permissionSet: "PlatformAdmin", accounts: ["prod-ml", "shared-services"] },
  { user: "helena.brandt", team: TEAMS.berlin, permissionSet: "MLEngineer", accounts: ["prod-ml", "research"] },
  { user: "jonas.keller", team: TEAMS.berlin, permissionSet: "Researcher", accounts: ["research"] },
  { user: "mila.novak", team: TEAMS.berlin, permissionSet: "DataEngineer", accounts: ["data-platform", "research"] },
  { user: "tobias.lang", team: TEAMS.berlin, permissionSet: "PlatformAdmin", accounts: ["shared-services", "prod-ml"] },
  { user: "aiko.tanabe", team: TEAMS.tokyo, permissionSet: "MLEngineer", accounts: ["prod-ml"] },
  { user: "ren.kimura", team: TEAMS.tokyo, permissionSet: "Researcher", accounts: ["research"] },
  { user: "sota.mori", team: TEAMS.tokyo, permissionSet: "DataEngineer", accounts: ["data-platform"] },
];

/** An account outside the company, the receiver in attacks. */
export const FOREIGN_ACCOUNT_ID = "999988887777";

/** First three bytes of every address that attacks come from; no benign record has one. */
export const FOREIGN_NETWORK = "198.51.100";

/** Home Region of IAM Identity Center; it stands in the path of its roles. */
export const SSO_REGION: Region = "eu-west-1";

/** The account with that name. */
export function accountOf(name: Account["name"]): Account {
  return ACCOUNTS.find((account) => account.name === name) as Account;
}

/** The person with that name. */
export function personOf(user: string): Person {
  return PEOPLE.find((person) => person.user === user) as Person;
}

/** Base32 alphabet of AWS's unique ids and access keys. */
const ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** Capitals and digits, as in S3 request ids. */
export const CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/** Letters and digits, as in the last part of a delivery file's name. */
export const ALPHANUMERIC = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** A unique id as AWS writes them: a four-letter prefix, then 17 characters of base32. */
export function uniqueId(random: Random, prefix: "AROA" | "AIDA" | "AIPA"): string {
  return `${prefix}${random.text(ID_ALPHABET, 17)}`;
}

/** An access key id: AKIA for long-lived keys, ASIA for those of sessions, then 16 characters of base32. */
export function accessKeyId(random: Random, prefix: "AKIA" | "ASIA"): string {
  return `${prefix}${random.text(ID_ALPHABET, 16)}`;
}

/** The number that stands in the name of every bucket, so that names are the same for every seed. */
export function bucketName(
  account: Account,
  purpose: "training" | "models" | "logs" | "artifacts",
  region: Region,
): string {
  return `${account.name}-${purpose}-${region}`;
}

/** A resource id of EC2, such as `i-0f3c…`: the prefix, `0`, then 16 hexadecimal digits. */
export function resourceId(random: Random, prefix: string): string {
  return `${prefix}-0${random.hex(16)}`;
}
