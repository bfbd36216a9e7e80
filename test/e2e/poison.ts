/**
 * A day's records with poison among them: every reason that files can give, one record in twenty, and gzip files that are
 * broken as a whole. It says what must become of each.
 */
import { join } from "node:path";
import { constants, gunzipSync, gzipSync } from "node:zlib";
import { createRandom } from "../../src/lib/random.ts";
import { generateRecords } from "../../src/simulate/simulation.ts";
import { toRecordsText } from "../chaos/input.ts";
import { type Place, write } from "./make.ts";

type Limits = Readonly<Record<"recordBytes" | "depth" | "gzipRatio", number>>;
const KIB = 1024;
/** Limits that reject what is mendable, and those that let it in. */
export const STRICT: Limits = { recordBytes: 64 * KIB, depth: 24, gzipRatio: 50 };
export const MENDED: Limits = { recordBytes: 256 * KIB, depth: 200, gzipRatio: 1100 };

/** The records, sound, before some of them are poisoned. */
const records: readonly Uint8Array[] = [
  ...generateRecords({ seed: 5, records: 1200, attacks: ["bulk-endpoints", "llmjacking"], duplicateShare: 0 }),
].map(({ bytes }) => bytes);
/** A record's text. */
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const extend = (bytes: Uint8Array, member: string): Uint8Array => Buffer.from(`${text(bytes).slice(0, -1)},${member}}`);

/** Ways to poison a record inside a file, by the reason that they must get. */
const POISONS: Readonly<Record<string, (record: Uint8Array) => Uint8Array>> = {
  bad_json: (record) => Buffer.from(text(record).replace('"eventTime":', '"eventTime"')),
  bad_utf8: (record) =>
    Buffer.concat([record.subarray(0, -1), Buffer.from(',"note":"'), Buffer.from([0xff, 0xc0]), Buffer.from('"}')]),
  too_big: (record) => extend(record, `"note":"${"x".repeat(80 * KIB)}"`),
  too_deep: (record) => extend(record, `"note":${"[".repeat(40)}${"]".repeat(40)}`),
  no_event_time: (record) => Buffer.from(text(record).replace(/"eventTime":"[^"]*"/, '"eventTime":"yesterday"')),
  unknown_kind: () => Buffer.from('{"hello":"world"}'),
  schema: () => Buffer.from('{"schemaVersion":"2.0","type":"UnauthorizedAccess:IAMUser/X","service":{"count":1}}'),
};
/** Those that other limits let in, with the poison still in them. */
const MENDABLE = new Set(["too_big", "too_deep"]);

/** What was written: records that must be evaluated, those that other limits let in, what is rejected by reason, items. */
export type Planned = {
  readonly good: Uint8Array[];
  readonly mendable: Uint8Array[];
  readonly counts: Record<string, number>;
  read: number;
};

/** Writes 30 files with one record in twenty poisoned, and the three gzip files that are broken as a whole. */
export function poison(place: Place): Planned {
  const random = createRandom("poison");
  const reasons = Object.keys(POISONS);
  const planned: Planned = { good: [], mendable: [], counts: {}, read: records.length };
  const count = (reason: string): void => void (planned.counts[reason] = (planned.counts[reason] ?? 0) + 1);
  const size = Math.ceil(records.length / 30);
  let turn = 0;
  for (let at = 0; at < records.length; at += size) {
    const inside = records.slice(at, at + size).map((record) => {
      // Records of a single-event rule are poisoned more often and mendably, so that there is something to be missed.
      const alerts = text(record).includes('"eventName":"PutObject"');
      if (!random.chance(alerts ? 0.3 : 0.045)) {
        planned.good.push(record);
        return record;
      }
      const mendable = [...MENDABLE];
      const reason = alerts
        ? mendable[planned.mendable.length % mendable.length]!
        : reasons[(turn += 1) % reasons.length]!;
      const bytes = POISONS[reason]!(record);
      count(reason);
      if (MENDABLE.has(reason)) planned.mendable.push(bytes);
      return bytes;
    });
    const file = Buffer.concat([
      Buffer.from('{"Records":['),
      ...inside.flatMap((bytes) => [Buffer.from(","), bytes]).slice(1),
      Buffer.from("]}"),
    ]);
    write(join(place.input, `${at}.json${at % 2 === 0 ? ".gz" : ""}`), at % 2 === 0 ? gzipSync(file) : file);
  }
  cutOff(place, planned);
  damage(place, planned);
  bomb(place, planned);
  return planned;
}

/** Records of another day, for files of their own. */
const others = [...generateRecords({ seed: 6, records: 200, attacks: [], duplicateShare: 0 })].map(
  ({ bytes }) => bytes,
);

/** A gzip file that ends early: what can be unpacked counts, the rest is one rejected record. */
function cutOff(place: Place, planned: Planned): void {
  const whole = gzipSync(toRecordsText(others.slice(0, 150).map((bytes) => ({ bytes }))));
  const cut = whole.subarray(0, Math.floor(whole.length / 2));
  const readable = gunzipSync(cut, { finishFlush: constants.Z_SYNC_FLUSH }).toString();
  const complete = others.slice(0, 150).filter((bytes) => readable.includes(text(bytes)));
  planned.good.push(...complete);
  planned.read += complete.length + 1;
  planned.counts["truncated"] = 1;
  write(join(place.input, "cut.json.gz"), cut);
}

/**
 * A gzip file of two members, the second of which is no deflate data: what the first holds counts, up to the record that
 * it breaks off in, which is the rejected one.
 */
function damage(place: Place, planned: Planned): void {
  const sound = others.slice(155, 195);
  const lines = `${sound.map(text).join("\n")}\n${text(others[195]!).slice(0, 200)}`;
  const second = gzipSync(text(others[196]!));
  // A block of the reserved type 3.
  second[10] = 0x07;
  planned.good.push(...sound);
  planned.read += sound.length + 1;
  planned.counts["gzip_bad"] = 1;
  write(join(place.input, "damaged.ndjson.gz"), Buffer.concat([gzipSync(lines), second]));
}

/** A gzip file of 3 MiB of spaces between records: one record before them is read, the rest is one rejected record. */
function bomb(place: Place, planned: Planned): void {
  const [first, ...rest] = others.slice(150, 155);
  planned.good.push(first!);
  planned.mendable.push(...rest);
  planned.read += 2;
  planned.counts["gzip_ratio"] = 1;
  const tail = rest.map(text).join(",");
  write(
    join(place.input, "bomb.json.gz"),
    gzipSync(`{"Records":[${text(first!)},${" ".repeat(3 * KIB * KIB)}${tail}]}`),
  );
}
