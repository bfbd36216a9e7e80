/**
 * What `sagewatch doctor` tries on this machine: the state folder, its disk, the rules and the port.
 *
 * A file of a few bytes is written into a state folder that is there, and removed; a folder that is not there is not made.
 */
import { accessSync, constants, existsSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { createServer, connect } from "node:net";
import { dirname, join, resolve } from "node:path";
import { once } from "node:events";
import { readRules } from "../../compose/rules.ts";
import type { Config } from "../../config/schema.ts";
import { toMessage } from "../../model/errors.ts";
import type { Finding, Probe } from "../../model/probe.ts";
import { CONTROL_SOCKET } from "../../ops/control.ts";
import { DEFAULT_LIMITS } from "../../store/limits.ts";

const MIB = 1024 * 1024;
/** Beside the reserve: less fills up within the first hour of a busy account. */
const ROOM_LEAST = 64 * MIB;
const FREE_SHARE = 0.1;

/** File systems over a network, whose locks and syncs cannot be relied on: magic numbers of statfs(2). */
const REMOTE: Readonly<Record<number, string>> = {
  0x6969: "NFS",
  0xff534d42: "CIFS",
  0xfe534d42: "SMB",
  0x517b: "SMB",
  0x01021997: "9P",
  0x00c36400: "Ceph",
  0x5346414f: "AFS",
  0x0bd00bd0: "Lustre",
  0x01161970: "GFS2",
};
const TMPFS = 0x01021994;
const OVERLAY = 0x794c7630;

/** The probes of this machine. */
export function localProbes(config: Config): readonly Probe[] {
  return [
    { name: "state folder", run: async () => probeFolder(config.state.dir) },
    { name: "disk", run: async () => probeDisk(config.state.dir) },
    { name: "rules", run: async () => probeRules(config) },
    { name: "http port", run: () => probePort(config) },
  ];
}

/** The folder itself, or the nearest above it that is there. */
function nearest(dir: string): string {
  let found = resolve(dir);
  while (!existsSync(found) && dirname(found) !== found) found = dirname(found);
  return found;
}

function probeFolder(dir: string): Finding {
  const found = nearest(dir);
  const mend = `let the user that runs Sagewatch own ${found}, or set state.dir to a folder of that user`;
  try {
    if (found !== resolve(dir)) {
      accessSync(found, constants.W_OK | constants.X_OK);
      return { status: "ok", did: `${dir} is not there yet and can be made in ${found}` };
    }
    const file = join(dir, `.doctor-${process.pid}`);
    writeFileSync(file, "doctor\n", { mode: 0o600 });
    rmSync(file);
    return { status: "ok", did: `a file was written into ${dir} and removed` };
  } catch (error) {
    return { status: "fail", did: `${dir} cannot be written: ${toMessage(error)}`, mend };
  }
}

function probeDisk(dir: string): Finding {
  const found = nearest(dir);
  const { type, bavail, blocks, bsize } = statfsSync(found);
  const remote = REMOTE[type >>> 0];
  if (remote !== undefined)
    return {
      status: "fail",
      did: `${found} lies on ${remote}, a file system over a network`,
      mend: "set state.dir to a local disk or a block volume: over a network the lock and the write-ahead log cannot be relied on",
    };
  const free = bavail * bsize;
  const existing = existsSync(join(dir, "reserve")) ? 0 : DEFAULT_LIMITS.reserveBytes;
  const did = `${Math.floor(free / MIB)} MiB are free on the disk of ${found}`;
  if (free < existing + ROOM_LEAST)
    return {
      status: "fail",
      did,
      mend: `make room: at least ${Math.ceil((existing + ROOM_LEAST) / MIB)} MiB are needed to start`,
    };
  const notes: string[] = [];
  if (free < blocks * bsize * FREE_SHARE) notes.push("less than a tenth of the disk is free");
  if (type === TMPFS) notes.push("it is a tmpfs: all that Sagewatch knows is gone with the machine");
  if (type === OVERLAY)
    notes.push("it is the layer of a container: all that Sagewatch knows is gone with the container; mount a volume");
  return { status: "ok", did, notes };
}

function probeRules(config: Config): Finding {
  try {
    const { ruleSet, warnings } = readRules(config, null, () => undefined);
    const { detections, correlations } = ruleSet;
    const did = `${detections.length} rules and ${correlations.length} correlations load`;
    return { status: "ok", did, notes: warnings === 0 ? [] : [`${warnings} warnings: see \`sagewatch rules check\``] };
  } catch (error) {
    return { status: "fail", did: toMessage(error), mend: "mend the rules; `sagewatch rules check` tells each place" };
  }
}

async function probePort({ http, state }: Config): Promise<Finding> {
  if (!http.enabled) return { status: "not_tried", did: "http is off: nobody can ask the daemon for its health" };
  const place = `${http.host}:${http.port}`;
  const server = createServer();
  try {
    server.listen(http.port, http.host);
    await once(server, "listening");
    return { status: "ok", did: `${place} is free` };
  } catch (error) {
    const isTaken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
    if (isTaken && (await answers(join(state.dir, CONTROL_SOCKET))))
      return { status: "ok", did: `${place} is taken, and a daemon runs on ${state.dir}: most likely by it` };
    const mend = "stop what listens there, or set http.port to another port (http.enabled: false for none)";
    return { status: "fail", did: `${place} cannot be listened on: ${toMessage(error)}`, mend };
  } finally {
    server.close();
  }
}

/** Whether a daemon listens on its socket. */
async function answers(path: string): Promise<boolean> {
  const socket = connect({ path });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
