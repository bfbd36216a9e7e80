/**
 * A secret: a value that no output may show.
 *
 * The configuration holds only references ({env: NAME} or {file: PATH}); config/load.ts fills them in once, and the
 * adapter that needs the value calls `reveal()` at the moment of use. However a secret is printed (template text, JSON,
 * an inspected object, a log field), it reads "[secret]". The value stands in a closure, so no walk over properties finds it.
 */
import { inspect } from "node:util";
import { SagewatchError } from "./errors.ts";

/** Where a secret's value is read from. */
export type SecretRef = { readonly env: string } | { readonly file: string };

/** How a secret reads wherever it is printed. */
export const SECRET_TEXT = "[secret]";

/** An opaque value. `ref` may be shown, the value never is. */
export type Secret = {
  readonly ref: SecretRef;
  /** The value. Errors: internal when nobody filled it in. */
  reveal(): string;
  /** Sets the value, once, at start. */
  fill(value: string): void;
  toJSON(): string;
  toString(): string;
};

const secrets = new WeakSet<object>();

/** A secret that is still to be filled in. */
export function createSecret(ref: SecretRef): Secret {
  let held: string | null = null;
  const hidden = { value: (): string => SECRET_TEXT, enumerable: false };
  const secret: Secret = Object.defineProperties({ ref } as Secret, {
    reveal: {
      value: () => {
        if (held === null)
          throw new SagewatchError("internal", `the secret ${describeRef(ref)} was used before it was read`);
        return held;
      },
    },
    fill: {
      value: (value: string) => {
        held = value;
      },
    },
    toJSON: hidden,
    toString: hidden,
    [Symbol.toPrimitive]: hidden,
    [inspect.custom]: hidden,
  });
  secrets.add(secret);
  return secret;
}

/** True for what createSecret made. */
export function isSecret(value: unknown): value is Secret {
  return typeof value === "object" && value !== null && secrets.has(value);
}

/** "env NAME" or "file PATH", for messages. */
export function describeRef(ref: SecretRef): string {
  return "env" in ref ? `env ${ref.env}` : `file ${ref.file}`;
}
