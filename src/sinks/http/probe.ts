/**
 * What `sagewatch doctor` tries of a sink over HTTP: a TCP connection, and TLS with its certificates. No request is sent.
 */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import * as tls from "node:tls";
import { toMessage } from "../../model/errors.ts";
import type { Finding, Probe, ProbeBy } from "../../model/probe.ts";
import { createAddressGuard, type Denial, hostOf } from "./guard.ts";
import type { HttpSettings } from "./settings.ts";

/** The probe of a sink. `url` is where it sends to. */
export function httpProbes(settings: HttpSettings & { readonly name: string }, url: string): readonly Probe[] {
  return [{ name: `sink ${settings.name}: connect`, run: (by) => probeReceiver(settings, new URL(url), by) }];
}

async function probeReceiver(settings: HttpSettings, url: URL, { signal }: ProbeBy): Promise<Finding> {
  const { host, isAddress } = hostOf(url);
  const isTls = url.protocol === "https:";
  const port = Number(url.port) || (isTls ? 443 : 80);
  const guard = createAddressGuard(settings);
  const place = `${host}:${port}`;
  const denial = isAddress ? guard.judge(host, isTls) : null;
  if (denial !== null) return toDenied(place, denial);
  try {
    const socket = isTls
      ? openTls(settings, { host, port, lookup: guard.lookup(true) })
      : connect({ host, port, lookup: guard.lookup(false) });
    await opened(socket, isTls ? "secureConnect" : "connect", signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "address_denied" || code === "plain_denied") return toDenied(place, code);
    const mend = "check the URL, the network and, with TLS, `caFile`, `certFile` and `key`";
    return { status: "fail", did: `connecting to ${place}: ${toMessage(error)}`, mend };
  }
  return {
    status: "ok",
    did: `${isTls ? "TCP and TLS" : "TCP"} connection to ${place}. No request was sent, so that key and path were not tried`,
  };
}

function toDenied(place: string, denial: Denial): Finding {
  if (denial === "plain_denied") {
    const mend = "use https, or list the address in `allow`, or set `insecure: true`";
    return { status: "fail", did: `${place} would get alerts without TLS`, mend };
  }
  const mend = "list the address or its range in `allow`, if the receiver really stands inside";
  return { status: "fail", did: `${place} is an inner address, which sinks do not connect to`, mend };
}

type Target = { readonly host: string; readonly port: number; readonly lookup: tls.ConnectionOptions["lookup"] };

function openTls({ caFile, certFile, key }: HttpSettings, { host, port, lookup }: Target): Socket {
  return tls.connect({
    host,
    port,
    ...(lookup && { lookup }),
    // A name only: an address is no server name.
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
    ...(certFile === undefined ? {} : { cert: readFileSync(certFile) }),
    ...(key === undefined ? {} : { key: key.reveal() }),
    rejectUnauthorized: true,
  });
}

async function opened(socket: Socket, event: "connect" | "secureConnect", signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(new Error("no connection in time"));
  signal.addEventListener("abort", abort, { once: true });
  socket.once(event, () => resolve()).once("error", reject);
  try {
    await promise;
  } finally {
    signal.removeEventListener("abort", abort);
    socket.on("error", () => undefined).destroy();
  }
}
