/**
 * The computed fields: who acted, what counts as denied, and opening hours that stay right when clocks change.
 */
import fc from "fast-check";
import { DateTime } from "luxon";
import { describe, expect, test } from "vitest";
import { type Calendar, compileCalendar, DEFAULT_CALENDAR } from "../../src/match/calendar.ts";
import { isDenied } from "../../src/match/denied.ts";
import { createFields } from "../../src/match/fields.ts";
import { eventOf } from "./build.ts";

const at = (text: string): number => Date.parse(text);

test("the principal's fields are the envelope's", () => {
  const fields = createFields({ calendars: {}, accountCalendars: {} });
  const values = ["id", "name", "kind", "session"].map((part) => fields.get(`enrich.principal.${part}`)?.(eventOf({})));
  expect(values).toEqual(["arn:aws:iam::111122223333:role/trainer", "trainer", "workload", "s-1"]);
});

describe("denied", () => {
  test.each([
    ["AccessDenied", true],
    ["AccessDeniedException", true],
    ["Client.UnauthorizedOperation", true],
    ["UnauthorizedOperation", true],
    ["UnauthorizedException", true],
    ["Forbidden", true],
    ["ForbiddenException", true],
    ["kms.AccessDeniedException", true],
    ["NotAuthorizedException", true],
    ["accessdenied", true],
    ["AccessDeniedForDependencyException", true],
    ["KMSAccessDeniedException", true],
    ["KMS.AccessDeniedException", true],
    ["KmsAccessDenied", true],
    ["EC2AccessDeniedException", true],
    ["S3AccessDeniedFault", true],
    ["CloudHsmAccessDeniedException", true],
    ["EncryptionKeyAccessDeniedException", true],
    ["OpsItemAccessDeniedException", true],
    ["DependencyAccessDeniedException", true],
    ["DependentServiceAccessDenied", true],
    ["AccessToClusterDenied", true],
    ["AccessToSnapshotDenied", true],
    ["AuthorizationException", true],
    ["ForbiddenError", true],
    ["InsufficientPermissionsException", true],
    ["InsufficientIAMAccessPermissionException", true],
    ["InsufficientDependencyServiceAccessPermissionException", true],
    ["IamRoleMissingPermissions", true],
    ["SNSNoAuthorization", true],
    ["UnauthorizedResourceAccessException", true],
    ["WAFLogDestinationPermissionIssueException", true],
    ["OperationNotPermittedException", false],
    ["InvalidAccessException", false],
    ["OrganizationAccessDeniedException", false],
    ["AuthorizationPendingException", false],
    ["AuthorizationNotFound", false],
    ["KMSInvalidStateException", false],
    ["ThrottlingException", false],
    ["NoSuchBucket", false],
    ["AuthFailure", false],
    ["200", false],
    ["", false],
  ])("%s: %s", (code, want) => {
    expect(isDenied(code)).toBe(want);
  });
  test("a successful call and a code that is no text are not denied", () => {
    const denied = createFields({ calendars: {}, accountCalendars: {} }).get("enrich.denied");
    expect(
      [{}, { errorCode: null }, { errorCode: ["AccessDenied"] }, { errorCode: "AccessDenied" }].map((record) =>
        denied?.(eventOf(record)),
      ),
    ).toEqual([false, false, false, true]);
  });
});

