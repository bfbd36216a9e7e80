/**
 * The body of a part (parts.ts): what one commit brought to one slice of one group, as the text of a row.
 *
 * Members and evidence stand as numbers into the pack of the commit (pack.ts); only what a member has for itself (step,
 * value, number) stands here, by column, since most columns are empty. Pure.
 */
import type { EvidenceDelta, Member } from "../../contracts.ts";
import type { EvidenceFacts, Facts } from "./pack.ts";

/** What is written of one place. */
export type Part = { readonly members: readonly Member[]; readonly evidence: readonly EvidenceDelta[] };

/** Columns of a body: a column that holds nothing but null is 0. */
type Body = readonly [
  steps: readonly number[],
  facts: readonly number[],
  values: readonly (string | null)[] | 0,
  numbers: readonly (number | string | null)[] | 0,
  evidence: readonly number[],
];

/** The body of a part; `numberOf` gives each its number in the pack. */
export function packPart(
  { members, evidence }: Part,
  numberOf: { member(member: Member): number; evidence(evidence: EvidenceDelta): number },
): string {
  const hasValues = members.some(({ value }) => value !== null);
  const hasNumbers = members.some(({ number }) => number !== null);
  const body: Body = [
    members.map(({ step }) => step),
    members.map((member) => numberOf.member(member)),
    hasValues ? members.map(({ value }) => value) : 0,
    hasNumbers ? members.map(({ number }) => toWritten(number)) : 0,
    evidence.map((one) => numberOf.evidence(one)),
  ];
  return JSON.stringify(body);
}

/** Numbers that JSON cannot write (Infinity from 1e400) stand as text. */
function toWritten(number: number | null): number | string | null {
  return number === null || Number.isFinite(number) ? number : String(number);
}

/** The members of a body. */
export function unpackMembers(body: string, facts: Facts): Member[] {
  const [steps, places, values, numbers] = JSON.parse(body) as Body;
  return places.map((place, at) => {
    const number = numbers === 0 ? null : (numbers[at] ?? null);
    return {
      step: steps[at] as number,
      ...(facts.members[place] as Facts["members"][number]),
      value: values === 0 ? null : (values[at] ?? null),
      number: typeof number === "string" ? Number(number) : number,
    };
  });
}

/** The evidence of a body. */
export function unpackEvidence(body: string, facts: Facts): EvidenceFacts[] {
  const [, , , , places] = JSON.parse(body) as Body;
  return places.map((place) => facts.evidence[place] as EvidenceFacts);
}

/** The body without the evidence that `isGone` names. */
export function withoutEvidence(body: string, facts: Facts, isGone: (facts: EvidenceFacts) => boolean): string {
  const [steps, members, values, numbers, places] = JSON.parse(body) as Body;
  const left = places.filter((place) => !isGone(facts.evidence[place] as EvidenceFacts));
  return left.length === places.length ? body : JSON.stringify([steps, members, values, numbers, left] satisfies Body);
}

/** True when nothing is left in it. */
export function isEmptyBody(body: string): boolean {
  const [steps, , , , places] = JSON.parse(body) as Body;
  return steps.length + places.length === 0;
}
