/**
 * The scanners that one splitter at a time works with, made once and lent to one splitter after another.
 *
 * Their tables take longer to make than a small file takes to split: 10 µs, against 25 for its records.
 */
import { type PlainKeys, PlainScanner } from "./plain.ts";
import { ObjectScanner, type ScanKeys } from "./scan.ts";

/** Scanners of items where containers are sought (`outer`), of items inside one, of objects behind escapes, and the quick look. */
export type Scanners = {
  readonly plain: PlainScanner;
  readonly outer: ObjectScanner;
  readonly inner: ObjectScanner;
  readonly probe: ObjectScanner;
};

/** Makes scanners for items nested up to `depth`, and the probe for objects inside them, one level less. */
export function createScanners(keys: { readonly scan: ScanKeys; readonly plain: PlainKeys }, depth: number): Scanners {
  const within = { ...keys.scan, containers: 0 };
  return {
    plain: new PlainScanner(keys.plain, depth),
    outer: new ObjectScanner(keys.scan, depth),
    inner: new ObjectScanner(within, depth),
    probe: new ObjectScanner(within, depth - 1),
  };
}
