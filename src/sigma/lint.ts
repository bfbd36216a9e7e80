/**
 * Warnings about what is legal and probably not meant: plain scalars that YAML 1.1 tools read otherwise, and names of
 * well-known fields in the wrong case.
 *
 * A lint never changes a rule and never stops a load.
 */
import type { Expression } from "./ast.ts";
import { leavesOf } from "./detection/expression.ts";
import type { Findings } from "./problems.ts";
import type { YamlMap, YamlNode } from "./yaml.ts";

/** Plain scalars that YAML 1.1 resolves to another value than YAML 1.2 does: booleans, octal, base 60, dates, `_` in numbers. */
const OTHER_IN_11 =
  /^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF|[-+]?0[0-7_]+|[-+]?0b[01_]+|[-+]?[1-9]\d*(?:_\d+)+|[-+]?[1-9]\d*(?::[0-5]?\d)+(?:\.\d*)?|\d{4}-\d\d?-\d\d?(?:[Tt ].*)?)$/;

/** Warns of unquoted values below `node` that other tools read as something else. */
export function lintScalars(node: YamlNode, findings: Findings): void {
  if (node.kind === "list") for (const item of node.items) lintScalars(item, findings);
  else if (node.kind === "map") for (const { value } of node.entries) lintScalars(value, findings);
  else if (node.plain && node.source.length < 40 && OTHER_IN_11.test(node.source)) {
    const read = typeof node.value === "string" ? "the text" : "the number";
    findings.warning("yaml_version", node.at, {
      message: `\`${node.source}\` is ${read} ${String(node.value)} here and something else in tools that read YAML 1.1`,
      value: node.source,
      remedy: "quote it",
    });
  }
}

/** Top-level fields of CloudTrail records (AWS CloudTrail user guide, "CloudTrail record contents"). */
const CLOUDTRAIL_FIELDS: ReadonlyMap<string, string> = new Map(
  [
    "additionalEventData",
    "addendum",
    "apiVersion",
    "awsRegion",
    "edgeDeviceDetails",
    "errorCode",
    "errorMessage",
    "eventCategory",
    "eventContext",
    "eventID",
    "eventName",
    "eventSource",
    "eventTime",
    "eventType",
    "eventVersion",
    "insightDetails",
    "managementEvent",
    "readOnly",
    "recipientAccountId",
    "requestID",
    "requestParameters",
    "resources",
    "responseElements",
    "serviceEventDetails",
    "sessionCredentialFromConsole",
    "sharedEventID",
    "sourceIPAddress",
    "tlsDetails",
    "userAgent",
    "userIdentity",
    "vpcEndpointAccountId",
    "vpcEndpointId",
  ].map((name) => [name.toLowerCase(), name]),
);

/** Warns of fields of a CloudTrail rule whose path begins with a CloudTrail field but for its case: case counts. */
export function lintFields(section: YamlMap, expression: Expression, findings: Findings): void {
  const fields = new Set([...leavesOf(expression)].flatMap(({ field }) => field ?? []));
  for (const field of fields) {
    const [first = "", ...rest] = field.split(".");
    const known = CLOUDTRAIL_FIELDS.get(first.toLowerCase());
    if (known === undefined || known === first) continue;
    const meant = [known, ...rest].join(".");
    findings.warning("field_case", placeOfField(field, section) ?? section.at, {
      message: `the field \`${field}\` is written \`${meant}\` in CloudTrail records, and case counts`,
      value: field,
      remedy: `write ${meant}`,
    });
  }
}

/** Offset of the first key that names the field. */
function placeOfField(field: string, node: YamlNode): number | null {
  if (node.kind === "scalar") return null;
  if (node.kind === "list") return firstOf(node.items, (item) => placeOfField(field, item));
  return firstOf(node.entries, ({ key, keyNode, value }) =>
    key === field || key.startsWith(`${field}|`) ? keyNode.at : placeOfField(field, value),
  );
}

function firstOf<T>(items: readonly T[], find: (item: T) => number | null): number | null {
  for (const item of items) {
    const found = find(item);
    if (found !== null) return found;
  }
  return null;
}
