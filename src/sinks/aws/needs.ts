/**
 * What the sinks over AWS need, and what can be tried of it: who they are. Their one action sends an alert, so that there
 * is no harmless way to try it; a test alert would start playbooks and wake people.
 */
import { accountOf, type Need, toCaller, withCaller } from "../../aws/needs.ts";
import { identityProbes, notTried } from "../../aws/probes.ts";
import type { AwsSettings } from "../../aws/settings.ts";
import type { Probe } from "../../model/probe.ts";

/** Needs of a sink; `of` gets the account of its role, null for that of the credentials. Errors by code: config_invalid. */
export function toNeeds(
  settings: AwsSettings,
  of: (account: string | null) => readonly Omit<Need, "by">[],
): readonly Need[] {
  const caller = toCaller(settings, null);
  return withCaller(caller, of(accountOf(caller)));
}

/** Probes of a sink: its identity, and what was not tried. Errors by code: config_invalid. */
export function sinkProbes(
  settings: AwsSettings & { readonly name: string },
  needs: readonly Need[],
): readonly Probe[] {
  const sends = needs.filter(({ action }) => !/^(sts|kms):/.test(action));
  return [
    ...identityProbes(settings, null),
    ...sends.map(({ action, resource }): Probe => ({
      name: `sink ${settings.name}: send`,
      run: async () =>
        notTried(
          `${action} on ${resource}`,
          "trying it would send an alert; a running daemon logs `sink_down` with `aws_denied` when it is missing",
        ),
    })),
  ];
}
