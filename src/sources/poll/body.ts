/**
 * The body of an AWS answer as it came, beside what the SDK makes of it.
 *
 * The SDK drops members that its model does not know, and rules see the record as AWS wrote it: so the bytes are kept.
 */
import { Buffer } from "node:buffer";

type Next = (args: unknown) => Promise<{ readonly response: unknown }>;
/** What every SDK command has, without the types of its own answer. */
type Stack = {
  add(
    middleware: (next: Next) => Next,
    options: { readonly step: "deserialize"; readonly priority: "low"; readonly name: string },
  ): void;
};

/** Keeps the body of the command's last answer; call before it is sent. Empty while there is none. */
export function keepBody(command: { readonly middlewareStack: object }): () => Uint8Array {
  let kept: Uint8Array = new Uint8Array(0);
  (command.middlewareStack as Stack).add(
    (next) => async (args) => {
      const answer = await next(args);
      const response = answer.response as { body?: unknown };
      response.body = kept = await collect(response.body);
      return answer;
    },
    { step: "deserialize", priority: "low", name: "sagewatchKeepBody" },
  );
  return () => kept;
}

async function collect(body: unknown): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return body;
  if (typeof body === "string") return Buffer.from(body);
  const pieces: Uint8Array[] = [];
  if (body !== undefined && body !== null)
    for await (const piece of body as AsyncIterable<Uint8Array | string>)
      pieces.push(typeof piece === "string" ? Buffer.from(piece) : piece);
  return Buffer.concat(pieces);
}
