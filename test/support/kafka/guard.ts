/**
 * guard.ts COMMAND ARG...: runs one command and kills it when the parent goes away, however that happened.
 *
 * A test process that is killed would otherwise leave its broker running. Forked with a channel; says {pid} of the command.
 */
import { spawn } from "node:child_process";

const [command = "", ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"] });
process.send?.({ pid: child.pid });
process.on("disconnect", () => child.kill("SIGKILL"));
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => child.kill("SIGTERM"));
child.on("error", () => process.exit(127));
child.on("exit", (code, signal) => {
  process.removeAllListeners("disconnect");
  process.exit(signal === null ? (code ?? 1) : 137);
});
