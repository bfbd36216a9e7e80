/**
 * What the accelerator instances of a call cost: `enrich.usd_per_hour` and `enrich.price.known`.
 *
 * List prices, on demand, of the record's Region. SageMaker's are known for few Regions; elsewhere they are EC2's of the
 * Region times the type's ratio, which is the same in every Region that both are known of, to a percent. Never a guess
 * beyond that: a type without a price is said to have none. Pure functions of the record and of checked-in tables.
 */
import type { Event, Json } from "../model/event.ts";
import { acceleratorAsks } from "./gpu.ts";
import { EC2_PRICES, SAGEMAKER_PRICES, SAGEMAKER_RATIOS } from "./tables/prices.ts";

type Prices = ReadonlyMap<string, ReadonlyMap<string, number>>;

const ec2 = parsePrices(EC2_PRICES);
const sagemaker = parsePrices(SAGEMAKER_PRICES);
const ratios = new Map(Object.entries(SAGEMAKER_RATIOS));

/** List price of one instance in USD per hour, or null where none is known. Types of SageMaker begin with `ml.`. */
export function usdPerHour(type: string, region: string): number | null {
  if (!type.startsWith("ml.")) return ec2.get(type)?.get(region) ?? null;
  const bare = type.slice(3);
  const own = sagemaker.get(bare)?.get(region);
  if (own !== undefined) return own;
  const [price, ratio] = [ec2.get(bare)?.get(region), ratios.get(bare)];
  return price === undefined || ratio === undefined ? null : price * ratio;
}

/** The field `enrich.usd_per_hour`: the sum of what is known, to a ten-thousandth; null where nothing is. */
export function usdField(event: Event): Json {
  let total: number | null = null;
  for (const { type, count } of acceleratorAsks(event)) {
    const price = usdPerHour(type, event.region);
    if (price !== null) total = (total ?? 0) + price * count;
  }
  return total === null ? null : Math.round(total * 10_000) / 10_000;
}

/** The field `enrich.price.known`: false where the price of any of the types is not, null where there are none. */
export function priceKnownField(event: Event): Json {
  const asks = acceleratorAsks(event);
  return asks.length === 0 ? null : asks.every(({ type }) => usdPerHour(type, event.region) !== null);
}

/** "us-east-1 1.41 us-west-2 1.408" of each type to Region → price. */
function parsePrices(table: Readonly<Record<string, string>>): Prices {
  return new Map(
    Object.entries(table).map(([type, text]) => {
      const words = text.split(" ");
      const pairs = words.flatMap((word, index) =>
        index % 2 === 0 ? [[word, Number(words[index + 1])] as const] : [],
      );
      return [type, new Map(pairs)] as const;
    }),
  );
}
