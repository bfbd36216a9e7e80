/**
 * The script that a machine of ECS begins with, run for real in a folder in the place of its root, with stand-ins for the
 * programs that touch disks: it never formats a volume that has a state, and a machine joins the cluster with its state alone.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fillTemplate } from "../hcl.ts";

const template = join(import.meta.dirname, "../../../deploy/terraform/machine.sh.tftpl");
const DEVICE = "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0";
const PROGRAMS = ["blkid", "mkfs.xfs", "mount", "chown", "systemctl", "sleep"];

let root = "";
beforeEach(() => void (root = mkdtempSync(join(tmpdir(), "sagewatch-machine-"))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** What the stand-ins were called with, and the configuration of ECS's agent. `bodies`: what a stand-in does beside. */
function boot(bodies: Readonly<Record<string, string>>): {
  readonly calls: readonly string[];
  readonly joined: string;
} {
  for (const name of PROGRAMS) {
    write(`bin/${name}`, `#!/bin/bash\necho "${name} $*" >> "${root}/calls"\n${bodies[name] ?? ""}\n`);
    chmodSync(join(root, "bin", name), 0o755);
  }
  write("etc/fstab", "");
  write("etc/ecs/ecs.config", "");
  const script = fillTemplate(template, { volume: "vol0", cluster: "sagewatch" });
  const moved = script.replaceAll(/(?<=[\s="'])\/(?=(?:dev|etc|var)\/)/g, `${root}/`);
  spawnSync("/bin/bash", ["-c", moved], { env: { PATH: `${join(root, "bin")}:/usr/bin:/bin` } });
  const calls = existsSync(join(root, "calls")) ? readFileSync(join(root, "calls"), "utf8") : "";
  return {
    calls: calls.replaceAll(root, "").trim().split("\n"),
    joined: readFileSync(join(root, "etc/ecs/ecs.config"), "utf8"),
  };
}

const JOINED = "ECS_CLUSTER=sagewatch\nECS_AWSVPC_BLOCK_IMDS=true\n";

test("a blank volume is formatted, mounted at each start, given to the container's user; then the machine joins", () => {
  write(DEVICE, "");
  const { calls, joined } = boot({ blkid: "exit 2" });
  expect(calls).toEqual([
    `blkid -o value -s TYPE ${DEVICE}`,
    `mkfs.xfs ${DEVICE}`,
    "mount /var/lib/sagewatch",
    "chown 1000:1000 /var/lib/sagewatch",
    "systemctl daemon-reload",
  ]);
  expect(joined).toBe(JOINED);
  expect(readFileSync(join(root, "etc/fstab"), "utf8")).toContain(`${DEVICE} ${root}/var/lib/sagewatch xfs`);
  expect(readFileSync(join(root, "etc/systemd/system/ecs.service.d/state.conf"), "utf8")).toContain(
    "RequiresMountsFor=",
  );
});

test("a volume that has a state is mounted as it is", () => {
  write(DEVICE, "");
  const { calls, joined } = boot({ blkid: "echo xfs" });
  expect(calls.filter((call) => call.startsWith("mkfs"))).toEqual([]);
  expect(joined).toBe(JOINED);
});

test("a machine without its volume, or that cannot mount it, does not join the cluster", () => {
  expect(boot({ blkid: "exit 2", "mkfs.xfs": "exit 1" }).joined).toBe("");
  write(DEVICE, "");
  expect(boot({ blkid: "echo xfs", mount: "exit 32" }).joined).toBe("");
});
