/**
 * The section `enrich`: what is looked up beside an alert before it goes out.
 */
import { z } from "zod";
import { ENRICHERS, type EnricherName } from "../enrich/registry.ts";
import { durationSchema } from "../model/settings.ts";

/** Resolved: the deadline in ms. */
export type EnrichConfig = { readonly use: readonly EnricherName[]; readonly deadline: number };

export const enrichSchema: z.ZodType<EnrichConfig> = z
  .strictObject({
    use: z
      .array(z.enum(ENRICHERS as [EnricherName, ...EnricherName[]]))
      .default([...ENRICHERS])
      .describe(
        "What is added: `account` (environment and owner out of `accounts`), `attack` (names and pages of techniques), `related` (other alerts of the principal within a day), `burn` (what accelerators that are asked for cost an hour). Default all: they look only at what Sagewatch has itself. An empty list switches enrichment off.",
      ),
    deadline: durationSchema({ least: 10, most: 5_000 })
      .prefault("500ms")
      .describe(
        "How long all of them together may take; what is not there then is left out, and the alert says so. Default 500ms: an alert still leaves within a second.",
      ),
  })
  .describe("What is looked up beside an alert, once a revision, before it goes to the sinks (docs/alert.md).");
