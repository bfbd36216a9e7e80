/**
 * Fills in the secrets of a loaded configuration from the variables and files that it names.
 *
 * It walks the resolved configuration once, at start, and tells every reference that leads nowhere. The environment is
 * handed in: only load.ts reads it. Values go into opaque secrets (model/secret.ts) and nowhere else.
 */
import { readFileSync } from "node:fs";
import { toMessage } from "../model/errors.ts";
import { describeRef, isSecret, type Secret, type SecretRef } from "../model/secret.ts";
import type { KeyPath } from "./shape.ts";

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A reference that leads nowhere. */
export type LostSecret = { readonly path: KeyPath; readonly text: string };

/** Fills every secret under `root`; gives those that could not be read. */
export function fillSecrets(root: unknown, environment: Environment): LostSecret[] {
  const lost: LostSecret[] = [];
  for (const { path, secret } of findSecrets(root, [])) {
    const read = readSecret(secret.ref, environment);
    if ("value" in read) secret.fill(read.value);
    else lost.push({ path, text: read.fault });
  }
  return lost;
}

/** The values of every secret under `root` that was filled. */
export function listSecrets(root: unknown): string[] {
  return [...findSecrets(root, [])].map(({ secret }) => secret.reveal());
}

function* findSecrets(value: unknown, path: KeyPath): Generator<{ path: KeyPath; secret: Secret }> {
  if (isSecret(value)) yield { path, secret: value };
  if (isSecret(value) || typeof value !== "object" || value === null) return;
  for (const [key, child] of Object.entries(value)) {
    yield* findSecrets(child, [...path, Array.isArray(value) ? Number(key) : key]);
  }
}

function readSecret(ref: SecretRef, environment: Environment): { value: string } | { fault: string } {
  if ("env" in ref) {
    const value = environment[ref.env];
    return value === undefined || value === "" ? { fault: `the variable ${ref.env} is not set` } : { value };
  }
  try {
    const value = readFileSync(ref.file, "utf8").replace(/\r?\n$/, "");
    return value === "" ? { fault: `${describeRef(ref)} is empty` } : { value };
  } catch (error) {
    return { fault: `${describeRef(ref)} cannot be read: ${toMessage(error)}` };
  }
}
