/**
 * What happened, in order: the evidence of an alert as steps, equal ones in a row told once.
 *
 * A burst of forty downloads from one address is one step with its count and span; a change of action, address, client,
 * Region or outcome begins another. Who made the call chose its user agent, so of it only what kind it claims to be is
 * told. Pure.
 */
import { safeLine } from "../lib/safe-text.ts";
import { cutText, wrapText } from "../lib/text-table.ts";
import type { Alert, AlertEvidence } from "../model/alert.ts";
import { toAgentKind } from "./agent-kind.ts";
import type { TableOptions } from "./table.ts";
import { formatTime } from "./time.ts";

type Step = { readonly first: AlertEvidence; last: AlertEvidence; count: number; readonly targets: Set<string> };
type StepOptions = TableOptions & {
  readonly width: number;
  readonly regions?: ReadonlyMap<string, string>;
  readonly denials?: ReadonlySet<string>;
};

/** Targets that a step names. */
const TARGETS_MAX = 3;
const WIDTH_MAX = 110;

/** Lines of the steps, made safe, none wider than asked. */
export function toSteps(alert: Alert, options: StepOptions): string[] {
  const steps: Step[] = [];
  const keyOf = (row: AlertEvidence): string =>
    JSON.stringify([
      row.action,
      row.sourceIPAddress,
      toAgentKind(row.userAgent),
      row.errorCode,
      options.regions?.get(row.eventId),
    ]);
  for (const row of alert.evidence) {
    const step = steps.at(-1);
    if (step !== undefined && keyOf(step.first) === keyOf(row)) {
      step.last = row;
      step.count += 1;
      step.targets.add(row.target);
    } else steps.push({ first: row, last: row, count: 1, targets: new Set([row.target]) });
  }
  const more = alert.eventCount - alert.evidence.length;
  const rest = `and ${more} more ${more === 1 ? "event" : "events"}, the last at ${formatTime(alert.lastEventTime, options.zone)}`;
  return [
    ...steps.flatMap((step, index) => toLines(step, steps[index - 1], options)),
    ...(steps.length > 0 && more > 0 ? wrap(rest, "  ", { lead: "  ", ...options }) : []),
  ];
}

/** `before`: the step above; where both came from the same place it is told once. */
function toLines(step: Step, before: Step | undefined, options: StepOptions): string[] {
  const { first, last, count } = step;
  const until = last.time === first.time ? "" : `, until ${formatTime(last.time, options.zone)}`;
  const times = count === 1 ? "" : `, ${count} times${until}`;
  const outcome = options.denials?.has(first.errorCode) === true ? "denied" : "failed";
  const error = first.errorCode === "" ? "" : `, ${outcome}: ${first.errorCode}`;
  const named = [...step.targets].filter((target) => target !== "");
  const beyond = named.length > TARGETS_MAX ? ` and ${named.length - TARGETS_MAX} more` : "";
  const from = toOrigin(step, options);
  const isSame = before !== undefined && toOrigin(before, options) === from;
  const lead = " ".repeat(6);
  return [
    ...wrap(`${formatTime(first.time, options.zone)}  ${first.action}${times}${error}`, "  ", { lead, ...options }),
    ...(named.length === 0
      ? []
      : wrap(`on ${named.slice(0, TARGETS_MAX).join(", ")}${beyond}`, lead, { lead: `${lead}   `, ...options })),
    ...(from === "" || isSame ? [] : wrap(`from ${from}`, lead, { lead: `${lead}     `, ...options })),
  ];
}

/** "198.51.100.7, eu-west-1, AWS CLI". */
function toOrigin({ first }: Step, { regions }: StepOptions): string {
  const region = regions?.get(first.eventId) ?? "";
  return [first.sourceIPAddress, region, toAgentKind(first.userAgent)].filter((part) => part !== "").join(", ");
}

function wrap(
  text: string,
  first: string,
  { lead, width }: { readonly lead: string; readonly width: number },
): string[] {
  const room = Math.max(1, Math.min(width, WIDTH_MAX) - lead.length);
  return wrapText(safeLine(text), room, Infinity).map((line, index) =>
    cutText(`${index === 0 ? first : lead}${line}`, width),
  );
}
