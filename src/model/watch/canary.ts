/**
 * The canary: a harmless event that Sagewatch puts on its own queue, to see that what is put there comes through to the
 * commit. What becomes of it. Types only.
 */

/**
 * `returned`: one was committed `tripMs` after it was sent. `missing`: for `forMs` none was; `detail` says whether it could
 * not be sent, or did not come.
 */
export type CanaryOutcome =
  | { readonly status: "returned"; readonly tripMs: number }
  | { readonly status: "missing"; readonly forMs: number; readonly detail: string };
