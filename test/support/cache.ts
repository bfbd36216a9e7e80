/** Where the tests keep what they fetch, outside of every checkout. */
import { homedir } from "node:os";
import { join } from "node:path";

const env = process.env;

/** Folder of this user for what the tests fetch: jars (about 100 MB), programs that check deploy/ (about 150 MB). */
export const CACHE: string =
  env["SAGEWATCH_TEST_CACHE"] ?? join(env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "sagewatch-test");
