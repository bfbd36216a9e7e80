/**
 * All decoders by record kind. A new kind is one file beside this one, one line here and its marks in envelopes.ts.
 */
import type { Decoder } from "../contracts.ts";
import type { Kind } from "../model/event.ts";
import { bedrockDecoder } from "./bedrock.ts";
import { cloudtrailDecoder } from "./cloudtrail.ts";
import { costDecoder } from "./cost.ts";
import { eventbridgeDecoder } from "./eventbridge.ts";
import { guarddutyDecoder } from "./guardduty.ts";

/** The decoder of each kind. */
export const decoders: Readonly<Record<Kind, Decoder>> = {
  cloudtrail: cloudtrailDecoder,
  guardduty: guarddutyDecoder,
  eventbridge: eventbridgeDecoder,
  bedrock: bedrockDecoder,
  cost: costDecoder,
};
