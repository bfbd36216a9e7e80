/**
 * Lists in the configuration: values that rules name by `|expand`, with the way in which they compare.
 *
 * Only shape and names are checked here; entries are judged where the rules are compiled.
 */
import { z } from "zod";
import { nameSchema } from "../calendars.ts";

/** What a list holds; decides how rules compare with its values. */
export type ListConfig = {
  readonly type: "string" | "wildcard" | "cidr" | "regex" | "account";
  readonly values: readonly string[];
};

/** One list. */
export const listSchema: z.ZodType<ListConfig> = z.strictObject({
  type: z
    .enum(["string", "wildcard", "cidr", "regex", "account"])
    .default("string")
    .describe(
      "How rules compare: whole text, `*` and `?` as wildcards, address range, regular expression, or account id. Default string, the least surprising.",
    ),
  values: z.array(z.string()).describe("The values. An empty list matches nothing."),
});

/** Lists by name. */
export const listsSchema: z.ZodType<Readonly<Record<string, ListConfig>>> = z
  .record(nameSchema, listSchema)
  .default({})
  .describe(
    "Lists that rules name by `|expand` and %NAME%; the same as `tuning.lists`. Default none beside those that come with the rules.",
  );
