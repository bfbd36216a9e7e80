/**
 * npm run prove: the shipped rules over ten simulated days with attacks and a long honest one. Prints the figures; exits
 * with 1 when an attack is missed, anything else is reported, or the honest day has more than 5 alerts in 100,000 records.
 */
import { openRules } from "../../src/compose/rules.ts";
import { ADAPTERS } from "../../src/config/registries.ts";
import { createConfigSchema } from "../../src/config/schema.ts";
import { ATTACK_NAMES } from "../../src/simulate/attacks/catalog.ts";
import { readFlags } from "../support/flags.ts";
import { detect, judgeDay, recordsOf } from "./day.ts";

readFlags(
  "usage: npm run prove\nThe shipped rules over ten simulated days with attacks and an honest one, a minute. Exit code 1: an attack was missed, or something else was reported.",
  {},
);
const SEEDS = 10;
const RECORDS = 20_000;
const HONEST = { seed: 99, records: 200_000, attacks: [] } as const;
const PER_100_000 = 5;

const rules = openRules(createConfigSchema(ADAPTERS).parse({}), null, () => undefined);
let isGood = true;
const say = (text: string): void => void process.stdout.write(`${text}\n`);

for (let seed = 1; seed <= SEEDS; seed += 1) {
  const options = { seed, records: RECORDS, attacks: ATTACK_NAMES };
  const { alerts, planted, wanted, missed, unplanned } = judgeDay(options, detect(recordsOf(options), rules), rules);
  const found = `${wanted - missed.length} of ${wanted} rules meant for ${planted} attacks`;
  say(`seed ${seed}: ${found}; ${alerts.length} alerts, ${unplanned.length} of no attack`);
  for (const line of [...missed, ...unplanned]) say(`  ${line}`);
  isGood &&= missed.length === 0 && unplanned.length === 0;
}
const alerts = detect(recordsOf(HONEST), rules);
const rate = (alerts.length * 100_000) / HONEST.records;
say(`seed ${HONEST.seed}, no attacks, ${HONEST.records} records: ${alerts.length} alerts, ${rate} in 100,000`);
for (const { title, why } of alerts) say(`  ${title}: ${why}`);
isGood &&= rate <= PER_100_000;
process.exitCode = isGood ? 0 : 1;