describe("calendar", () => {
  const berlin: Calendar = {
    zone: "Europe/Berlin",
    hours: { mon: ["08:00-18:00"], sun: ["22:00-02:00", "00:00-04:00"], fri: ["20:00-24:00"] },
    holidays: ["2026-12-21"],
  };
  test.each([
    ["2026-03-23T07:00:00Z", true, "Monday 08:00 in winter time"],
    ["2026-03-23T06:59:59Z", false, "a second before"],
    ["2026-03-30T06:00:00Z", true, "Monday 08:00 in summer time"],
    ["2026-03-30T05:59:59Z", false, "a second before"],
    ["2026-03-30T15:59:59Z", true, "before the end"],
    ["2026-03-30T16:00:00Z", false, "at the end"],
    ["2026-03-29T00:59:59Z", true, "Sunday, before 02:00 that never comes"],
    ["2026-03-29T01:59:59Z", true, "Sunday 03:59 after the hour was left out"],
    ["2026-03-29T02:00:00Z", false, "Sunday 04:00"],
    ["2026-10-25T00:30:00Z", true, "Sunday 02:30, the first"],
    ["2026-10-25T01:30:00Z", true, "Sunday 02:30, the second"],
    ["2026-10-25T22:30:00Z", true, "Sunday 23:30"],
    ["2026-10-26T00:59:00Z", true, "past midnight into Monday"],
    ["2026-10-26T01:00:00Z", false, "Monday 02:00"],
    ["2026-07-03T21:59:59Z", true, "Friday to 24:00"],
    ["2026-07-03T22:00:00Z", false, "Saturday"],
    ["2026-12-21T10:00:00Z", false, "a holiday"],
    ["2026-12-14T10:00:00Z", true, "the Monday before"],
  ])("%s is open: %s (%s)", (moment, want) => {
    expect(compileCalendar("c", berlin)(at(moment))).toBe(want);
  });

  test("half-hour zones and changes by half an hour", () => {
    const lordHowe: Calendar = { zone: "Australia/Lord_Howe", hours: { sun: ["02:30-03:00"] }, holidays: [] };
    const isOpen = compileCalendar("c", lordHowe);
    // On 4 October 2026 the clock goes from 02:00 (+10:30) to 02:30 (+11:00).
    expect([at("2026-10-03T15:29:59Z"), at("2026-10-03T15:30:00Z"), at("2026-10-03T16:00:00Z")].map(isOpen)).toEqual([
      false,
      true,
      false,
    ]);
  });

  test("agrees with a library at any moment, in any order", () => {
    const zones = [
      "UTC",
      "Europe/Berlin",
      "America/New_York",
      "Asia/Kolkata",
      "Pacific/Chatham",
      "America/St_Johns",
    ] as const;
    const tests = new Map(zones.map((zone) => [zone, compileCalendar("c", { ...DEFAULT_CALENDAR, zone })] as const));
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.integer({ min: at("2000-01-01T00:00:00Z"), max: at("2037-01-01T00:00:00Z") }),
        (zone, epochMs) => {
          const local = DateTime.fromMillis(epochMs, { zone });
          expect(tests.get(zone)?.(epochMs)).toBe(local.weekday <= 5 && local.hour >= 7 && local.hour < 20);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test.each<[string, Partial<Calendar>, string]>([
    [
      "zone",
      { zone: "Europe/Berlyn" },
      'calendar c: zone Europe/Berlyn is not known; write an IANA name such as "Europe/Berlin"',
    ],
    [
      "hours",
      { hours: { mon: ["8-18"] } },
      'calendar c: hours "8-18" cannot be read; write HH:MM-HH:MM such as "07:00-20:00"',
    ],
    ["holiday", { holidays: ["24.12.2026"] }, 'calendar c: holiday "24.12.2026" is no day; write YYYY-MM-DD'],
  ])("a wrong %s is refused by name", (_name, change, message) => {
    expect(() => compileCalendar("c", { ...DEFAULT_CALENDAR, ...change })).toThrow(message);
  });

  test("business is there by default, an account may have another, others are by name", () => {
    const night: Calendar = { zone: "UTC", hours: { mon: ["00:00-06:00"] }, holidays: [] };
    const fields = createFields({ calendars: { night }, accountCalendars: { "444455556666": "night" } });
    const timeMs = at("2026-01-05T05:00:00Z");
    const ask = (name: string, accountId: string): unknown =>
      fields.get(`enrich.calendar.${name}.open`)?.(eventOf({}, { timeMs, accountId }));
    expect([
      ask("business", "111122223333"),
      ask("business", "444455556666"),
      ask("night", "111122223333"),
      ask("other", "1"),
    ]).toEqual([false, true, true, undefined]);
  });
});
