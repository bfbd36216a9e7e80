/**
 * The adapters of this Sagewatch, as the configuration sees them: the schema of each type.
 *
 * Apart from adapters.ts, so that the schema can be tried with adapters of a test.
 */
import { sinkRegistry } from "../sinks/registry.ts";
import { sourceRegistry } from "../sources/registry.ts";
import type { Adapters } from "./adapters.ts";

/** Every type that `sources` and `sinks` may name. */
export const ADAPTERS: Adapters = { sources: sourceRegistry, sinks: sinkRegistry };
