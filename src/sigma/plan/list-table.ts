/**
 * The lists that placeholders of `expand` stand for, and what comes of putting them in. Types only.
 */
import type { PlainTest } from "../leaf/plain-test.ts";

/** How the entries of a list are meant. `account`: 12 digits, compared as text. `wildcard`: `*`, `?` and their escapes. */
export type ListType = "string" | "wildcard" | "cidr" | "regex" | "account";
export type TypedList = { readonly type: ListType; readonly items: readonly string[] };
/** Lists by the name that stands between the percent signs. */
export type ListTable = ReadonlyMap<string, TypedList>;

/** A test's alternatives, or what is wrong. */
export type Expansion =
  | { readonly tests: readonly PlainTest[] }
  | {
      readonly code: "expand_list_unknown" | "expand_list_type" | "expand_list_entry" | "expand_limit";
      readonly message: string;
      readonly value: string;
      readonly remedy: string;
    };
