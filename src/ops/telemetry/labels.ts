/**
 * Labels of metrics: what each is called, and the bound on its values.
 *
 * Whoever writes records can invent accounts, Regions and, through errors, codes without end; each new value is a series
 * that is kept and sent for ever. So a label takes so many values, the first that come, and calls all others "other".
 * Never a label: an ARN, an address, an id of an alert or a record.
 */

/** Value under which everything beyond a bound, or not fit to be a label, is counted. */
export const OTHER = "other";

/** Series of one metric; above it all open labels of a new one are OTHER. An organisation of 100 accounts in 5 Regions fits. */
export const SERIES_MAX = 1_000;

type Bound = { readonly name: string; readonly most: number; readonly shape: RegExp };

/** Names from the configuration and closed lists. */
const NAME: Omit<Bound, "name"> = { most: 200, shape: /^[^\p{Cc}]{1,128}$/u };
/** Fields whose values others choose. */
const OPEN: Readonly<Record<string, Bound>> = {
  accountId: { name: "account", most: 100, shape: /^\d{12}$/ },
  region: { name: "region", most: 40, shape: /^[a-z]{2,}(-[a-z]+){1,3}-\d{1,2}$/ },
  code: { name: "code", most: 60, shape: /^[A-Za-z][\w.-]{0,63}$/ },
  ruleId: { name: "rule", most: 500, shape: /^[\w.-]{1,128}$/ },
};
const CAMEL = /[A-Z]/g;

/** How many values a label takes, by field; null where the configuration or a closed list bounds it. */
export function boundOf(field: string): number | null {
  return OPEN[field]?.most ?? null;
}

/** Name of a field's label. */
export function toLabelName(field: string): string {
  return OPEN[field]?.name ?? field.replaceAll(CAMEL, (letter) => `_${letter.toLowerCase()}`);
}

/** Holds values to their bounds, over all metrics together. */
export type LabelBounds = {
  /** The value to count under. */
  admit(field: string, value: unknown): string;
  /** OTHER for a label whose values others choose, else the value itself. */
  fold(field: string, value: string): string;
};

export function createLabelBounds(): LabelBounds {
  const known = new Map<string, Set<string>>();
  return {
    admit: (field, value) => {
      const text = typeof value === "string" ? value : String(value);
      const values = known.get(field) ?? new Set();
      known.set(field, values);
      if (values.has(text)) return text;
      const { most, shape } = OPEN[field] ?? NAME;
      if (!shape.test(text) || values.size >= most) return OTHER;
      values.add(text);
      return text;
    },
    fold: (field, value) => (OPEN[field] === undefined ? value : OTHER),
  };
}
